/**
 * The golden scenario as numbers: what is in the world, when what is done to it, and what comes out. Times in whole
 * microseconds unless the name says otherwise.
 */
import type { BfdSettings } from "#core/detection.ts";
import type { ProcessEvent } from "#core/wire/events.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { World } from "#sim/topology/world.ts";

export interface ScenarioOptions {
  readonly seed: number;
  /** A site or a node. */
  readonly target: string;
  readonly how: FaultHow;
  readonly mode: "anycast" | "anycast-only";
  /** Requests a second of all vantages together. */
  readonly rate: number;
  readonly nodesPerSite: number;
  readonly holdTimeS: number;
  /** Between nodes and routers; null: off. */
  readonly bfd: BfdSettings | null;
  readonly world: World;
  /** Builds and starts the nodes in an order drawn from this seed: the run must not notice. */
  readonly shuffleStart?: number;
}

/** What the links, processes and clients of the run take. */
export const TIMES = {
  /** One way between any two processes of one host. */
  hopUs: 50,
  /** From the start of a process until it listens. */
  bootUs: [150_000, 400_000],
  selfCheckUs: 5_000,
  thinkUs: 25_000,
  connectRetryUs: 25_000,
  drainQuietUs: 500_000,
  drainMaxUs: 5_000_000,
  drainPollUs: 20_000,
  /** After the withdrawal: time for the last message to leave. */
  farewellUs: 50_000,
  /** The lab sees a child's end. */
  exitSeenUs: 1_000,
} as const;

/** When the parts of the scenario begin. */
export const PLAN = {
  loadUs: 4_000_000,
  testBeforeUs: 6_000_000,
  /** The fault comes within this span, drawn: the phase of the keepalives decides how long silence takes. */
  faultUs: [8_000_000, 11_000_000],
  /** After the slowest detection, until all have moved. */
  convergeUs: 6_000_000,
  testUs: 1_000_000,
  failbackUs: 6_000_000,
  /** After the last request is due: the longest one may take. */
  lastRequestUs: 15_000_000,
} as const;

/** One cold request of each vantage. */
export interface ScenarioTest {
  readonly label: "before" | "next" | "during" | "after";
  readonly rows: readonly ScenarioTestRow[];
}

export interface ScenarioTestRow {
  readonly vantage: string;
  readonly isOk: boolean;
  readonly site: string | null;
  readonly ttfbMs: number | null;
}

export interface ScenarioSummary {
  readonly seed: number;
  readonly target: string;
  readonly how: FaultHow;
  readonly mode: "anycast" | "anycast-only";
  readonly faultNs: number;
  readonly reviveNs: number;
  readonly requests: number;
  readonly ok: number;
  readonly failedGet: number;
  readonly failedPost: number;
  /** Requests that failed, by reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** Answered after at least one failed attempt or by a hedge. */
  readonly rescued: number;
  readonly retries: number;
  readonly hedges: number;
  /** Client connections reset because their node or site changed. */
  readonly resets: number;
  /** POST requests that more than one node executed. */
  readonly duplicated: number;
  /** From the fault until the site's router said so (withdrawn, or graceful); null: it never did. */
  readonly detectedMs: number | null;
  /** From the fault until the gateway took the first node out; null: never. */
  readonly ejectedMs: number | null;
  /** From the detection until the last vantage has its new site; null: nobody moved. */
  readonly convergedMs: number | null;
  readonly moves: readonly { readonly vantage: string; readonly from: string; readonly to: string | null }[];
  readonly tests: readonly ScenarioTest[];
  /** Events of the simulation, for the curious. */
  readonly steps: number;
}

export interface ScenarioRun {
  readonly journal: readonly ProcessEvent[];
  /** The journal as lines of JSON, without line ends. */
  readonly lines: readonly string[];
  /** Of the lines. The same options give the same hash. */
  readonly hash: string;
  readonly summary: ScenarioSummary;
}
