/** A node by chance, in proportion to its weight: sums of weights, and a binary search for the number drawn. */
import type { Prng } from "#core/prng.ts";
import { NONE, type BalancerMember } from "./balancer.ts";
import { DRAWS_MAX, MemberBalancer } from "./member-balancer.ts";

export class RandomChoice extends MemberBalancer {
  readonly #prng: Prng;
  /** Sum of the weights up to and including each slot's; empty: to be worked out. */
  #sums: number[] = [];

  constructor(members: readonly BalancerMember[], prng: Prng) {
    super(members);
    this.#prng = prng;
  }

  protected override pickSlot(accept: (slot: number) => boolean): number {
    if (this.#sums.length === 0) this.#addUp();
    const total = this.#sums.at(-1) ?? 0;
    if (total === 0) return NONE;
    let slot = 0;
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      slot = this.#slotAt(this.#prng.integer(1, total));
      if (accept(slot)) return slot;
    }
    return this.nextFrom(slot, accept);
  }

  protected override weightChanged(): void {
    this.#sums = [];
  }

  #addUp(): void {
    let sum = 0;
    this.#sums = this.weights.map((weight) => (sum += weight));
  }

  /** The first slot whose sum reaches `drawn`. */
  #slotAt(drawn: number): number {
    let low = 0;
    let high = this.#sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sums[middle]! < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
