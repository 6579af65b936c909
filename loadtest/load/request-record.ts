/**
 * One request of a load run as its log gives it back: what was planned, what happened, and who answered.
 *
 * Times are monotonic nanoseconds of the host, the clock of the journal, so that a request and an event can be laid
 * side by side. `null` means that the moment never came: not sent, connection reused, no byte, no answer.
 */
export interface RequestRecord {
  /** Position in the plan. */
  readonly index: number;
  readonly dueNs: number;
  readonly sentNs: number | null;
  /** When the new connection stood; null on a reused one. */
  readonly connectNs: number | null;
  readonly firstByteNs: number | null;
  /** Last byte, or the moment at which the request was given up. */
  readonly endNs: number | null;
  readonly status: number | null;
  /** Null for a complete answer with an expected status; else its name: `refused`, `timeout`, `status-502`. */
  readonly error: string | null;
  readonly node: string | null;
  readonly site: string | null;
  readonly cohort: string;
  readonly vantage: string;
  readonly method: string;
  readonly isReused: boolean;
}
