/**
 * Named sets of the four numbers of an active health check, and what each can promise.
 *
 * A profile's promise is computed, never quoted: a node that dies right after a passed check is noticed after
 * `unhealthyThreshold` more checks and the last one's timeout. Two of the profiles miss the product's ceiling of 30 s
 * by active checks alone; passive signals (a refused or reset connection) count at once in every profile.
 */
export interface HealthProfile {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Passed checks in a row that bring a node back. */
  readonly healthyThreshold: number;
  /** Failed checks in a row that take a node out. */
  readonly unhealthyThreshold: number;
}

export const HEALTH_PROFILE_NAMES = ["seed-000", "seed-001", "seed-004", "demo"] as const;

export type HealthProfileName = (typeof HEALTH_PROFILE_NAMES)[number];

export const HEALTH_PROFILES: Readonly<Record<HealthProfileName, HealthProfile>> = {
  "seed-000": { intervalMs: 30_000, timeoutMs: 5_000, healthyThreshold: 1, unhealthyThreshold: 1 },
  "seed-001": { intervalMs: 5_000, timeoutMs: 2_000, healthyThreshold: 2, unhealthyThreshold: 3 },
  "seed-004": { intervalMs: 10_000, timeoutMs: 5_000, healthyThreshold: 2, unhealthyThreshold: 3 },
  demo: { intervalMs: 100, timeoutMs: 100, healthyThreshold: 2, unhealthyThreshold: 3 },
};

/** Longest time from a node's silent death to its being out of rotation, by active checks alone. */
export function worstCaseDetectionMs(profile: HealthProfile): number {
  return profile.intervalMs * profile.unhealthyThreshold + profile.timeoutMs;
}
