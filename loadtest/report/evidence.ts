/**
 * What a failover report is made from. Everything in it was recorded by somebody else: the journal, the load run and its
 * request log, the speed tests, the steps of an unattended run with their verdict. The report adds no judgement of its
 * own; it measures, and lays what was predicted beside it.
 */
import type { BoxNoise } from "#core/host/box-noise.ts";
import type { DetectionPlan } from "#core/detection.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { FaultPrediction, LoadResult, SpeedTest, StepResult, Verdict } from "#core/wire/measure.ts";
import type { RequestRecord } from "../load/request-record.ts";

export interface FailoverEvidence {
  readonly meta: RunFacts;
  readonly verdict: Verdict;
  /** Why nothing in the run may be believed; empty unless the verdict is `void`. */
  readonly voidReasons: readonly string[];
  readonly steps: readonly StepResult[];
  readonly predicted?: FaultPrediction;
  /** What was to notice silence, and when. */
  readonly detection?: DetectionPlan;
  readonly events: readonly JournalEvent[];
  readonly loadResult: LoadResult;
  /** In any order. */
  readonly requests: readonly RequestRecord[];
  /** In the order in which they were taken: the first is the baseline, `label` heads the column. */
  readonly tests: readonly SpeedTest[];
}

export interface RunFacts {
  readonly version: string;
  /** Wall clock, ISO 8601 in UTC. */
  readonly startedAt: string;
  /** What to type to run it again. */
  readonly command: string;
  readonly target: string;
  readonly how: FaultHow;
  /** Nodes the fault was to hit. */
  readonly nodes: readonly string[];
  readonly mode: "nearest" | "anycast" | "anycast-only";
  readonly seed: number;
  readonly isStrict: boolean;
  readonly machine: MachineFacts;
  /** Null where the system does not tell. */
  readonly boxNoise: BoxNoise | null;
  /** One sentence for each thing that was not real. */
  readonly emulated: readonly string[];
}

export interface MachineFacts {
  readonly cpuModel: string;
  readonly coreCount: number;
  readonly memoryBytes: number;
  readonly os: string;
  readonly nodeVersion: string;
}
