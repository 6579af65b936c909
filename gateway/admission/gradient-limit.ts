/**
 * As many as keep the nodes busy, and a few more: the limit times what answers take without a queue over what they take now, and
 * the root of the limit on top (the gradient of Netflix's concurrency-limits and Envoy's adaptive concurrency). It needs to know
 * the floor, what nodes take when nobody waits at them, and that is where those two are complained about. Here:
 *
 * - The floor is measured with half of the requests, not with three (Envoy, which turns the others away meanwhile). What keeps
 *   nodes busy and leaves a short queue leaves none at half; if the queue was longer the median falls, and the measurement goes on
 *   with half of that until it falls no more. So a floor that has drifted is found in one go, from any height. A limit that is
 *   hardly used is not touched.
 * - Gateways measure together, at multiples of the interval on the wall clock. One alone would see the queue of the others and
 *   take it for the floor, each in its turn, and the queue would grow without end (docs/decisions/0011). Half each is no outage.
 * - It does not follow an average (Gradient2 does, and takes a queue that stays for the floor), and single low windows move it a
 *   little only: the least of many medians is lower than what is normal.
 * - When the limit has fallen by half the floor is measured soon: nodes that have become slower, with no queue at all, look the
 *   same until fewer requests have made no difference. Then the limit is what it was.
 *
 *     limit  ____                    ____
 *                \__  fell by half  /     nodes are slower: half makes no difference
 *                   \_    _________/
 *                     \__/          \____  a queue: half was faster, and the limit stays down
 *
 * Pure; medians of whole windows (sample-window.ts). Left out: a floor for each path. Where paths that are slow in themselves can
 * become the greater half of the traffic, `paths[].isSampled: false` leaves them out.
 */
import type { AdaptiveBounds, ConcurrencyLimit, HeadSample } from "./concurrency-limit.ts";
import { SampleWindow, type ClosedWindow } from "./sample-window.ts";

/** A window takes at most half of the limit away. */
const GRADIENT_MIN = 0.5;
/** Medians between these shares of the floor are the floor. */
const SAME_MIN = 0.8;
const SAME_MAX = 1.25;
/** Of the way to a window that is lower than the floor. */
const FLOOR_STEP = 0.25;
/** Moments within the interval at which gateways measure that have a reason to. */
const MOMENTS = 16;

export interface GradientOptions extends AdaptiveBounds {
  /** Answers may take this many times the floor before the limit falls. */
  readonly tolerance: number;
  /** Between two measurements of the floor. */
  readonly measureIntervalMs: number;
}

/** Where the limit stood, and what answers took then. */
interface Stand {
  readonly limit: number;
  readonly medianMs: number;
}

interface Measurement {
  /** Requests under way meanwhile. */
  readonly limit: number;
  readonly from: Stand;
  /** With twice as many, in this measurement; undefined: it is the first step. */
  readonly beforeMs: number | undefined;
}

export class GradientLimit implements ConcurrencyLimit {
  readonly #options: GradientOptions;
  readonly #aheadMs: number;
  readonly #window: SampleWindow;
  #limit: number;
  /** Undefined until the first window. */
  #floorMs: number | undefined;
  #last: ClosedWindow | undefined;
  #measureDueMs = Infinity;
  #measurement: Measurement | undefined;
  /** When the limit began to fall. */
  #descent: Stand | undefined;

  /** `aheadMs`: by how much the wall clock is ahead of `nowMs`. */
  constructor(options: GradientOptions, aheadMs: number, nowMs: number) {
    this.#options = options;
    this.#aheadMs = aheadMs;
    this.#window = new SampleWindow(options.windowMs, options.samplesMin, nowMs);
    this.#limit = options.activeInitial;
    this.#awaitTurn(nowMs);
  }

  get limit(): number {
    return this.#measurement?.limit ?? Math.floor(this.#limit);
  }

  get phase(): "following" | "measuring" {
    return this.#measurement === undefined ? "following" : "measuring";
  }

  get floorMs(): number | undefined {
    return this.#floorMs;
  }

