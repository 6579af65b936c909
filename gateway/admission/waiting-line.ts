/**
 * How many requests may be under way, how many of them without a response head (a limit that follows: long bodies are no load that
 * it could see, and must not hold its places), and how many may wait for that. The better tier first, and within one first come, first
 * served. Whoever cannot get a turn and an answer in time, going by how fast the line gets shorter, is told so at once instead of
 * after waiting: what it asked for would be worth nothing when it comes, and it held up the others.
 *
 *     come --> [ P0 | P1 | P2 | P3 ] --> under way, `limit` of them without a head
 *       |          the last of a worse tier makes room for a better one
 *       '--> full, or late: turned away at once
 *
 * A line is there for bursts. One that has not been empty for `STANDING_MS` only makes everybody wait, and nobody is served that would not be
 * otherwise; then `waitTargetMs` is what may be waited (the idea of CoDel, RFC 8289, at the line's tail). First come, first served even so:
 * why not the last first, docs/decisions/0012. Pure: who waits is an object of the caller's.
 */
import { invariant } from "#core/assert.ts";
import type { ConcurrencyLimit, HeadSample } from "./concurrency-limit.ts";
import { ServiceRate } from "./service-rate.ts";
import { TierQueue } from "./tier-queue.ts";

export const TIERS = ["P0", "P1", "P2", "P3"] as const;
export type Tier = (typeof TIERS)[number];
export const TIER_DEFAULT: Tier = "P2";

/** CoDel's interval, a round trip for most. */
const STANDING_MS = 100;
/** Of an answer's time, into the average: as TCP smooths round trips, and half of that. */
const SMOOTHING = 1 / 16;

export interface Waiter {
  /** Its turn has come. May call `leave` and `come`. */
  begin(): void;
}

export interface Arrival {
  readonly tier: Tier;
  /** Its turn must have come by then. */
  readonly dueMs: number;
  /** Its response head must be there by then; `Infinity`: any time. */
  readonly answerDueMs: number;
}

export interface LineOptions {
  /** Under way, heads and bodies; `Infinity`: any number. */
  readonly activeMax: number;
  /** Of those without a head; undefined: any number. */
  readonly limit: ConcurrencyLimit | undefined;
  readonly waitingMax: number;
  /** What may be waited in a line that has stood for long; 0: no less than in any other. */
  readonly waitTargetMs: number;
}

export type Verdict<T> =
  | { readonly is: "go" }
  /** `displaced`: turned away for it. */
  | { readonly is: "wait"; readonly displaced: T | undefined }
  | { readonly is: "full" | "late" };

const GO = { is: "go" } as const;
const FULL = { is: "full" } as const;
const LATE = { is: "late" } as const;

