/**
 * The lab's control API, as its clients see it: the commands of the command line, the page, the drills.
 *
 * Every call that changes something is a POST with a JSON body, `authorization: Bearer <token>`, and a Host (and, if
 * sent, an Origin) that names the lab itself. Reads are GET and need no token on loopback.
 *
 *   GET  /api/v1/status                     LabStatus
 *   GET  /api/v1/events?since=SEQ&follow=1  JournalEvent, NDJSON
 *   POST /api/v1/fail    FailRequest        FailReply
 *   POST /api/v1/misbehave MisbehaveRequest ActionReply
 *   GET, POST, DELETE /api/v1/faults, DELETE /api/v1/faults/ID   see core/wire/keeper.ts
 *   POST /api/v1/revive  TargetRequest      ActionReply
 *   POST /api/v1/drain   TargetRequest      ActionReply
 *   POST /api/v1/reset   {}                 ActionReply
 *   POST /api/v1/events  EventBody          ActionReply   (load and tests report themselves)
 *   POST /api/v1/stop    {}                 ActionReply
 *
 * The page (`core/wire/page.ts`) has these besides. Its POSTs may carry the cookie of a session instead of the token.
 *
 *   GET  /api/v1/stream?after=ID            server-sent events
 *   POST /api/v1/links   {}                 LinkReply     (a one-time link to the page)
 *   POST /api/v1/session SessionRequest     204 and the cookie; the body is the secret
 *   POST /api/v1/test    {}                 ActionReply   (a speed test from all cities; answers when it is over)
 *   POST /api/v1/load    LoadRequest        ActionReply   (load on or off)
 */
import type { NodeHealth, NodeServing } from "./events.ts";
import type { FaultHow } from "./faults.ts";
import type { Misbehaviour, MisbehaviourKind } from "./misbehaviour.ts";
import type { LivePlaces } from "./world.ts";

export const STATUS_SCHEMA = "anycastle.status/v1";

export interface LabStatus {
  readonly schema: typeof STATUS_SCHEMA;
  readonly version: string;
  readonly seed: number;
  readonly mode: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly isReady: boolean;
  readonly gatewayUrl: string;
  readonly controlUrl: string;
  /** Toxiproxy's API of the relay before the nodes; absent: there is none. */
  readonly toxiproxyUrl?: string;
  readonly feed: "live" | "stale";
  readonly sites: readonly SiteStatus[];
  readonly vantages: readonly VantageStatus[];
  readonly processes: readonly ProcessStatus[];
  /** Of a world of its own; absent: the built-in map. */
  readonly places?: LivePlaces;
}

export interface SiteStatus {
  readonly site: string;
  readonly city: string;
  readonly isAnnounced: boolean;
  readonly isGracefulShutdown: boolean;
  readonly nodes: readonly NodeStatus[];
}

export interface NodeStatus {
  readonly node: string;
  readonly pid: number | null;
  readonly url: string;
  readonly process: "running" | "starting" | "stopped" | "exited" | "frozen";
  /** The fault in force, or null. */
  readonly fault: FaultHow | null;
  /** What it was told to do wrong, or null. */
  readonly misbehaviour: MisbehaviourKind | null;
  readonly serving: NodeServing | null;
  readonly bgp: "up" | "down";
  /** BFD with its router, as the router sees it; absent: it has not been up since the node or the simulator started. */
  readonly bfd?: "up" | "down" | "admin-down";
  readonly gateway: NodeHealth;
}

export interface VantageStatus {
  readonly vantage: string;
  readonly city: string;
  /** BGP's choice; null when unreachable. */
  readonly site: string | null;
  readonly rttUs: number | null;
}

export interface ProcessStatus {
  readonly process: string;
  readonly pid: number | null;
  readonly state: NodeStatus["process"];
}

export interface FailRequest {
  /** A site or a node. */
  readonly target: string;
  readonly how: FaultHow;
}

export interface MisbehaveRequest {
  /** A site or a node. */
  readonly target: string;
  /** null: nothing wrong any more. */
  readonly as: Misbehaviour | null;
}

export interface TargetRequest {
  readonly target: string;
}

/** Beside the session's cookie, which browsers send to every port of a host, a page sends the key that only it knows. */
export const PAGE_KEY_HEADER = "x-anycastle-page";

export interface SessionReply {
  /** For `PAGE_KEY_HEADER`; to be kept where only pages of this host and port can read it. */
  readonly pageKey: string;
}

export interface LinkReply {
  /** Opens the page so that it may act, once. */
  readonly url: string;
}

export interface SessionRequest {
  /** The secret of a one-time link. */
  readonly key: string;
}

export interface LoadRequest {
  /** Requests a second over all cities; null ends the load. */
  readonly rate: number | null;
}

export interface ActionReply {
  /** Nodes the action was taken on. */
  readonly nodes: readonly string[];
  /** Monotonic ns at which it was taken. */
  readonly atNs: number;
}

export interface FailReply extends ActionReply {
  readonly how: FaultHow;
}

/** Any refusal: status 4xx or 5xx. */
export interface ErrorReply {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** What commands read to find the lab: `lab.json`, mode 0600, in the runtime directory, mode 0700. */
export interface LabFile {
  readonly pid: number;
  readonly controlUrl: string;
  readonly gatewayUrl: string;
  readonly token: string;
  readonly startedAt: string;
  /** Start time of the process in clock ticks since boot (proc(5)), where the system tells: pids are used again. */
  readonly startTicks?: string;
}
