/**
 * The fixed plan of a load run: when request i is due and what it is. Nothing that happens changes it; that is what
 * keeps a stalled server from hiding the requests that would have seen the stall (coordinated omission).
 *
 * Vantages come in turns, each turn in a seeded order, so that after any number of requests no two differ by more than
 * one. Cohort and method are spread evenly along a vantage's own requests, from a seeded start, so that shares are
 * exact to one request and no two vantages send their POSTs in step.
 */
import { Prng } from "#core/prng.ts";

const NS_PER_S = 1e9;
const SHARE_DENOMINATOR = 100;

export type Cohort = "keep-alive" | "fresh";
export type Method = "GET" | "POST";

export interface PlannedRequest {
  readonly index: number;
  /** Index into the document's vantages. */
  readonly vantage: number;
  readonly cohort: Cohort;
  readonly method: Method;
}

export interface PlanShape {
  readonly rate: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly vantageCount: number;
  readonly freshPercent: number;
  readonly postPercent: number;
  readonly seed: number;
}

export class Plan {
  /** Requests before this index are warm-up. */
  readonly warmUpCount: number;
  readonly count: number;
  readonly #shape: PlanShape;
  readonly #random: Prng;
  readonly #turn: number[];
  readonly #fresh: EvenShare[];
  /** Per vantage and cohort. */
  readonly #post: EvenShare[];
  #next = 0;

  constructor(shape: PlanShape) {
    this.#shape = shape;
    this.warmUpCount = Math.round((shape.warmUpMs * shape.rate) / 1000);
    this.count = this.warmUpCount + Math.max(1, Math.round((shape.durationMs * shape.rate) / 1000));
    const prng = new Prng(shape.seed);
    this.#random = prng.fork("load/turn");
    this.#turn = Array.from({ length: shape.vantageCount }, (_, index) => index);
    const phases = prng.fork("load/phase");
    const share = (percent: number): EvenShare =>
      new EvenShare(percent, phases.integer(0, SHARE_DENOMINATOR - 1));
    this.#fresh = this.#turn.map(() => share(shape.freshPercent));
    this.#post = this.#turn.flatMap(() => [share(shape.postPercent), share(shape.postPercent)]);
  }

  /** Nanoseconds after the plan's start. */
  dueAfterNs(index: number): number {
    return Math.round((index * NS_PER_S) / this.#shape.rate);
  }

  /** Requests due in the first `elapsedNs` of the plan. */
  dueCount(elapsedNs: number): number {
    if (elapsedNs < 0) return 0;
    let count = Math.min(this.count, Math.floor((elapsedNs * this.#shape.rate) / NS_PER_S) + 1);
    // Due times are rounded to whole nanoseconds, so that the division may be off by one either way.
    while (count < this.count && this.dueAfterNs(count) <= elapsedNs) count += 1;
    while (count > 0 && this.dueAfterNs(count - 1) > elapsedNs) count -= 1;
    return count;
  }

  /** The next request in order; undefined at the end. */
  take(): PlannedRequest | undefined {
    if (this.#next >= this.count) return undefined;
    const index = this.#next++;
    const place = index % this.#turn.length;
    if (place === 0) this.#random.shuffle(this.#turn);
    const vantage = this.#turn[place]!;
    const isFresh = this.#fresh[vantage]!.take();
    const isPost = this.#post[vantage * 2 + (isFresh ? 1 : 0)]!.take();
    return {
      index,
      vantage,
      cohort: isFresh ? "fresh" : "keep-alive",
      method: isPost ? "POST" : "GET",
    };
  }
}

/** Says yes to exactly `percent` of 100 calls in a row, evenly spread (Bresenham's line). */
class EvenShare {
  readonly #percent: number;
  #sum: number;

  constructor(percent: number, phase: number) {
    this.#percent = percent;
    this.#sum = phase;
  }

  take(): boolean {
    this.#sum += this.#percent;
    if (this.#sum < SHARE_DENOMINATOR) return false;
    this.#sum -= SHARE_DENOMINATOR;
    return true;
  }
}
