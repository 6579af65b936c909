/**
 * How many extra attempts the gateway may make: a share of the requests of the last `WINDOW_MS`, and a few a second
 * whatever the traffic (finagle's 20 % + 10/s), so that a quiet gateway can still rescue.
 *
 * A share, not a number of concurrent retries: after a kill a burst of retries is right, and what must not happen is
 * that every client request becomes several when all nodes are down. Exact counts in a ring of buckets, integers only.
 * Hedges have a budget of their own, of the same kind, and are paid from this one too: hedges and retries together stay
 * within it, so that with every node failing the nodes see at most 1.2 times the clients' requests (plus the floor).
 */
import { invariant } from "#core/assert.ts";

const WINDOW_MS = 10_000;
const BUCKET_COUNT = 10;
const BUCKET_MS = WINDOW_MS / BUCKET_COUNT;

export interface RetryBudgetOptions {
  /** Whole percent of the requests. */
  readonly percent: number;
  /** Whole number of extra attempts a second that need no request. */
  readonly perSecond: number;
}

export class RetryBudget {
  readonly #percent: number;
  readonly #floor: number;
  readonly #requests = new Uint32Array(BUCKET_COUNT);
  readonly #spent = new Uint32Array(BUCKET_COUNT);
  #requestSum = 0;
  #spentSum = 0;
  /** Absolute number of the current bucket; its index is this modulo `BUCKET_COUNT`. */
  #bucket: number;

  constructor(options: RetryBudgetOptions, nowMs: number) {
    invariant(Number.isInteger(options.percent), "percent is a whole number");
    this.#percent = options.percent;
    this.#floor = (options.perSecond * WINDOW_MS) / 1000;
    this.#bucket = Math.floor(nowMs / BUCKET_MS);
  }

  /** A client's request has come. */
  deposit(nowMs: number): void {
    const index = this.#advance(nowMs);
    this.#requests[index]! += 1;
    this.#requestSum += 1;
  }

  /** Whether `withdraw` would succeed; takes nothing. */
  covers(nowMs: number): boolean {
    this.#advance(nowMs);
    return this.#spentSum * 100 + 100 <= this.#allowedTimes100();
  }

  /** Takes one extra attempt out of the budget; false when there is none left. */
  withdraw(nowMs: number): boolean {
    if (!this.covers(nowMs)) return false;
    const index = this.#advance(nowMs);
    this.#spent[index]! += 1;
    this.#spentSum += 1;
    return true;
  }

  /** In [0, 1]: what is left of what the window allows. */
  remainingRatio(nowMs: number): number {
    this.#advance(nowMs);
    const allowed = this.#allowedTimes100();
    return allowed === 0 ? 0 : Math.max(0, allowed - this.#spentSum * 100) / allowed;
  }

  #allowedTimes100(): number {
    return this.#requestSum * this.#percent + this.#floor * 100;
  }

  #advance(nowMs: number): number {
    const bucket = Math.floor(nowMs / BUCKET_MS);
    if (bucket > this.#bucket) {
      const steps = Math.min(bucket - this.#bucket, BUCKET_COUNT);
      for (let step = 1; step <= steps; step++) {
        const index = (this.#bucket + step) % BUCKET_COUNT;
        this.#requestSum -= this.#requests[index]!;
        this.#spentSum -= this.#spent[index]!;
        this.#requests[index] = 0;
        this.#spent[index] = 0;
      }
      this.#bucket = bucket;
    }
    return this.#bucket % BUCKET_COUNT;
  }
}
