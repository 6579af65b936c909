/**
 * From a silent failure to its detection: how long, as a law to draw from. The failure comes at any moment of a
 * keepalive interval, of a BFD packet's, or of a check's.
 *
 *     after   fixed: an orderly withdrawal is after 0
 *     hold    hold timer H, KEEPALIVE every third (RFC 4271 §10): (2H/3, H], each session for itself
 *     bfd     multiplier m, interval T (RFC 5880 §6.8.4): ((m-1) T, m T], each session for itself
 *     check   every I, after a failure every F, n failures of c each: U(0, I) + n c + (n-1) F, once for the site
 */
import type { Prng } from "#core/prng.ts";

export type Detection =
  | { readonly kind: "after"; readonly us: number }
  | { readonly kind: "hold"; readonly holdUs: number }
  | { readonly kind: "bfd"; readonly multiplier: number; readonly intervalUs: number }
  | {
      readonly kind: "check";
      readonly intervalUs: number;
      readonly fastUs: number;
      readonly failures: number;
      readonly checkUs: number;
    };

const KEEPALIVES_PER_HOLD = 3;

/** Least and most, whole µs; the least itself is not reached by hold timer and BFD. */
export function detectionWindowUs(detection: Detection): readonly [min: number, max: number] {
  switch (detection.kind) {
    case "after":
      return [detection.us, detection.us];
    case "hold":
      return [detection.holdUs - Math.floor(detection.holdUs / KEEPALIVES_PER_HOLD), detection.holdUs];
    case "bfd":
      return [(detection.multiplier - 1) * detection.intervalUs, detection.multiplier * detection.intervalUs];
    case "check": {
      const leastUs = detection.failures * detection.checkUs + (detection.failures - 1) * detection.fastUs;
      return [leastUs, leastUs + detection.intervalUs];
    }
  }
}

/** Whether each neighbour of the site finds out by itself, or one for all. */
export function isPerSession({ kind }: Detection): boolean {
  return kind === "hold" || kind === "bfd";
}

/** Whole µs, evenly over the window. */
export function drawDetectionUs(detection: Detection, prng: Prng): number {
  const [min, max] = detectionWindowUs(detection);
  if (min === max) return min;
  return prng.integer(isPerSession(detection) ? min + 1 : min, max);
}
