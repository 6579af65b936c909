/**
 * The cheaper of two nodes drawn by chance, where a node costs its recent latency times (active + 1) / weight (Finagle's
 * "peak EWMA"). A slower answer is believed at once, a faster one only by and by: a node that turns slow loses traffic
 * after one answer, and gets it back as its average decays (10 s, Finagle's and Linkerd's).
 *
 * A node nobody has measured is taken for one of 30 ms (Linkerd's `default_rtt`).
 */
import type { Prng } from "#core/prng.ts";
import type { BalancerMember } from "./balancer.ts";
import { TwoChoices } from "./two-choices.ts";

const DECAY_MS = 10_000;
const UNMEASURED_MS = 30;

export class PeakEwma extends TwoChoices {
  readonly #averagesMs: Float64Array;
  readonly #measuredMs: Float64Array;

  constructor(members: readonly BalancerMember[], prng: Prng) {
    super(members, prng);
    this.#averagesMs = new Float64Array(members.length).fill(UNMEASURED_MS);
    this.#measuredMs = new Float64Array(members.length).fill(-Infinity);
  }

  observed(node: number, tookMs: number, nowMs: number): void {
    const slot = this.slotOf(node);
    const average = this.#averagesMs[slot]!;
    const sinceMs = Math.max(0, nowMs - this.#measuredMs[slot]!);
    this.#measuredMs[slot] = nowMs;
    const kept = Math.exp(-sinceMs / DECAY_MS);
    this.#averagesMs[slot] = tookMs > average ? tookMs : average * kept + tookMs * (1 - kept);
  }

  /** What was known of it was known of another life. */
  stateChanged(node: number, isEligible: boolean): void {
    if (!isEligible) return;
    const slot = this.slotOf(node);
    this.#averagesMs[slot] = UNMEASURED_MS;
    this.#measuredMs[slot] = -Infinity;
  }

  /** A peak that nobody has confirmed fades, or a node that was slow once would never be asked again. */
  protected override cost(slot: number, nowMs: number): number {
    const sinceMs = Math.max(0, nowMs - this.#measuredMs[slot]!);
    const fades = sinceMs === Infinity ? 1 : Math.exp(-sinceMs / DECAY_MS);
    return this.#averagesMs[slot]! * fades * (this.actives[slot]! + 1);
  }
}
