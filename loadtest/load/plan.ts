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
const NS_PER_MS = 1e6;
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
  /** Of the warm-up, and of everything where there are no steps. */
  readonly rate: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** The counted part in steps of constant rate, which then says how long it is. */
  readonly steps?: readonly PlanStep[];
  readonly vantageCount: number;
  readonly freshPercent: number;
  readonly postPercent: number;
  readonly seed: number;
}

export interface PlanStep {
  readonly rate: number;
  readonly durationMs: number;
}

/** A stretch of constant rate; the first request of it is due at its start. */
interface Stretch {
  readonly rate: number;
  readonly fromIndex: number;
  readonly fromNs: number;
}

export class Plan {
  /** Requests before this index are warm-up. */
  readonly warmUpCount: number;
  readonly count: number;
  /** In order; the first begins at 0. */
  readonly #stretches: readonly Stretch[];
  readonly #random: Prng;
  readonly #turn: number[];
  readonly #fresh: EvenShare[];
  /** Per vantage and cohort. */
  readonly #post: EvenShare[];
  #next = 0;

  constructor(shape: PlanShape) {
    this.warmUpCount = Math.round((shape.warmUpMs * shape.rate) / 1000);
    const { stretches, count } = stretchesOf(shape, this.warmUpCount);
    this.#stretches = stretches;
    this.count = this.warmUpCount + Math.max(1, count);
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
    const { rate, fromIndex, fromNs } = this.#stretchOf(index);
    return Math.round(fromNs + ((index - fromIndex) * NS_PER_S) / rate);
  }

  /** Requests due in the first `elapsedNs` of the plan. */
  dueCount(elapsedNs: number): number {
    if (elapsedNs < 0) return 0;
    const { rate, fromIndex, fromNs } = this.#stretchAt(elapsedNs);
    let count = Math.min(this.count, fromIndex + Math.floor(((elapsedNs - fromNs) * rate) / NS_PER_S) + 1);
    // Due times are rounded to whole nanoseconds, so that the division may be off by one either way.
    while (count < this.count && this.dueAfterNs(count) <= elapsedNs) count += 1;
    while (count > 0 && this.dueAfterNs(count - 1) > elapsedNs) count -= 1;
    return count;
  }

  #stretchOf(index: number): Stretch {
    return this.#stretches.findLast(({ fromIndex }) => fromIndex <= index)!;
  }

  #stretchAt(elapsedNs: number): Stretch {
    return this.#stretches.findLast(({ fromNs }) => fromNs <= elapsedNs)!;
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

/** Warm-up and the first step are one stretch where their rates are the same. */
function stretchesOf(shape: PlanShape, warmUpCount: number): { stretches: Stretch[]; count: number } {
  const stretches: Stretch[] = [{ rate: shape.rate, fromIndex: 0, fromNs: 0 }];
  const steps = shape.steps ?? [{ rate: shape.rate, durationMs: shape.durationMs }];
  let fromNs = (warmUpCount * NS_PER_S) / shape.rate;
  let count = 0;
  for (const { rate, durationMs } of steps) {
    if (rate !== stretches.at(-1)!.rate) stretches.push({ rate, fromIndex: warmUpCount + count, fromNs });
    count += Math.round((durationMs * rate) / 1000);
    fromNs += durationMs * NS_PER_MS;
  }
  return { stretches, count };
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
