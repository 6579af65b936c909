/**
 * How the lab talks to the processes it starts.
 *
 * A child's standard input is NDJSON: its configuration on the first line, commands on the lines after it. Its
 * standard output is NDJSON: `ProcessEvent`s, nothing else; its own `process.ready` says that it can be used. Standard error is
 * its log. The end of standard input means that the lab is gone: the child exits at once.
 */

export interface NodeConfig {
  readonly process: "node";
  /** Node id, `ny1-1`. */
  readonly node: string;
  readonly site: string;
  readonly host: string;
  readonly httpPort: number;
  /** Time a page takes to make, as if an application stood behind it. */
  readonly thinkTimeMs: number;
  /** Absent: the node serves HTTP only and announces nothing. */
  readonly bgp?: NodeBgpConfig;
  /** A leaving node serves until nobody has asked for `quietMs`, and no longer than `maxMs`. */
  readonly drain: { readonly quietMs: number; readonly maxMs: number };
}

export interface NodeBgpConfig {
  readonly routerHost: string;
  readonly routerPort: number;
  readonly localAs: number;
  readonly routerAs: number;
  /** BGP identifier, dotted quad. */
  readonly bgpId: string;
  /** Prefix announced, `203.0.113.0/24`. */
  readonly prefix: string;
  readonly nextHop: string;
  readonly holdTimeS: number;
  readonly connectRetryMs: number;
}

export interface SimConfig {
  readonly process: "sim";
  readonly seed: number;
  readonly host: string;
  /** Port of the catchment feed and status. */
  readonly httpPort: number;
  readonly holdTimeS: number;
  readonly prefix: string;
  readonly routers: readonly RouterConfig[];
}

/** The router of a site: where it listens and which nodes it knows. Others get the RFC's OPEN error. */
export interface RouterConfig {
  readonly site: string;
  readonly port: number;
  readonly as: number;
  readonly bgpId: string;
  readonly peers: readonly { readonly node: string; readonly as: number; readonly bgpId: string }[];
}

/** What the gateway is told by a lab: the same document a person would write in `anycastle.yaml`. */
export interface GatewayProcessConfig {
  readonly process: "gateway";
  readonly document: unknown;
  /** Bearer token that the admin API asks of every call that changes something. */
  readonly adminToken: string;
}

export interface LoadConfig {
  readonly process: "load";
  readonly document: unknown;
}

export type CastConfig = NodeConfig | SimConfig | GatewayProcessConfig | LoadConfig;

export type CastCommand =
  /** Node: every socket, or only BGP, goes silent both ways while the process lives. */
  | { readonly do: "cut"; readonly what: "all" | "bgp" }
  | { readonly do: "restore" }
  /** Node: GRACEFUL_SHUTDOWN, serve until the traffic has gone, withdraw, stay up unready. Emits `drain.finished`. */
  | { readonly do: "drain" }
  | { readonly do: "undrain" }
  /** Any: finish what is open and exit 0. */
  | { readonly do: "stop" };
