/**
 * A node that has just come back gets its traffic by and by: its weight grows from a least share to the whole within a
 * window (Envoy's `slow_start_config`). Caches are cold, connections are not there yet, and whatever killed it may be
 * the load itself. Not at the start of the gateway: there nobody has traffic to share (HAProxy does the same).
 */
export interface SlowStartOptions {
  /** ms; 0: at once. */
  readonly windowMs: number;
  /** 1: linear in time; larger: faster at first. */
  readonly aggression: number;
  /** What it gets in the first moment, percent of its weight. */
  readonly minPercent: number;
}

/** Weights in a balancer are the operator's times this, so that a tenth of weight 1 is a whole number. */
export const WEIGHT_SCALE = 1_000;

/** The weight to balance by, so long after the node came back; never 0 unless `weight` is. */
export function scaledWeight(weight: number, sinceMs: number, options: SlowStartOptions): number {
  const { windowMs, aggression, minPercent } = options;
  if (weight === 0) return 0;
  if (sinceMs >= windowMs) return weight * WEIGHT_SCALE;
  const grown = Math.max(0, sinceMs / windowMs) ** (1 / aggression);
  return Math.max(1, Math.round(weight * WEIGHT_SCALE * Math.max(minPercent / 100, grown)));
}
