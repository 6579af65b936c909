/**
 * How the lab talks to the processes it starts.
 *
 * A child's standard input is NDJSON: its configuration on the first line, commands on the lines after it. Its
 * standard output is NDJSON: `ProcessEvent`s, nothing else; its own `process.ready` says that it can be used. Standard error is
 * its log. The end of standard input means that the lab is gone: the child exits at once.
 */
import type { Misbehaviour } from "./misbehaviour.ts";
import type { RelayProxy } from "./relay.ts";
import type { LiveWorld } from "./world.ts";

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
  /** Absent: only the end of the session and the hold timer tell that the router is gone. */
  readonly bfd?: BfdConfig & { readonly router: BfdPeer };
}

/**
 * A speaker's side of BFD (RFC 5880, asynchronous mode). Between hosts RFC 5881 wants port 3784 and a source port from
 * 49152 on; on one host any ports will do, and a speaker without `sourcePort` sends from `port`.
 */
export interface BfdConfig {
  /** Own address, for listening and sending. */
  readonly host: string;
  readonly port: number;
  readonly sourcePort?: number;
  /** Intervals in whole ms: as often as this side would send, and as often as it can receive. */
  readonly desiredMinTxMs: number;
  readonly requiredMinRxMs: number;
  /** Intervals without a packet from this side after which its peer counts it as down, 1 to 255. */
  readonly detectMultiplier: number;
}

export interface BfdPeer {
  readonly host: string;
  /** Where it listens. */
  readonly port: number;
  /** The port its packets come from; absent: any, and it is known by its address alone. */
  readonly sourcePort?: number;
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
  /** Absent: the default world. */
  readonly world?: LiveWorld;
}

/** The router of a site: where it listens and which nodes it knows. Others get the RFC's OPEN error. */
export interface RouterConfig {
  readonly site: string;
  readonly port: number;
  readonly as: number;
  readonly bgpId: string;
  readonly bfd?: BfdConfig;
  readonly peers: readonly RouterPeer[];
}

export interface RouterPeer {
  readonly node: string;
  readonly as: number;
  readonly bgpId: string;
  /** Where its BFD is; absent, or without the router's own `bfd`: none. */
  readonly bfd?: BfdPeer;
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

/** The relay before the nodes: where its API is and what it listens for from the start. */
export interface RelayConfig {
  readonly process: "relay";
  readonly seed: number;
  /** Loopback: its API takes orders without a token. */
  readonly apiHost: string;
  readonly apiPort: number;
  readonly proxies: readonly RelayProxy[];
}

export type CastConfig = NodeConfig | SimConfig | GatewayProcessConfig | RelayConfig | LoadConfig;

export type CastCommand =
  /** Node: every socket, or only BGP, goes silent both ways while the process lives. */
  | { readonly do: "cut"; readonly what: "all" | "bgp" }
  | { readonly do: "restore" }
  /** Node: GRACEFUL_SHUTDOWN, serve until the traffic has gone, withdraw, stay up unready. Emits `drain.finished`. */
  | { readonly do: "drain" }
  | { readonly do: "undrain" }
  /** Node: does something wrong from now on, in place of what it did wrong before; null: nothing. Emits `node.misbehaving`. */
  | { readonly do: "misbehave"; readonly as: Misbehaviour | null }
  /** Any: finish what is open and exit 0. */
  | { readonly do: "stop" };
