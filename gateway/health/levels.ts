/**
 * How well something is, in one word: a score from 0 to 1 against the threshold of what is well enough. One scale for nodes,
 * sites and parts of the gateway.
 *
 *     healthy >= t > degraded >= 0.7 t > unhealthy >= 0.3 t > critical
 */
import { invariant } from "#core/assert.ts";

/** Best first. */
export const HEALTH_LEVELS = ["healthy", "degraded", "unhealthy", "critical"] as const;

export type HealthLevel = (typeof HEALTH_LEVELS)[number];

const DEGRADED_SHARE = 0.7;
const UNHEALTHY_SHARE = 0.3;
/** Shares of a threshold are fractions that floating point does not hit. */
const ROUNDING = 1e-9;

/** `score` undefined: it could not even be asked. */
export function levelOf(score: number | undefined, threshold: number): HealthLevel {
  invariant(threshold > 0 && threshold <= 1, `threshold ${threshold} is not above 0 and up to 1`);
  if (score === undefined || Number.isNaN(score)) return "critical";
  if (score >= threshold) return "healthy";
  if (score >= DEGRADED_SHARE * threshold - ROUNDING) return "degraded";
  return score >= UNHEALTHY_SHARE * threshold - ROUNDING ? "unhealthy" : "critical";
}

/** Critical when there is nothing. */
export function worstOf(levels: readonly HealthLevel[]): HealthLevel {
  if (levels.length === 0) return "critical";
  return HEALTH_LEVELS[Math.max(...levels.map((level) => HEALTH_LEVELS.indexOf(level)))]!;
}
