/**
 * The document of a failover report, `anycastle.failover/v1`: published as report.json and rendered to HTML, Markdown and
 * text. Times are milliseconds after the fault was ordered, unless a name says otherwise; null means that it did not
 * happen or cannot be known, and is never drawn as a zero. Series are columns.
 */
import type { BoxNoise } from "#core/host/box-noise.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { FaultPrediction, StepResult, Verdict } from "#core/wire/measure.ts";
import type { MachineFacts, RunFacts } from "./evidence.ts";
import type { Silence } from "./silence.ts";

export const FAILOVER_SCHEMA = "anycastle.failover/v1";

export interface FailoverReport {
  readonly schema: typeof FAILOVER_SCHEMA;
  readonly version: string;
  readonly startedAt: string;
  readonly command: string;
  readonly verdict: Verdict;
  /** Why it is not `held`: the void reasons, or the steps that were missed. */
  readonly reasons: readonly string[];
  readonly isStrict: boolean;
  readonly fault: {
    readonly target: string;
    readonly how: FaultHow;
    readonly meaning: string;
    readonly nodes: readonly string[];
    /** Zero of all times, on the monotonic clock; null: no fault was ordered, times count from the first request. */
    readonly orderedNs: number | null;
  };
  readonly load: {
    readonly mode: RunFacts["mode"];
    readonly seed: number;
    readonly rate: number;
    readonly planned: number;
    readonly sent: number;
    readonly ok: number;
    readonly failed: number;
    readonly failedByReason: Readonly<Record<string, number>>;
    readonly duplicated: number;
    readonly sendLagP999Ms: number | null;
  };
  readonly steps: readonly StepResult[];
  readonly timeline: readonly TimelineEntry[];
  readonly measures: FailoverMeasures;
  readonly convergence: Convergence;
  /** How nodes that fell silent were noticed; null: the fault is none of silence, or nothing is known of the lab. */
  readonly silence: Silence | null;
  readonly loss: LossComparison;
  readonly budget: BudgetCost;
  readonly affected: readonly string[];
  readonly cohorts: readonly PhaseRow[];
  readonly vantages: readonly PhaseRow[];
  readonly tests: TestTable;
  readonly ribbon: Ribbon;
  readonly chart: LatencyChart;
  readonly box: {
    readonly machine: MachineFacts;
    readonly noise: BoxNoise | null;
    readonly stalls: readonly {
      readonly process: string;
      readonly atMs: number;
      readonly durationMs: number;
    }[];
  };
  readonly emulated: readonly string[];
}

export type TimelineLane = "fault" | "client" | "gateway" | "network" | "recovery" | "box";

export interface TimelineEntry {
  readonly atMs: number;
  readonly lane: TimelineLane;
  readonly label: string;
  readonly detail: string;
}

export interface FailoverMeasures {
  /** Due time of the first failed request. */
  readonly firstFailureMs: number | null;
  /** From the first to the last failed due time, plus one interval of the plan. */
  readonly errorWindowMs: number | null;
  /** When the gateway took each faulted node out, by any sign; only nodes it did take out. */
  readonly detection: readonly { readonly node: string; readonly atMs: number; readonly reason: string }[];
  /** The last of them, once all faulted nodes are out. */
  readonly detectMs: number | null;
  /** Start of the first 10 ms from which no request went to a faulted node. */
  readonly rerouteMs: number | null;
  /** Start of the first second without a failed or slow request. */
  readonly recoveryMs: number | null;
  readonly baselineP99Ms: number | null;
  /** A request is slow when it takes longer than this, due time to last byte. */
  readonly slowAboveMs: number | null;
  readonly failed: number;
  readonly failedDuring: number;
  readonly failedFailback: number;
  readonly slow: number;
  /** Sum of what requests took beyond the baseline's p99. */
  readonly latencyDebtMs: number | null;
  /** What the gateway counted after the fault. */
  readonly rescued: number;
  readonly hedged: number;
  readonly resets: number;
  /** As clients saw it, and as it would have been without the rescue. */
  readonly successRatio: number | null;
  readonly firstTryRatio: number | null;
  /** 95 % upper bound of the failure ratio, 3/n, when nothing failed. */
  readonly failureBound: number | null;
  /** Of all times: one interval of the plan. */
  readonly resolutionMs: number;
  /** After the revival was asked for. */
  readonly failback: {
    readonly askedMs: number | null;
    readonly readyAfterMs: number | null;
    readonly announcedAfterMs: number | null;
    readonly returnedAfterMs: number | null;
  };
}

export interface Convergence {
  readonly sessionDownMs: number | null;
  readonly withdrawnMs: number | null;
  readonly moves: readonly {
    readonly vantage: string;
    readonly from: string | null;
    readonly to: string | null;
    readonly atMs: number;
  }[];
  /** Share of vantages, and the time by which so many had their last route; a vantage that never moved counts as 0. */
  readonly shares: readonly {
    readonly share: number;
    readonly affectedMs: number | null;
    readonly allMs: number | null;
  }[];
  readonly vantageCount: number;
}

export interface LossComparison {
  readonly predicted: FaultPrediction | null;
  readonly measured: number;
  /** Whether the prediction speaks of this run: only the bare network loses what it predicts. */
  readonly isComparable: boolean;
  readonly isWithin: boolean | null;
}

export interface BudgetCost {
  readonly objective: number;
  readonly periodDays: number;
  /** Failed requests as seconds of full outage at the rate of the run. */
  readonly outageS: number;
  readonly budgetS: number;
  readonly share: number;
  readonly assumption: string;
}

/** The five stretches of a run. */
export const PHASES = ["before", "failover", "down", "failback", "after"] as const;
export type Phase = (typeof PHASES)[number];

export interface PhaseRow {
  readonly name: string;
  readonly isAffected: boolean;
  readonly phases: Readonly<Record<Phase, PhaseStats>>;
}

export interface PhaseStats {
  readonly sent: number;
  readonly failed: number;
  /** Due time to first byte of what was answered. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  readonly sites: readonly { readonly site: string; readonly count: number }[];
}

export interface TestTable {
  readonly columns: readonly { readonly label: string; readonly atMs: number; readonly rounds: number }[];
  readonly rows: readonly {
    readonly vantage: string;
    readonly city: string;
    readonly isAffected: boolean;
    readonly floorMs: number | null;
    readonly singleOriginMs: number | null;
    readonly cells: readonly TestCell[];
  }[];
}

export interface TestCell {
  readonly status: number | null;
  readonly site: string | null;
  readonly ttfbMs: number | null;
  /** Against the first column. */
  readonly deltaMs: number | null;
}

/** Requests in bins of their due time around the fault. */
export interface Ribbon {
  readonly binMs: number;
  readonly startMs: number;
  readonly sent: readonly number[];
  readonly failed: readonly number[];
  readonly slow: readonly number[];
  /** Of the affected vantages: answered by a faulted node, and by another. */
  readonly fromTarget: readonly number[];
  readonly fromOthers: readonly number[];
}

/** Time to first byte over the whole run. */
export interface LatencyChart {
  /** Every k-th answered request of the affected vantages, per cohort. */
  readonly affected: readonly {
    readonly cohort: string;
    readonly everyNth: number;
    readonly atMs: readonly number[];
    readonly ttfbMs: readonly number[];
  }[];
  readonly others: {
    readonly binMs: number;
    readonly atMs: readonly number[];
    readonly p50Ms: readonly number[];
    readonly p99Ms: readonly number[];
  };
  readonly failedAtMs: readonly number[];
  readonly endMs: number;
}
