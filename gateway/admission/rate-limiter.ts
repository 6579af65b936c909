/**
 * How many requests may come: so many a second on average, and up to `burst` at once. The generic cell rate algorithm
 * (ITU-T I.371, annex A; the virtual scheduling form), which is a token bucket that keeps one number: the moment at which
 * a request would come exactly in time. Whole microseconds. Nothing has to be refilled, and a client that is silent costs nothing.
 */
import { invariant } from "#core/assert.ts";

const US_PER_MS = 1_000;
const US_PER_S = 1_000_000;

export interface RateLimit {
  /** Above 0; fractions are allowed. */
  readonly requestsPerSecond: number;
  /** Whole number from 1. */
  readonly burst: number;
}

export class RateLimiter {
  readonly limit: RateLimit;
  readonly #intervalUs: number;
  /** How far ahead of its time a request may come. */
  readonly #toleranceUs: number;

  constructor(limit: RateLimit) {
    invariant(limit.requestsPerSecond > 0 && limit.burst >= 1, "a limit lets something through");
    this.limit = limit;
    this.#intervalUs = Math.max(1, Math.round(US_PER_S / limit.requestsPerSecond));
    this.#toleranceUs = this.#intervalUs * (limit.burst - 1);
  }

  /** `dueUs`: when a request would come exactly in time; 0 at first. */
  mayPass(dueUs: number, nowMs: number): boolean {
    return dueUs - this.#toleranceUs <= Math.floor(nowMs * US_PER_MS);
  }

  /** A request passes: `dueUs` of the next one. */
  next(dueUs: number, nowMs: number): number {
    return Math.max(dueUs, Math.floor(nowMs * US_PER_MS)) + this.#intervalUs;
  }

  /** Milliseconds until one may pass; 0: now. */
  waitMs(dueUs: number, nowMs: number): number {
    return Math.max(0, dueUs - this.#toleranceUs - Math.floor(nowMs * US_PER_MS)) / US_PER_MS;
  }
}
