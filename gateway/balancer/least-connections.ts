/**
 * Weighted least connections: the node with the smallest (active + 1) / weight.
 *
 * The +1 sorts nodes by the state after the pick, so a node of weight 2 gets its second attempt before a node of
 * weight 1 gets its first beside another one (the key of HAProxy's `lb_fwlc.c`). Fractions are compared by
 * cross-multiplication: integers, exact, no division. The scan begins one past the node picked last, so equal nodes
 * take turns. Linear in the nodes of a site; a tree pays only from hundreds of nodes on.
 */
import { invariant } from "#core/assert.ts";
import { NONE, type Balancer, type BalancerMember } from "./balancer.ts";

export class LeastConnections implements Balancer {
  readonly #nodes: readonly number[];
  readonly #slotByNode = new Map<number, number>();
  readonly #weights: number[];
  readonly #active: number[];
  /** Slot at which the next scan begins. */
  #start = 0;

  constructor(members: readonly BalancerMember[]) {
    this.#nodes = members.map((member) => member.node);
    this.#weights = members.map((member) => member.weight);
    this.#active = members.map(() => 0);
    for (const [slot, node] of this.#nodes.entries()) this.#slotByNode.set(node, slot);
    invariant(this.#slotByNode.size === members.length, "a node is a member twice");
    for (const member of members) this.setWeight(member.node, member.weight);
  }

  pick(isEligible: (node: number) => boolean, excluded: readonly number[]): number {
    const count = this.#nodes.length;
    let best = NONE;
    for (let step = 0; step < count; step++) {
      const slot = this.#start + step < count ? this.#start + step : this.#start + step - count;
      const node = this.#nodes[slot]!;
      if (this.#weights[slot] === 0 || excluded.includes(node) || !isEligible(node)) continue;
      if (best === NONE || this.#isBefore(slot, best)) best = slot;
    }
    if (best === NONE) return NONE;
    this.#start = best + 1 === count ? 0 : best + 1;
    return this.#nodes[best]!;
  }

  take(node: number): void {
    const slot = this.#slot(node);
    this.#active[slot] = this.#active[slot]! + 1;
  }

  giveBack(node: number): void {
    const slot = this.#slot(node);
    invariant(this.#active[slot]! > 0, `node ${node} is given back more often than it was taken`);
    this.#active[slot] = this.#active[slot]! - 1;
  }

  active(node: number): number {
    return this.#active[this.#slot(node)]!;
  }

  setWeight(node: number, weight: number): void {
    invariant(Number.isSafeInteger(weight) && weight >= 0, `weight ${weight} is no whole number >= 0`);
    this.#weights[this.#slot(node)] = weight;
  }

  weight(node: number): number {
    return this.#weights[this.#slot(node)]!;
  }

  /** (active + 1) / weight of `slot` is strictly less than that of `other`. */
  #isBefore(slot: number, other: number): boolean {
    return (
      (this.#active[slot]! + 1) * this.#weights[other]! < (this.#active[other]! + 1) * this.#weights[slot]!
    );
  }

  #slot(node: number): number {
    const slot = this.#slotByNode.get(node);
    invariant(slot !== undefined, `node ${node} is no member`);
    return slot;
  }
}
