/** What is kept of the nodes of a site: weights, and attempts in flight. Slots are places in the list of members. */
import { invariant } from "#core/assert.ts";
import type { BalancerMember } from "./balancer.ts";

export abstract class MemberCounts {
  protected readonly nodes: readonly number[];
  protected readonly weights: number[];
  protected readonly actives: number[];
  readonly #slotByNode = new Map<number, number>();

  constructor(members: readonly BalancerMember[]) {
    this.nodes = members.map(({ node }) => node);
    this.actives = members.map(() => 0);
    this.weights = members.map(({ weight }) => checkedWeight(weight));
    for (const [slot, node] of this.nodes.entries()) this.#slotByNode.set(node, slot);
    invariant(this.#slotByNode.size === members.length, "a node is a member twice");
  }

  get members(): readonly number[] {
    return this.nodes;
  }

  take(node: number): void {
    const slot = this.slotOf(node);
    this.actives[slot] = this.actives[slot]! + 1;
    this.loadChanged(slot);
  }

  giveBack(node: number): void {
    const slot = this.slotOf(node);
    invariant(this.actives[slot]! > 0, `node ${node} is given back more often than it was taken`);
    this.actives[slot] = this.actives[slot]! - 1;
    this.loadChanged(slot);
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

  /** An attempt has begun or ended there. */
  protected loadChanged(_slot: number): void {}

  protected weightChanged(slot: number, _before: number): void {
    this.loadChanged(slot);
  }

  protected slotOf(node: number): number {
    const slot = this.#slotByNode.get(node);
    invariant(slot !== undefined, `node ${node} is no member`);
    return slot;
  }

  /** Undefined: it is no member. */
  protected findSlot(node: number): number | undefined {
    return this.#slotByNode.get(node);
  }
}

function checkedWeight(weight: number): number {
  invariant(Number.isSafeInteger(weight) && weight >= 0, `weight ${weight} is no whole number >= 0`);
  return weight;
}
