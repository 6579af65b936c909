/**
 * Samples that are judged together: of so long at least and so many at least, so that nothing follows from three requests that
 * happened to be slow. The median stands for all of them (as by default in Envoy's adaptive concurrency): a slow path, as long as it is less than half of
 * the traffic, says nothing about the load.
 *
 * A window also lasts for twice what answers took in the one before. What ends in a shorter one began under an older limit: the
 * limit would be changed again and again before anybody could have seen what the change did.
 *
 * Of very many samples the last `SAMPLES_MAX` count. A window that has not filled within `STALE_MS` begins anew.
 */
import type { HeadSample } from "./concurrency-limit.ts";

const SAMPLES_MAX = 512;
const STALE_MS = 30_000;
const LASTS_MAX_MS = 5_000;

export interface ClosedWindow {
  /** `Infinity`: more than half were lost. */
  readonly medianMs: number;
  /** One in ten took longer. */
  readonly lateMs: number;
  /** Requests under way, at most. */
  readonly activeMax: number;
}

export class SampleWindow {
  readonly #windowMs: number;
  readonly #samplesMin: number;
  readonly #tookMs = new Float64Array(SAMPLES_MAX);
  #count = 0;
  #activeMax = 0;
  #openedMs: number;
  /** Twice what answers took in the last window. */
  #twiceMs = 0;

  constructor(windowMs: number, samplesMin: number, nowMs: number) {
    this.#windowMs = windowMs;
    this.#samplesMin = samplesMin;
    this.#openedMs = nowMs;
  }

  /** Undefined while it is open; another one is open after that. */
  add({ tookMs, active, isLost }: HeadSample, nowMs: number): ClosedWindow | undefined {
    const isFull = this.#count >= this.#samplesMin;
    if (!isFull && nowMs - this.#openedMs > STALE_MS) this.reopen(nowMs);
    this.#tookMs[this.#count % SAMPLES_MAX] = isLost ? Infinity : tookMs;
    this.#count += 1;
    this.#activeMax = Math.max(this.#activeMax, active);
    if (this.#count < this.#samplesMin || nowMs - this.#openedMs < Math.max(this.#windowMs, this.#twiceMs))
      return undefined;
    const sorted = this.#tookMs.subarray(0, Math.min(this.#count, SAMPLES_MAX)).sort();
    const closed = {
      medianMs: sorted[(sorted.length - 1) >> 1]!,
      lateMs: sorted[Math.ceil(sorted.length * 0.9) - 1]!,
      activeMax: this.#activeMax,
    };
    this.#twiceMs = Math.min(2 * closed.medianMs, LASTS_MAX_MS);
    this.reopen(nowMs);
    return closed;
  }

  /** What is in it counts for nothing. */
  reopen(nowMs: number): void {
    this.#count = 0;
    this.#activeMax = 0;
    this.#openedMs = nowMs;
  }
}
