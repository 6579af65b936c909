/** What a soak has seen; the judge and the reader get the same. */
import type { FaultHow } from "#core/wire/faults.ts";
import type { StepResult, Verdict } from "#core/wire/measure.ts";

export const SOAK_SCHEMA = "anycastle.soak/v1";

export interface SoakOrder {
  /** Since the start of the soak. */
  readonly atMs: number;
  readonly order: "fail" | "revive";
  readonly target: string;
  readonly how: FaultHow | null;
  /** After a revival: until every node announced and was trusted again. */
  readonly wholeAfterMs: number | null;
  readonly problem: string | null;
}

export interface SoakFailure {
  readonly method: string;
  readonly reason: string;
  /** The order given last: `kill ny1`, `revive ny1`. */
  readonly after: string;
  readonly count: number;
}

export interface SoakProcess {
  readonly process: string;
  readonly pid: number;
  readonly isNode: boolean;
  /** 1: the same process all the time. */
  readonly startCount: number;
  readonly rssFirstBytes: number | null;
  readonly rssLastBytes: number | null;
  /** Null where it was not judged. */
  readonly rssRatio: number | null;
  /** Without load, before and after it. */
  readonly descriptorsFirst: number | null;
  readonly descriptorsLast: number | null;
  /** A second, likewise. */
  readonly wakeUpsFirst: number | null;
  readonly wakeUpsLast: number | null;
}

export interface SoakEvidence {
  readonly durationMs: number;
  readonly isMemoryJudged: boolean;
  readonly load: { readonly sent: number; readonly failed: number; readonly getFailed: number };
  readonly orders: readonly SoakOrder[];
  readonly failures: readonly SoakFailure[];
  readonly processes: readonly SoakProcess[];
  /** `lab Timeout` -> count, without load, before and after it. */
  readonly handlesFirst: ReadonlyMap<string, number>;
  readonly handlesLast: ReadonlyMap<string, number>;
  /** Children of the lab's process that are none of its cast. */
  readonly strangers: readonly number[];
  /** Processes of the cast that outlived the lab. */
  readonly survivors: readonly number[];
  readonly journal: {
    readonly bytes: number;
    readonly bytesMax: number;
    readonly files: number;
    readonly events: number;
  };
  /** What was not a soak: a load that ended early or could not keep its plan. */
  readonly voidReasons: readonly string[];
  /** What others did to the machine meanwhile. It excuses a miss and cannot make anything hold. */
  readonly noise: readonly string[];
}

/** What `--json` prints. */
export interface SoakReport {
  readonly schema: typeof SOAK_SCHEMA;
  readonly seed: number;
  readonly rate: number;
  readonly verdict: Verdict;
  readonly voidReasons: readonly string[];
  readonly noise: readonly string[];
  readonly steps: readonly StepResult[];
  readonly durationMs: number;
  readonly load: SoakEvidence["load"];
  readonly orders: readonly SoakOrder[];
  readonly failures: readonly SoakFailure[];
  readonly processes: readonly SoakProcess[];
  readonly journal: SoakEvidence["journal"];
}
