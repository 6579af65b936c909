/**
 * Additive increase, multiplicative decrease (Chiu and Jain 1989; TCP's): a few more as long as nodes answer in time, a tenth
 * fewer when they do not. In time is what the operator says, so it finds how many may be under way for that, not how many are
 * enough: requests queue at the nodes until one in ten takes `latencyMaxMs`. It needs no measurement and drops nobody for one,
 * and gateways before the same nodes come to equal shares.
 *
 * A window of samples is one step, whatever is in it: a hundred requests that time out together are one reason to go down, not a
 * hundred. A limit that is not in use does not grow: nothing has been learnt about it.
 */
import type { AdaptiveBounds, ConcurrencyLimit, HeadSample } from "./concurrency-limit.ts";
import { SampleWindow } from "./sample-window.ts";

/** Requests more for a window that was in time. */
const INCREASE = 4;
/** As in Netflix's concurrency-limits. */
const DECREASE = 0.9;

export interface AimdOptions extends AdaptiveBounds {
  /** One answer in ten that takes longer, or is lost, is a reason to go down. */
  readonly latencyMaxMs: number;
}

export class AimdLimit implements ConcurrencyLimit {
  readonly phase = "following";
  readonly #options: AimdOptions;
  readonly #window: SampleWindow;
  #limit: number;

  constructor(options: AimdOptions, nowMs: number) {
    this.#options = options;
    this.#window = new SampleWindow(options.windowMs, options.samplesMin, nowMs);
    this.#limit = options.activeInitial;
  }

  get limit(): number {
    return this.#limit;
  }

  sample(sample: HeadSample, nowMs: number): void {
    const closed = this.#window.add(sample, nowMs);
    if (closed === undefined) return;
    const { activeMax, activeMin, latencyMaxMs } = this.#options;
    if (closed.lateMs > latencyMaxMs) this.#limit = Math.max(activeMin, Math.floor(this.#limit * DECREASE));
    else if (closed.activeMax * 2 > this.#limit) this.#limit = Math.min(activeMax, this.#limit + INCREASE);
  }
}
