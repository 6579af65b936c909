/**
 * Everything that happens, as one closed union: the journal, the live table, the page, reports, replay and tests read
 * this and nothing else. An event is stamped by the process in which it happened, on the host's monotonic clock, so
 * that "detected 12 ms after the kill" is a subtraction. The lab numbers events as it writes them.
 */
import type { FaultHow } from "./faults.ts";
import type { Misbehaviour } from "./misbehaviour.ts";
import type { ToxicView } from "./relay.ts";

/** `lab`, `sim`, `gateway`, `relay`, `load`, `guardian`, or the id of a node (`ny1-1`). */
export type ProcessName = string;

export type NodeServing = "starting" | "ready" | "draining" | "unready";

/** As the gateway sees a node. `ejected`: taken out by its real traffic; `unhealthy`: by active checks. */
export type NodeHealth = "unproven" | "healthy" | "unhealthy" | "ejected" | "draining";

export interface ProcessUsage {
  readonly process: ProcessName;
  readonly pid: number;
  /** Cores' worth of processor time: 1 is one core all the time. */
  readonly cpuCores: number;
  readonly rssBytes: number;
  /** Nodes: requests the gateway gave it, per second; null for the others and while the gateway does not tell. */
  readonly requestsPerS: number | null;
}

export type EventBody =
  // The lab and its cast.
  | { readonly kind: "lab.started"; readonly seed: number; readonly mode: string; readonly version: string }
  | { readonly kind: "lab.ready"; readonly sinceStartMs: number }
  | { readonly kind: "lab.stopping"; readonly why: string }
  | { readonly kind: "process.started"; readonly process: ProcessName; readonly pid: number }
  | {
      readonly kind: "process.ready";
      readonly process: ProcessName;
      readonly pid: number;
      readonly sinceStartMs: number;
    }
  | {
      readonly kind: "process.exited";
      readonly process: ProcessName;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
      readonly wasAsked: boolean;
    }
  | {
      readonly kind: "process.restarting";
      readonly process: ProcessName;
      readonly attempt: number;
      readonly delayMs: number;
    }
  | { readonly kind: "process.log"; readonly process: ProcessName; readonly line: string }
  /** What the processes used since the last such event; taken once a second while a page watches. */
  | { readonly kind: "process.usage"; readonly processes: readonly ProcessUsage[] }
  | { readonly kind: "stall"; readonly process: ProcessName; readonly durationMs: number }
  | { readonly kind: "events.dropped"; readonly process: ProcessName; readonly count: number }
  | { readonly kind: "journal.degraded"; readonly reason: string }
  | { readonly kind: "journal.recovered"; readonly lostCount: number }
  // What somebody did to it. `injected` is when the order was given, `confirmed` when it was seen to have worked.
  | {
      readonly kind: "fault.injected";
      readonly target: string;
      readonly how: FaultHow;
      readonly nodes: readonly string[];
    }
  | {
      readonly kind: "fault.confirmed";
      readonly target: string;
      readonly how: FaultHow;
      readonly node: string;
      readonly evidence: string;
    }
  | { readonly kind: "fault.removed"; readonly target: string; readonly how: FaultHow; readonly node: string }
  | { readonly kind: "drain.started"; readonly target: string; readonly nodes: readonly string[] }
  | {
      readonly kind: "drain.finished";
      readonly node: string;
      readonly waitedMs: number;
      readonly requestsOpen: number;
    }
  | { readonly kind: "revive.asked"; readonly target: string; readonly nodes: readonly string[] }
  | { readonly kind: "reset.done"; readonly nodes: readonly string[] }
  // Edge nodes.
  | {
      readonly kind: "node.serving";
      readonly node: string;
      readonly state: NodeServing;
      readonly reason: string;
    }
  | { readonly kind: "node.cable"; readonly node: string; readonly state: "cut" | "bgp-cut" | "whole" }
  | { readonly kind: "node.misbehaving"; readonly node: string; readonly as: Misbehaviour | null }
  | {
      readonly kind: "bgp.session";
      readonly node: string;
      readonly state: "up" | "down";
      readonly reason: string;
    }
  /** `by`: whose session it is. An alarm is a session that went down from up with `detectMs`, or because the peer said so. */
  | {
      readonly kind: "bfd.session";
      readonly node: string;
      readonly site: string;
      readonly by: "router" | "node";
      readonly state: "up" | "down" | "admin-down";
      readonly reason: string;
      /** Detection: silence since the last packet, less our own stalls; null: it ended otherwise. */
      readonly detectMs: number | null;
    }
  | { readonly kind: "bgp.announced"; readonly node: string; readonly isGracefulShutdown: boolean }
  | { readonly kind: "bgp.withdrawn"; readonly node: string; readonly reason: string }
  // The simulated Internet.
  | {
      readonly kind: "router.session";
      readonly site: string;
      readonly node: string;
      readonly state: "up" | "down";
      readonly reason: string;
    }
  | { readonly kind: "router.refused"; readonly site: string; readonly reason: string }
  | {
      readonly kind: "site.announced";
      readonly site: string;
      readonly nodes: readonly string[];
      readonly isGracefulShutdown: boolean;
    }
  | { readonly kind: "site.withdrawn"; readonly site: string; readonly reason: string }
  | {
      readonly kind: "vantage.moved";
      readonly vantage: string;
      readonly from: string | null;
      readonly to: string | null;
      readonly revision: number;
    }
  | { readonly kind: "routes.settled"; readonly revision: number; readonly durationMs: number }
  // The gateway.
  | {
      readonly kind: "gateway.node";
      /** How bad it is for the site; absent where nobody who knows the site says it. */
      readonly severity?: "critical" | "major" | "minor" | "info";
      readonly node: string;
      readonly site: string;
      readonly from: NodeHealth;
      readonly to: NodeHealth;
      readonly reason: string;
    }
  /** A circuit breaker of a site: open, the site is not asked. */
  | {
      readonly kind: "gateway.breaker";
      readonly site: string;
      readonly from: "closed" | "open" | "half_open";
      readonly to: "closed" | "open" | "half_open";
      readonly reason: string;
    }
  /** `reason`: why the configuration before stays in force; empty when it does not. */
  | {
      readonly kind: "gateway.reload";
      readonly isApplied: boolean;
      readonly changes: number;
      readonly reason: string;
    }
  | { readonly kind: "gateway.feed"; readonly state: "live" | "stale"; readonly reason: string }
  /** So many spans have not reached the collector since it was last told. */
  | { readonly kind: "gateway.traces"; readonly lost: number; readonly reason: string }
  | {
      readonly kind: "gateway.window";
      readonly fromNs: number;
      readonly requests: number;
      readonly failed: number;
      readonly rescued: number;
      readonly hedged: number;
      readonly resets: number;
    }
  | {
      readonly kind: "gateway.failed";
      readonly vantage: string;
      readonly method: string;
      readonly failure: string;
      readonly node: string | null;
      readonly attempts: number;
    }
  // The relay before the nodes, where there is one.
  | {
      readonly kind: "relay.proxy";
      readonly proxy: string;
      readonly state: "enabled" | "disabled" | "removed";
      readonly listen: string;
      readonly upstream: string;
    }
  | {
      readonly kind: "relay.toxic";
      readonly proxy: string;
      readonly state: "added" | "changed" | "removed";
      readonly toxic: ToxicView;
    }
  /** A bound of the relay left no room for a connection, nor for those right after it. */
  | { readonly kind: "relay.turned-away"; readonly proxy: string; readonly reason: string }
  // Load and speed tests.
  | {
      readonly kind: "load.started";
      readonly rate: number;
      readonly planned: number;
      readonly startNs: number;
    }
  | {
      readonly kind: "load.window";
      readonly fromNs: number;
      readonly planned: number;
      readonly sent: number;
      readonly ok: number;
      readonly failed: number;
      readonly p50Ms: number;
      readonly p99Ms: number;
      /** Median time from the due time to the first byte; absent from engines that do not see it. */
      readonly ttfbMs?: number;
    }
  | {
      readonly kind: "load.failed";
      readonly index: number;
      readonly vantage: string;
      readonly method: string;
      readonly dueNs: number;
      readonly reason: string;
      readonly node: string | null;
    }
  | {
      readonly kind: "load.finished";
      readonly sent: number;
      readonly ok: number;
      readonly failed: number;
      readonly isVoid: boolean;
      readonly voidReasons: readonly string[];
    }
  // A speed test: a row for each city, then the end. Times in ms, as in `SpeedTestRow`.
  | {
      readonly kind: "test.row";
      readonly label: string;
      /** Start of the test, monotonic ns: what its rows have in common. */
      readonly startNs: number;
      readonly vantage: string;
      readonly status: number | null;
      readonly site: string | null;
      readonly node: string | null;
      readonly connectMs: number | null;
      readonly ttfbMs: number | null;
      readonly totalMs: number | null;
      readonly floorMs: number | null;
      readonly singleOriginMs: number | null;
      readonly error: string | null;
      /** Status line and fields of the last answer, as they came; cut at a bound. */
      readonly head: string | null;
    }
  | { readonly kind: "test.finished"; readonly label: string; readonly ok: number; readonly failed: number }
  // An unattended run.
  | {
      readonly kind: "step";
      readonly name: string;
      readonly state: "started" | "held" | "missed" | "void";
      readonly detail: string;
    };

export type EventKind = EventBody["kind"];

/** An event as a process reports it. */
export type ProcessEvent = EventBody & {
  /** Monotonic nanoseconds. */
  readonly atNs: number;
  readonly source: ProcessName;
};

/** An event as the journal holds it. */
export type JournalEvent = ProcessEvent & {
  /** 1, 2, 3 … in the order in which the lab wrote them. */
  readonly seq: number;
};

export const JOURNAL_SCHEMA = "anycastle.journal/v1";
