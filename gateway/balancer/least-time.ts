/**
 * The node with the smallest average time to the head of an answer, times (active + 1) / weight (nginx's `least_time
 * header`). The average moves by an eighth of each answer's difference (as TCP's smoothed round trip, RFC 6298 §2). A
 * node that is new or back is taken for as fast as nodes were on average, so that it is neither flooded nor shunned.
 */
import type { BalancerMember } from "./balancer.ts";
import { MemberBalancer } from "./member-balancer.ts";
import { SlotHeap } from "./slot-heap.ts";

const GAIN = 1 / 8;
const UNMEASURED_MS = 30;
/** Answers within the timer's resolution are all alike. */
const LEAST_MS = 0.1;

export class LeastTime extends MemberBalancer {
  readonly #heap: SlotHeap;
  readonly #averagesMs: Float64Array;
  readonly #turns: number[];
  #turn = 0;
  #overallMs = UNMEASURED_MS;

  constructor(members: readonly BalancerMember[]) {
    super(members);
    this.#averagesMs = new Float64Array(members.length).fill(UNMEASURED_MS);
    this.#turns = members.map(() => 0);
    this.#heap = new SlotHeap(members.length, (slot, other) => this.#isBefore(slot, other));
  }

  observed(node: number, tookMs: number): void {
    const slot = this.slotOf(node);
    this.#overallMs += (Math.max(LEAST_MS, tookMs) - this.#overallMs) * GAIN;
    this.#setAverage(
      slot,
      this.#averagesMs[slot]! + (Math.max(LEAST_MS, tookMs) - this.#averagesMs[slot]!) * GAIN,
    );
  }

  stateChanged(node: number, isEligible: boolean): void {
    if (isEligible) this.#setAverage(this.slotOf(node), this.#overallMs);
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

  #setAverage(slot: number, averageMs: number): void {
    this.#averagesMs[slot] = averageMs;
    this.#heap.moved(slot);
  }

  #isBefore(slot: number, other: number): boolean {
    const mine = this.#averagesMs[slot]! * (this.actives[slot]! + 1) * this.weights[other]!;
    const theirs = this.#averagesMs[other]! * (this.actives[other]! + 1) * this.weights[slot]!;
    if (mine !== theirs) return mine < theirs;
    const turns = this.#turns[slot]! - this.#turns[other]!;
    return turns === 0 ? slot < other : turns < 0;
  }
}
