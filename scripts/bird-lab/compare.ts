/** Times of the real routers beside the simulator's, and how far they are apart. */
import type { EngineOptions } from "#sim/propagation/engine.ts";

/** Of the lab's routers; all three are fitted. */
export interface Delays {
  /** Of a message on its way and in its receiver: mean, and the share of it that every message needs. */
  readonly meanMs: number;
  readonly leastShare: number;
  /**
   * Who finds a session dead has its end to close before it tells others. BIRD writes a NOTIFICATION, closes the
   * socket, tells the thread of BFD and goes through its loop once more; only then UPDATEs leave (seen with strace).
   * The mean; anything from nothing to twice as long.
   */
  readonly teardownMs: number;
}

export interface Distribution {
  /** ms, ascending. */
  readonly valuesMs: readonly number[];
}

export interface TimeVerdict {
  readonly kind: string;
  readonly isFitted: boolean;
  readonly real: Distribution;
  readonly simulated: Distribution;
  /** Our median lies within the real 5 to 95 %, and theirs within ours. Of a fitted kind it proves nothing. */
  readonly isHeld: boolean;
}

const US_PER_MS = 1_000;
const DELAY_MAX_MEANS = 20;

export function timingOf({ meanMs, leastShare, teardownMs }: Delays): EngineOptions {
  const least = Math.max(1, Math.round(meanMs * leastShare * US_PER_MS));
  const mean = Math.max(1, Math.round(meanMs * (1 - leastShare) * US_PER_MS));
  const teardownUs = Math.round(teardownMs * US_PER_MS);
  return {
    delayUs: [least, least + DELAY_MAX_MEANS * mean],
    delayMeanUs: mean,
    mraiUs: [0, 0],
    teardownUs: [0, 2 * teardownUs],
  };
}

export function distribution(valuesMs: readonly number[]): Distribution {
  return { valuesMs: valuesMs.toSorted((x, y) => x - y) };
}

/** Nearest rank; 0 of nothing. */
export function at({ valuesMs }: Distribution, share: number): number {
  return valuesMs[Math.max(0, Math.ceil(share * valuesMs.length) - 1)] ?? 0;
}

export function judge(
  kind: string,
  isFitted: boolean,
  real: Distribution,
  simulated: Distribution,
): TimeVerdict {
  const holds = (value: number, within: Distribution): boolean =>
    value >= at(within, 0.05) && value <= at(within, 0.95);
  const isHeld = holds(at(simulated, 0.5), real) && holds(at(real, 0.5), simulated);
  return { kind, isFitted, real, simulated, isHeld };
}

/** Where distributions are compared when delays are fitted: the middle and how wide they are. */
const COMPARED_AT = [0.1, 0.25, 0.5, 0.75, 0.9] as const;
/** ms; differences below it are the clock's and the log's. */
const RESOLUTION_MS = 0.05;

/** How far distributions are apart, as a sum of logarithms: nobody's kind counts more because it is slow. */
export function misfit(pairs: readonly (readonly [real: Distribution, simulated: Distribution])[]): number {
  return pairs.reduce((sum, [real, simulated]) => {
    const apart = COMPARED_AT.map((share) =>
      Math.abs(Math.log((at(simulated, share) + RESOLUTION_MS) / (at(real, share) + RESOLUTION_MS))),
    );
    return sum + apart.reduce((total, each) => total + each, 0);
  }, 0);
}
