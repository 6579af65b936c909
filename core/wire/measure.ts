/**
 * Documents of the measuring side: the speed test and a load run. Both are published (`--json`) and read by the page
 * and by reports, so their names are a contract.
 */
export const TEST_SCHEMA = "anycastle.test/v1";
export const LOAD_SCHEMA = "anycastle.load/v1";

/** A speed test from all vantages at once, on cold connections. Times in ms with fraction. */
export interface SpeedTest {
  readonly schema: typeof TEST_SCHEMA;
  readonly label: string;
  readonly url: string;
  readonly takenAt: string;
  /** Monotonic ns of the first request. */
  readonly startNs: number;
  readonly rounds: number;
  /** The only site of the counterfactual. */
  readonly originSite: string;
  readonly rows: readonly SpeedTestRow[];
}

export interface SpeedTestRow {
  readonly vantage: string;
  readonly city: string;
  readonly samples: readonly SpeedSample[];
  /** Status if all samples agree, else null. */
  readonly status: number | null;
  /** `x-edge-route` if all samples agree, else null. */
  readonly site: string | null;
  /** Medians over the samples that got an answer; null when none did. */
  readonly connectMs: number | null;
  readonly ttfbMs: number | null;
  readonly totalMs: number | null;
  /** Light in fibre there and back (100 km a ms), three round trips: no answer can come faster. */
  readonly floorMs: number | null;
  /** Computed time to first byte if `originSite` were the only site: 25 ms + 3 RTT. */
  readonly singleOriginMs: number | null;
  /** Status line and fields of the last answer, as they came, cut at a bound; absent when there was none. */
  readonly head?: string;
}

export interface SpeedSample {
  readonly status: number | null;
  readonly site: string | null;
  readonly node: string | null;
  readonly connectMs: number | null;
  readonly ttfbMs: number | null;
  readonly totalMs: number | null;
  readonly error: string | null;
}

export interface LoadResult {
  readonly schema: typeof LOAD_SCHEMA;
  readonly url: string;
  readonly seed: number;
  readonly rate: number;
  /** Monotonic ns of the first due time and of the last answer. */
  readonly startNs: number;
  readonly endNs: number;
  readonly planned: number;
  readonly sent: number;
  readonly ok: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly failedTotal: number;
  /** 95 % upper bound of the failure ratio, 3/n, when nothing failed; else null. */
  readonly failureBound: number | null;
  /** From the due time to the last byte. */
  readonly latency: Percentiles;
  /** From the due time to the first byte. */
  readonly ttfb: Percentiles;
  /** Real minus planned send time. */
  readonly sendLag: Percentiles;
  readonly cohorts: readonly {
    readonly cohort: string;
    readonly sent: number;
    readonly ok: number;
    readonly failed: number;
    readonly latency: Percentiles;
  }[];
  /** Apart by what may be repeated and what may not; absent from engines that do not tell. */
  readonly methods?: readonly {
    readonly method: string;
    readonly sent: number;
    readonly ok: number;
    readonly failed: number;
    readonly latency: Percentiles;
  }[];
  readonly vantages: readonly {
    readonly vantage: string;
    readonly sent: number;
    readonly ok: number;
    readonly failed: number;
    readonly sites: Readonly<Record<string, number>>;
    readonly latency: Percentiles;
  }[];
  /** Requests with an idempotency key that more than one execution was counted for at the nodes. */
  readonly duplicated: number;
  readonly isVoid: boolean;
  readonly voidReasons: readonly string[];
}

/** Milliseconds; null where there is no sample. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
}

/** One step of an unattended run: what should have been, what was measured. */
export interface StepResult {
  readonly name: string;
  readonly state: "held" | "missed" | "void";
  /** A tolerance in time: it decides the verdict only under `--strict`. */
  readonly isTiming: boolean;
  readonly expected: string;
  readonly measured: string;
}

export type Verdict = "held" | "missed" | "void";

/** What the simulator says a fault will do, set beside what it did. */
export interface FaultPrediction {
  /** Vantages served by the target before, and the site each will reach after (null: none). */
  readonly moves: readonly { readonly vantage: string; readonly from: string; readonly to: string | null }[];
  /** Requests the bare network loses, in requests: the least, the expected and the most. */
  readonly lossMin: number;
  readonly lossMean: number;
  readonly lossMax: number;
  /** How the three were computed, one sentence. */
  readonly basis: string;
}