  sample(sample: HeadSample, nowMs: number): void {
    const measurement = this.#measurement;
    // Those that began before have seen the queue.
    if (measurement !== undefined && sample.active > measurement.limit) return;
    if (measurement === undefined && nowMs >= this.#measureDueMs) return this.#beginTurn(nowMs);
    const closed = this.#window.add(sample, nowMs);
    if (closed === undefined) return;
    if (measurement !== undefined) this.#measured(measurement, closed.medianMs, nowMs);
    else this.#follow(closed, nowMs);
  }

  #follow(closed: ClosedWindow, nowMs: number): void {
    const { activeMax, medianMs } = closed;
    this.#seeFloor(medianMs);
    // What is seen first may be a queue that was there before.
    if (this.#last === undefined) this.#awaitMoment(nowMs);
    this.#last = closed;
    const isInUse = activeMax * 2 > this.#limit;
    const next = this.#limit * this.#gradient(medianMs, GRADIENT_MIN) + Math.sqrt(this.#limit);
    if (next > this.#limit) {
      this.#descent = undefined;
      if (isInUse) this.#limit = this.#bounded(next);
      return;
    }
    this.#descent ??= { limit: this.#limit, medianMs };
    this.#limit = this.#bounded(isInUse ? next : Math.max(next, this.#unusedMin(activeMax)));
    if (this.#hasFallen()) this.#awaitMoment(nowMs);
  }

  /** Slow answers to a few requests are no reason to have no room for many: the limit falls onto what is in use at most. */
  #unusedMin(activeMax: number): number {
    return Math.min(this.#limit, Math.max(activeMax * 2, this.#options.activeInitial));
  }

  #seeFloor(medianMs: number): void {
    if (this.#floorMs === undefined) this.#floorMs = medianMs < Infinity ? medianMs : undefined;
    else if (medianMs < this.#floorMs * SAME_MIN) this.#floorMs += (medianMs - this.#floorMs) * FLOOR_STEP;
  }

  #gradient(medianMs: number, min: number): number {
    if (this.#floorMs === undefined) return 1;
    return Math.max(min, Math.min(1, (this.#floorMs * this.#options.tolerance) / medianMs));
  }

  #hasFallen(): boolean {
    return this.#descent !== undefined && this.#limit <= this.#descent.limit / 2;
  }

  #beginTurn(nowMs: number): void {
    this.#awaitTurn(nowMs);
    const last = this.#last;
    if (last === undefined || last.activeMax * 2 <= this.#limit) return;
    const from = this.#hasFallen() ? this.#descent! : { limit: this.#limit, medianMs: last.medianMs };
    this.#descent = undefined;
    this.#measurement = { limit: this.#half(this.#limit), from, beforeMs: undefined };
    this.#window.reopen(nowMs);
  }

  #measured({ limit, from, beforeMs }: Measurement, medianMs: number, nowMs: number): void {
    const isFloor = beforeMs === undefined ? this.#isKnown(medianMs) : medianMs >= beforeMs * SAME_MIN;
    if (!isFloor && limit > this.#options.activeMin) {
      this.#measurement = { limit: this.#half(limit), from, beforeMs: medianMs };
      return;
    }
    this.#measurement = undefined;
    this.#awaitTurn(nowMs);
    if (medianMs < Infinity) this.#floorMs = Math.min(medianMs, beforeMs ?? Infinity);
    this.#limit = this.#bounded(from.limit * this.#gradient(from.medianMs, 0));
  }

  #isKnown(medianMs: number): boolean {
    const floorMs = this.#floorMs ?? 0;
    return medianMs >= floorMs * SAME_MIN && medianMs <= floorMs * SAME_MAX;
  }

  #awaitTurn(nowMs: number): void {
    this.#measureDueMs = this.#nextMs(this.#options.measureIntervalMs, nowMs);
  }

  #awaitMoment(nowMs: number): void {
    const momentMs = this.#nextMs(this.#options.measureIntervalMs / MOMENTS, nowMs);
    this.#measureDueMs = Math.min(this.#measureDueMs, momentMs);
  }

  #nextMs(everyMs: number, nowMs: number): number {
    return (Math.floor((nowMs + this.#aheadMs) / everyMs) + 1) * everyMs - this.#aheadMs;
  }

  #half(limit: number): number {
    return Math.max(this.#options.activeMin, Math.floor(limit / 2));
  }

  #bounded(limit: number): number {
    return Math.max(this.#options.activeMin, Math.min(this.#options.activeMax, limit));
  }
}
