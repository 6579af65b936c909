/**
 * Weighted round robin by earliest deadline: a pick puts the node's next deadline 1 / weight further, and the node whose
 * deadline is nearest is picked. Equal weights take turns in order; unequal ones are interleaved, not sent in bursts
 * (Envoy's `EdfScheduler`; nginx gets the same picks by smooth weights in linear time).
 *
 * Deadlines pass a node by that may not be picked. It is owed one pick when it comes back, not all it has missed.
 */
import type { BalancerMember } from "./balancer.ts";
import { MemberBalancer } from "./member-balancer.ts";
import { RankedSlots } from "./ranked-slots.ts";

export class RoundRobin extends MemberBalancer {
  readonly #ranked: RankedSlots;
  readonly #deadlines: number[];
  /** Deadline of the pick made last: the virtual time. */
  #now = 0;

  constructor(members: readonly BalancerMember[]) {
    super(members);
    this.#deadlines = members.map(({ weight }) => step(weight));
    this.#ranked = new RankedSlots(members.length, (slot, other) => {
      const difference = this.#deadlines[slot]! - this.#deadlines[other]!;
      return difference === 0 ? slot < other : difference < 0;
    });
  }

  protected override pickSlot(accept: (slot: number) => boolean): number {
    const slot = this.#ranked.first(accept);
    if (slot < 0) return slot;
    this.#now = Math.max(this.#now, this.#deadlines[slot]!);
    this.#moveTo(slot, this.#now + step(this.weights[slot]!));
    return slot;
  }

  stateChanged(node: number, isEligible: boolean): void {
    this.#ranked.setOut(this.slotOf(node), !isEligible);
  }

  protected override loadChanged(): void {
    // Turns do not depend on load.
  }

  /** The share of its wait that is left stays: a weight that changes often must not put a node off for ever. */
  protected override weightChanged(slot: number, before: number): void {
    const left = Math.max(0, this.#deadlines[slot]! - this.#now);
    this.#moveTo(slot, this.#now + (left * step(this.weights[slot]!)) / step(before));
  }

  #moveTo(slot: number, deadline: number): void {
    this.#deadlines[slot] = deadline;
    this.#ranked.moved(slot);
  }
}

/** A node of weight 0 is never picked; where it stands does not matter. */
function step(weight: number): number {
  return 1 / Math.max(1, weight);
}
