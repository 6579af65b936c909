/**
 * The cheaper of two nodes drawn by chance, where a node costs its recent latency times (active + 1) / weight (Finagle's
 * "peak EWMA"). A slower answer is believed at once, a faster one only by and by: a node that turns slow loses traffic
 * after one answer, and gets it back as its average decays (10 s, Finagle's and Linkerd's).
 *
 * A node nobody has measured is taken for one of 30 ms (Linkerd's `default_rtt`).
 */
import type { Prng } from "#core/prng.ts";
import { NONE, type BalancerMember, type PickRequest } from "./balancer.ts";
import { drawTwo } from "./draws.ts";
import { MemberBalancer } from "./member-balancer.ts";

const DECAY_MS = 10_000;
const UNMEASURED_MS = 30;

export class PeakEwma extends MemberBalancer {
  readonly #prng: Prng;
  readonly #averagesMs: Float64Array;
  readonly #measuredMs: Float64Array;

  constructor(members: readonly BalancerMember[], prng: Prng) {
    super(members);
    this.#prng = prng;
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

  protected override pickSlot(accept: (slot: number) => boolean, { nowMs }: PickRequest): number {
    const [first, second] = drawTwo(this.#prng, this.nodes.length, accept);
    if (first === NONE) return this.nextFrom(0, accept);
    if (second === NONE) return first;
    return this.#cost(second, nowMs) < this.#cost(first, nowMs) ? second : first;
  }

  /** A peak that nobody has confirmed fades, or a node that was slow once would never be asked again. */
  #cost(slot: number, nowMs: number): number {
    const sinceMs = Math.max(0, nowMs - this.#measuredMs[slot]!);
    const fades = sinceMs === Infinity ? 1 : Math.exp(-sinceMs / DECAY_MS);
    return (this.#averagesMs[slot]! * fades * (this.actives[slot]! + 1)) / this.weights[slot]!;
  }
}
