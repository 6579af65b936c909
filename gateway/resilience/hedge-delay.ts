/**
 * After how long a node that has not answered is called silent and another one is asked beside it.
 *
 * `initialMs` until `SAMPLES_MIN` attempts have been timed, then the 95th percentile of recent ones between floor and
 * cap: with the percentile alone one request in twenty would be hedged for ever, the floor keeps fast nodes from that.
 * Times are counted in buckets that double every 8 steps (at most 9 % wide), in two halves of `HALF_MS` that replace
 * each other: recording is O(1), and what is older than two halves is forgotten.
 */
const SAMPLES_MIN = 100;
const HALF_MS = 10_000;
const STEPS_PER_DOUBLING = 8;
/** Up to 2^16 ms, a minute. */
const BUCKET_COUNT = 16 * STEPS_PER_DOUBLING + 1;

export interface HedgeDelayOptions {
  readonly initialMs: number;
  readonly floorMs: number;
  readonly capMs: number;
}

export class HedgeDelay {
  readonly #options: HedgeDelayOptions;
  #current = new Uint32Array(BUCKET_COUNT);
  #last = new Uint32Array(BUCKET_COUNT);
  #currentCount = 0;
  #lastCount = 0;
  #halfBeganMs: number;
  #cachedMs: number;
  #cachedUntilMs = -Infinity;

  constructor(options: HedgeDelayOptions, nowMs: number) {
    this.#options = options;
    this.#halfBeganMs = nowMs;
    this.#cachedMs = options.initialMs;
  }

  /** Time from asking a node to the head of its answer. */
  record(attemptMs: number, nowMs: number): void {
    this.#rotate(nowMs);
    this.#current[bucketOf(attemptMs)]! += 1;
    this.#currentCount += 1;
  }

  /** Whole milliseconds until the first hedge of a request. Worked out anew ten times a second at most. */
  delayMs(nowMs: number): number {
    if (nowMs < this.#cachedUntilMs) return this.#cachedMs;
    this.#rotate(nowMs);
    this.#cachedUntilMs = nowMs + 100;
    this.#cachedMs = this.#compute();
    return this.#cachedMs;
  }

  /** Until each further hedge: half as long, so that two hedges leave a silent site well within twice the delay. */
  furtherDelayMs(nowMs: number): number {
    return Math.max(1, Math.round(this.delayMs(nowMs) / 2));
  }

  #compute(): number {
    const { initialMs, floorMs, capMs } = this.#options;
    const count = this.#currentCount + this.#lastCount;
    if (count < SAMPLES_MIN) return Math.min(initialMs, capMs);
    // The rank is rounded up, so that of 100 samples the 95th decides.
    let left = Math.ceil((count * 95) / 100);
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
      left -= this.#current[bucket]! + this.#last[bucket]!;
      if (left <= 0) return Math.min(capMs, Math.max(floorMs, Math.ceil(upperBoundMs(bucket))));
    }
    return capMs;
  }

  #rotate(nowMs: number): void {
    const elapsedMs = nowMs - this.#halfBeganMs;
    if (elapsedMs < HALF_MS) return;
    const wasQuiet = elapsedMs >= 2 * HALF_MS;
    const spare = this.#last;
    this.#last = wasQuiet ? this.#last.fill(0) : this.#current;
    this.#lastCount = wasQuiet ? 0 : this.#currentCount;
    this.#current = wasQuiet ? this.#current.fill(0) : spare.fill(0);
    this.#currentCount = 0;
    this.#halfBeganMs = nowMs;
  }
}

function bucketOf(ms: number): number {
  if (ms <= 1) return 0;
  return Math.min(BUCKET_COUNT - 1, Math.ceil(Math.log2(ms) * STEPS_PER_DOUBLING));
}

function upperBoundMs(bucket: number): number {
  return 2 ** (bucket / STEPS_PER_DOUBLING);
}
