/** What an unattended run of the golden scenario measured, and what the world says it should have been. */
import type { DetectionPlan } from "#core/detection.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { FaultPrediction, LoadResult, SpeedTest } from "#core/wire/measure.ts";

/** The world without faults, as the simulator solves it. */
export interface GoldenWorld {
  /** Site that serves each vantage while all are up. */
  readonly home: ReadonlyMap<string, string>;
  /** Time to first byte of a cold request in ms, computed: think time + 3 round trips. */
  coldTtfbMs(vantage: string, site: string): number;
}

export interface GoldenEvidence {
  readonly target: string;
  readonly how: FaultHow;
  readonly mode: "anycast" | "anycast-only";
  /** Nodes the fault was to hit. */
  readonly nodes: readonly string[];
  readonly world: GoldenWorld;
  readonly prediction: FaultPrediction;
  /** What is to notice silence, and when. */
  readonly detection: DetectionPlan;
  readonly events: readonly JournalEvent[];
  readonly tests: GoldenTests;
  readonly load: LoadResult;
  /** Failed requests of methods that may be repeated (GET), and of those that may not (POST). */
  readonly failedByMethod: ReadonlyMap<string, number>;
  /** Monotonic ns of the orders given. */
  readonly faultNs: number;
  readonly reviveNs: number;
  readonly stallsMs: readonly number[];
  readonly stolenCores: number;
  readonly foreignCores: number;
}

export interface GoldenTests {
  readonly before: SpeedTest;
  /** The very next cold request of each vantage after the fault was confirmed. */
  readonly next: SpeedTest;
  readonly during: SpeedTest;
  readonly after: SpeedTest;
}
