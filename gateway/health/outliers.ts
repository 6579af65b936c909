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
  /** Over which shares and times are looked at (`OutlierWindow`). */
  readonly intervalMs: number;
  /** A node with fewer attempts in an interval is not judged. */
  readonly requestsMin: number;
  /** Failed attempts of an interval, percent; 0: no reason. */
  readonly failurePercent: number;
  /** Standard deviations above the mean failure share of all; 0: no reason. */
  readonly successRateSigma: number;
  /** Times the median answer time of the site's other nodes; 0: no reason. */
  readonly latencyFactor: number;
  /** A median below this is never slow. */
  readonly latencyFloorMs: number;
  /** Of a silence (`PhiAccrual`); 0: no reason. */
  readonly silencePhi: number;
  readonly silenceDeviationMinMs: number;
  /** A node that is out gets one request of clients' each so often, once its time is over; 0: none. */
  readonly probeIntervalMs: number;
  /** Passed checks end an ejection before its time. */
  readonly isEndedByChecks: boolean;
}

export const OUTLIERS_OFF: OutlierOptions = {
  consecutiveErrors: 0,
  ejectionBaseMs: 30_000,
  ejectionMaxMs: 300_000,
  shareMaxPercent: 50,
  intervalMs: 10_000,
  requestsMin: 100,
  failurePercent: 0,
  successRateSigma: 0,
  latencyFactor: 0,
  latencyFloorMs: 10,
  silencePhi: 0,
  silenceDeviationMinMs: 100,
  probeIntervalMs: 0,
  isEndedByChecks: false,
};

/** How long a node stays out that goes out for the so-manieth time, from 1. */
export function ejectionMs(times: number, { ejectionBaseMs, ejectionMaxMs }: OutlierOptions): number {
  return Math.min(ejectionBaseMs * times, ejectionMaxMs);
}
