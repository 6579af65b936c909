/**
 * The node with the smallest average time to the head of an answer, times (active + 1) / weight (nginx's `least_time
 * header`). The average moves by an eighth of each answer's difference (as TCP's smoothed round trip, RFC 6298 §2). A
 * node that is new or back is taken for as fast as nodes were on average, so that it is neither flooded nor shunned.
 */
import type { BalancerMember } from "./balancer.ts";
import { RankedBalancer } from "./ranked-balancer.ts";

const GAIN = 1 / 8;
const UNMEASURED_MS = 30;
/** Answers within the timer's resolution are all alike. */
const LEAST_MS = 0.1;

export class LeastTime extends RankedBalancer {
  readonly #averagesMs: Float64Array;
  #overallMs = UNMEASURED_MS;

  constructor(members: readonly BalancerMember[]) {
    super(members);
    this.#averagesMs = new Float64Array(members.length).fill(UNMEASURED_MS);
  }

  observed(node: number, tookMs: number): void {
    const slot = this.slotOf(node);
    const average = this.#averagesMs[slot]!;
    const ms = Math.max(LEAST_MS, tookMs);
    this.#overallMs += (ms - this.#overallMs) * GAIN;
    this.#setAverage(slot, average + (ms - average) * GAIN);
  }

  override stateChanged(node: number, isEligible: boolean): void {
    super.stateChanged(node, isEligible);
    if (isEligible) this.#setAverage(this.slotOf(node), this.#overallMs);
  }

  protected override cost(slot: number): number {
    return this.#averagesMs[slot]! * (this.actives[slot]! + 1);
  }

  #setAverage(slot: number, averageMs: number): void {
    this.#averagesMs[slot] = averageMs;
    this.loadChanged(slot);
  }
}