export class WaitingLine<T extends Waiter> {
  readonly #options: LineOptions;
  readonly #waiting: readonly TierQueue<T>[] = TIERS.map(() => new TierQueue());
  readonly #rate = new ServiceRate();
  #count = 0;
  #active = 0;
  /** Of those, without a response head. */
  #awaiting = 0;
  /** Since when somebody waits. */
  #standsSinceMs = Infinity;
  /** Until a response head, on average; 0: not known. */
  #headMs = 0;
  #isLettingIn = false;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  get limit(): ConcurrencyLimit | undefined {
    return this.#options.limit;
  }

  get activeMax(): number {
    return this.#options.activeMax;
  }

  get active(): number {
    return this.#active;
  }

  get awaiting(): number {
    return this.#awaiting;
  }

  /** Somebody may begin. */
  get isOpen(): boolean {
    const { activeMax, limit } = this.#options;
    return this.#active < activeMax && (limit === undefined || this.#awaiting < limit.limit);
  }

  get waiting(): number {
    return this.#count;
  }

  /** Milliseconds until a head comes once somebody has begun, on average. */
  get headMs(): number {
    return this.#headMs;
  }

  /** `go`: under way; `wait`: `begin` is called when its turn has come; otherwise it is turned away. */
  come(who: T, arrival: Arrival, nowMs: number): Verdict<T> {
    if (this.isOpen) {
      this.#active += 1;
      this.#awaiting += 1;
      return GO;
    }
    const tier = TIERS.indexOf(arrival.tier);
    const isFull = this.#count >= this.#options.waitingMax;
    if (isFull && !this.#isAnyBehind(tier)) return FULL;
    if (this.#isLate(tier, arrival, nowMs)) return LATE;
    const displaced = isFull ? this.#takeLastBehind(tier) : undefined;
    if (this.#count === 0) this.#standsSinceMs = nowMs;
    this.#rate.began(nowMs);
    this.#waiting[tier]!.add(who);
    this.#count += 1;
    return { is: "wait", displaced };
  }

  /** It waits no longer; false: it was not waiting any more. */
  giveUp(who: T, nowMs: number): boolean {
    if (!this.#waiting.some((tier) => tier.delete(who))) return false;
    this.#left(nowMs);
    return true;
  }

  /** One that is under way has a response head, or will get none: once for each. */
  answered(nowMs: number): void {
    invariant(this.#awaiting > 0, "more requests were answered than began");
    this.#awaiting -= 1;
    this.#letIn(nowMs);
  }

  /** One that was under way has ended, after `answered`. */
  leave(nowMs: number): void {
    invariant(this.#active > this.#awaiting, "more requests have ended than were answered");
    this.#active -= 1;
    this.#letIn(nowMs);
  }

  /** A node has answered one that is under way, or did not in time. */
  sample(sample: HeadSample, nowMs: number): void {
    if (!sample.isLost) {
      const share = this.#headMs === 0 ? 1 : SMOOTHING;
      this.#headMs += (sample.tookMs - this.#headMs) * share;
    }
    this.#options.limit?.sample(sample, nowMs);
    this.#letIn(nowMs);
  }

  /** Milliseconds until so many have got a turn; 0: not known. */
  drainMs(nowMs: number, count = this.#count): number {
    const perMs = this.#rate.perMs(nowMs);
    return perMs === undefined ? 0 : count / perMs;
  }

  /** Nobody is let in while somebody is: one that ends at once would make the line as deep as it is long. */
  #letIn(nowMs: number): void {
    if (this.#isLettingIn) return;
    this.#isLettingIn = true;
    try {
      while (this.#count > 0 && this.isOpen) {
        const next = this.#takeFirst();
        this.#active += 1;
        this.#awaiting += 1;
        this.#rate.turn(nowMs);
        this.#left(nowMs);
        next.begin();
      }
    } finally {
      this.#isLettingIn = false;
    }
  }

  #takeFirst(): T {
    const first = this.#waiting.find(({ size }) => size > 0)?.takeFirst();
    invariant(first !== undefined, "nobody waits");
    return first;
  }

  #isAnyBehind(tier: number): boolean {
    return this.#waiting.some(({ size }, each) => each > tier && size > 0);
  }

  /** The one who came last to the worst tier. */
  #takeLastBehind(tier: number): T | undefined {
    for (let each = TIERS.length - 1; each > tier; each--) {
      const last = this.#waiting[each]!.takeLast();
      if (last === undefined) continue;
      this.#count -= 1;
      return last;
    }
    return undefined;
  }

  #left(nowMs: number): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    this.#standsSinceMs = Infinity;
    this.#rate.ended(nowMs);
  }

  #isLate(tier: number, { dueMs, answerDueMs }: Arrival, nowMs: number): boolean {
    if (answerDueMs - nowMs < this.#headMs) return true;
    let ahead = 0;
    for (let each = 0; each <= tier; each++) ahead += this.#waiting[each]!.size;
    // What was known of a line that is gone may be wrong by now, and only somebody who waits can show it.
    if (ahead === 0) return false;
    const waitMs = this.drainMs(nowMs, ahead + 1);
    const { waitTargetMs } = this.#options;
    const isStanding = waitTargetMs > 0 && nowMs - this.#standsSinceMs >= STANDING_MS;
    const targetMs = isStanding ? waitTargetMs : Infinity;
    return waitMs > Math.min(dueMs - nowMs, targetMs, answerDueMs - nowMs - this.#headMs);
  }
}
