/**
 * Weighted least connections: the node with the smallest (active + 1)^bias / weight.
 *
 * The +1 sorts nodes by the state after the pick, so a node of weight 2 gets its second attempt before a node of
 * weight 1 gets its first beside another one (the key of HAProxy's `lb_fwlc.c`). With the bias 1 fractions are compared
 * by cross-multiplication: integers, exact, no division. A larger bias makes load count for more beside weight, as
 * Envoy's `active_request_bias` does; a smaller one for less. Equal nodes take turns.
 */
import type { BalancerMember } from "./balancer.ts";
import { MemberBalancer } from "./member-balancer.ts";
import { SlotHeap } from "./slot-heap.ts";

export class LeastConnections extends MemberBalancer {
  readonly #bias: number;
  readonly #heap: SlotHeap;
  /** When each slot was picked last, in picks. */
  readonly #turns: number[];
  #turn = 0;

  constructor(members: readonly BalancerMember[], bias = 1) {
    super(members);
    this.#bias = bias;
    this.#turns = members.map(() => 0);
    this.#heap = new SlotHeap(members.length, (slot, other) => this.#isBefore(slot, other));
  }

  protected override pickSlot(accept: (slot: number) => boolean): number {
    const slot = this.#heap.first(accept);
    if (slot >= 0) {
      this.#turns[slot] = this.#turn += 1;
      this.#heap.moved(slot);
    }
    return slot;
  }

  protected override loadChanged(slot: number): void {
    this.#heap.moved(slot);
  }

  #isBefore(slot: number, other: number): boolean {
    const mine = this.#load(slot) * this.weights[other]!;
    const theirs = this.#load(other) * this.weights[slot]!;
    if (mine !== theirs) return mine < theirs;
    const turns = this.#turns[slot]! - this.#turns[other]!;
    return turns === 0 ? slot < other : turns < 0;
  }

  #load(slot: number): number {
    const load = this.actives[slot]! + 1;
    return this.#bias === 1 ? load : load ** this.#bias;
  }
}
