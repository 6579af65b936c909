/**
 * Balancers that draw two nodes and take the cheaper one, by weight: as even as looking at all of them, nearly, at a
 * cost that does not grow with the nodes, and without the herd: gateways that do not know of each other do not all
 * choose the same node (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
 */
import type { Prng } from "#core/prng.ts";
import { NONE, type BalancerMember, type PickRequest } from "./balancer.ts";
import { DRAWS_MAX, MemberBalancer } from "./member-balancer.ts";

export abstract class TwoChoices extends MemberBalancer {
  readonly #prng: Prng;

  constructor(members: readonly BalancerMember[], prng: Prng) {
    super(members);
    this.#prng = prng;
  }

  /** Before weight. */
  protected abstract cost(slot: number, nowMs: number): number;

  costOf(node: number, nowMs: number): number {
    const slot = this.slotOf(node);
    return this.cost(slot, nowMs) / this.weights[slot]!;
  }

  protected override pickSlot(accept: (slot: number) => boolean, { nowMs }: PickRequest): number {
    const first = this.#draw(NONE, accept);
    if (first === NONE) return this.nextFrom(0, accept);
    const second = this.#draw(first, accept);
    if (second === NONE) return first;
    const isCheaper =
      this.cost(second, nowMs) * this.weights[first]! < this.cost(first, nowMs) * this.weights[second]!;
    return isCheaper ? second : first;
  }

  /** An acceptable slot other than `taken`; `NONE` when it was not found by chance. */
  #draw(taken: number, accept: (slot: number) => boolean): number {
    // Drawn among the others, so that of two nodes both are always looked at.
    const last = this.nodes.length - (taken === NONE ? 1 : 2);
    if (last < 0) return NONE;
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      const drawn = this.#prng.integer(0, last);
      const slot = taken !== NONE && drawn >= taken ? drawn + 1 : drawn;
      if (accept(slot)) return slot;
    }
    return NONE;
  }
}
