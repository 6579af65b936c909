/**
 * Route-flap damping (RFC 2439): a neighbour's route that flaps collects a penalty, which decays by half in a fixed time;
 * above one threshold the route is heard but not used, until it has decayed to another.
 *
 *     penalty  ^      x          withdrawn: +1000; announced again, or on another path: by vendor
 *     suppress |---x--|\---------------
 *              |  x   | \  halves every 15 min
 *     reuse    |------|----\-----------  used again after halfLife * log2(penalty / reuse)
 *
 * The penalty belongs to the session and the prefix: another path does not begin at zero. Times are exact here, where
 * real routers look every few seconds (5 s in Cisco's IOS IP Configuration Guide). That a session is lost is taken for no
 * flap of the route.
 */

export interface Damping {
  readonly withdrawn: number;
  readonly announcedAgain: number;
  readonly changed: number;
  /** Above it the route is suppressed. */
  readonly suppress: number;
  /** Down to it the route is used again. */
  readonly reuse: number;
  /** Minutes, and the longest suppression in minutes: it bounds the penalty. */
  readonly halfLifeMin: number;
  readonly suppressMaxMin: number;
}

const COMMON = { withdrawn: 1_000, changed: 500, reuse: 750, halfLifeMin: 15, suppressMaxMin: 60 } as const;

export const DAMPING_SETS = {
  /** Cisco IOS and Quagga as they come: suppress above 2000. */
  cisco: { ...COMMON, announcedAgain: 0, suppress: 2_000 },
  /** Junos as it comes: an announcement after a withdrawal counts too, suppress above 3000. */
  juniper: { ...COMMON, announcedAgain: 1_000, suppress: 3_000 },
  /** As RFC 7196 advises: Cisco's penalties, suppress no sooner than above 6000. */
  "rfc-7196": { ...COMMON, announcedAgain: 0, suppress: 6_000 },
} as const satisfies Readonly<Record<string, Damping>>;

export type DampingName = keyof typeof DAMPING_SETS;
export const DAMPING_NAMES = ["cisco", "juniper", "rfc-7196"] as const satisfies readonly DampingName[];

const US_PER_MIN = 60_000_000;

/** The highest penalty: what decays to `reuse` in the longest suppression. */
export function penaltyMax({ reuse, suppressMaxMin, halfLifeMin }: Damping): number {
  return reuse * 2 ** (suppressMaxMin / halfLifeMin);
}

/** Whole µs until `penalty` has decayed to `reuse`; 0 when it is there. */
export function reuseAfterUs(penalty: number, { reuse, halfLifeMin }: Damping): number {
  return Math.max(0, Math.ceil(halfLifeMin * US_PER_MIN * Math.log2(penalty / reuse)));
}

/** The penalties of all sessions of all ASes that damp. */
export class RouteDamper {
  readonly #set: Damping;
  readonly #max: number;
  readonly #penalty: Float64Array;
  /** When `#penalty` was true, µs. */
  readonly #atUs: Float64Array;
  readonly #isSuppressed: Uint8Array;
  /** 1: the neighbour has announced before. */
  readonly #isKnown: Uint8Array;
  /** What the neighbour says, usable or not; 0 none. */
  readonly #offered: Int32Array;

  constructor(slots: number, set: Damping) {
    this.#set = set;
    this.#max = penaltyMax(set);
    this.#penalty = new Float64Array(slots);
    this.#atUs = new Float64Array(slots);
    this.#isSuppressed = new Uint8Array(slots);
    this.#isKnown = new Uint8Array(slots);
    this.#offered = new Int32Array(slots);
  }

  isSuppressed(slot: number): boolean {
    return this.#isSuppressed[slot] === 1;
  }

  /** The neighbour at `slot` says `path` now, 0 for nothing; `used` is what is used of it so far. What may be used now. */
  hear(slot: number, used: number, path: number, nowUs: number): number {
    if (this.#isKnown[slot] === 0) this.#offered[slot] = used;
    const before = this.#offered[slot]!;
    if (before !== path) this.#add(slot, this.#weigh(slot, before, path), nowUs);
    if (path !== 0 || before !== 0) this.#isKnown[slot] = 1;
    this.#offered[slot] = path;
    return this.#isSuppressed[slot] === 1 ? 0 : path;
  }

  /** When the suppressed route may be used, unless it flaps again; whole µs, now at the earliest. */
  reuseUs(slot: number, nowUs: number): number {
    return nowUs + reuseAfterUs(this.#penaltyAt(slot, nowUs), this.#set);
  }

  /** Ends the suppression; what the neighbour says. */
  release(slot: number): number {
    this.#isSuppressed[slot] = 0;
    return this.#offered[slot]!;
  }

  /** The session is gone, and with it what the neighbour said. The penalty stays, and so does a suppression. */
  forget(slot: number): void {
    this.#offered[slot] = this.#isKnown[slot] = 0;
  }

  #weigh(slot: number, before: number, path: number): number {
    if (path === 0) return this.#set.withdrawn;
    if (before !== 0) return this.#set.changed;
    return this.#isKnown[slot] === 1 ? this.#set.announcedAgain : 0;
  }

  #add(slot: number, penalty: number, nowUs: number): void {
    this.#penalty[slot] = Math.min(this.#max, this.#penaltyAt(slot, nowUs) + penalty);
    this.#atUs[slot] = nowUs;
    if (this.#penalty[slot] > this.#set.suppress) this.#isSuppressed[slot] = 1;
  }

  #penaltyAt(slot: number, nowUs: number): number {
    const halfLives = (nowUs - this.#atUs[slot]!) / (this.#set.halfLifeMin * US_PER_MIN);
    return this.#penalty[slot]! * 2 ** -halfLives;
  }
}
