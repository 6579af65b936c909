/** What is kept of the nodes of a site: weights, and attempts in flight. Slots are places in the list of members. */
import { invariant } from "#core/assert.ts";
import { NONE, type BalancerMember } from "./balancer.ts";

export abstract class MemberCounts {
  protected readonly nodes: readonly number[];
  protected readonly weights: number[];
  protected readonly actives: number[];
  /** By node less the smallest: a site's nodes are numbered one after the other, so this is no larger than their list. */
  readonly #slotByNode: Int32Array;
  readonly #nodeMin: number;

  constructor(members: readonly BalancerMember[]) {
    this.nodes = members.map(({ node }) => node);
    this.actives = members.map(() => 0);
    this.weights = members.map(({ weight }) => checkedWeight(weight));
    this.#nodeMin = this.nodes.reduce((least, node) => Math.min(least, node), Infinity);
    const nodeMax = this.nodes.reduce((most, node) => Math.max(most, node), -1);
    this.#slotByNode = new Int32Array(Math.max(0, nodeMax + 1 - this.#nodeMin)).fill(NONE);
    for (const [slot, node] of this.nodes.entries()) {
      invariant(this.findSlot(node) === undefined, "a node is a member twice");
      this.#slotByNode[node - this.#nodeMin] = slot;
    }
  }

  get members(): readonly number[] {
    return this.nodes;
  }

  take(node: number): void {
    const slot = this.slotOf(node);
    this.actives[slot] = this.actives[slot]! + 1;
    this.loadChanged(slot, 1);
  }

  giveBack(node: number): void {
    const slot = this.slotOf(node);
    invariant(this.actives[slot]! > 0, `node ${node} is given back more often than it was taken`);
    this.actives[slot] = this.actives[slot]! - 1;
    this.loadChanged(slot, -1);
  }

  active(node: number): number {
    return this.actives[this.slotOf(node)]!;
  }

  setWeight(node: number, weight: number): void {
    const slot = this.slotOf(node);
    const before = this.weights[slot]!;
    if (before === checkedWeight(weight)) return;
    this.weights[slot] = weight;
    this.weightChanged(slot, before);
  }

  weight(node: number): number {
    return this.weights[this.slotOf(node)]!;
  }

  /** An attempt has begun (1) or ended (-1) there. */
  protected loadChanged(_slot: number, _by: number): void {}

  protected weightChanged(slot: number, _before: number): void {
    this.loadChanged(slot, 0);
  }

  protected slotOf(node: number): number {
    const slot = this.#slotByNode[node - this.#nodeMin];
    if (slot === undefined || slot === NONE) invariant(false, `node ${node} is no member`);
    return slot;
  }

  /** Undefined: it is no member. */
  protected findSlot(node: number): number | undefined {
    const slot = this.#slotByNode[node - this.#nodeMin];
    return slot === NONE ? undefined : slot;
  }
}

function checkedWeight(weight: number): number {
  invariant(Number.isSafeInteger(weight) && weight >= 0, `weight ${weight} is no whole number >= 0`);
  return weight;
}
