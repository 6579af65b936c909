/**
 * The service objectives that a load run is held to, the same for every engine. k6 reads this file too: it imports
 * types only.
 *
 * Availability 99.95 % (requirement S2-033); while something is broken on purpose nothing may fail at all, because that
 * is what the rescue promises. The time is that of S0-068, held for p99 instead of p95, as all engines tell p99.
 */
import type { LoadPlan } from "./load-plan.ts";

export interface Objectives {
  /** Failed requests of all, a ratio. */
  readonly failedRatioMax: number;
  readonly p99MsMax: number;
}

const AVAILABILITY = 0.9995;
const P99_MS_MAX = 1_000;
const RATIO_DIGITS = 1e6;

export function objectivesOf({ fault }: Pick<LoadPlan, "fault">): Objectives {
  const failedRatioMax = fault === null ? Math.round((1 - AVAILABILITY) * RATIO_DIGITS) / RATIO_DIGITS : 0;
  return { failedRatioMax, p99MsMax: P99_MS_MAX };
}
