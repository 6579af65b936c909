/**
 * Nodes that are alive and answer worse than they should: taken out for a time that grows with how often it happened
 * (Envoy's outlier detection: base time times the number of ejections, up to a maximum).
 */
export interface OutlierOptions {
  /** Answers 502, 503 or 504 in a row; 0: errors are no reason. */
  readonly consecutiveErrors: number;
  readonly ejectionBaseMs: number;
  readonly ejectionMaxMs: number;
  /** At most so many percent of all nodes may be out for this, but always one. */
  readonly shareMaxPercent: number;
}

export const OUTLIERS_OFF: OutlierOptions = {
  consecutiveErrors: 0,
  ejectionBaseMs: 30_000,
  ejectionMaxMs: 300_000,
  shareMaxPercent: 50,
};

/** How long a node stays out that goes out for the so-manieth time, from 1. */
export function ejectionMs(times: number, { ejectionBaseMs, ejectionMaxMs }: OutlierOptions): number {
  return Math.min(ejectionBaseMs * times, ejectionMaxMs);
}
