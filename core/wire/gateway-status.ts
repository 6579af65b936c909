/** `GET /status` of the gateway's admin API. */
import type { NodeHealth } from "./events.ts";

export const GATEWAY_STATUS_SCHEMA = "anycastle.gateway-status/v1";

export interface GatewayStatus {
  readonly schema: typeof GATEWAY_STATUS_SCHEMA;
  readonly version: string;
  readonly mode: "nearest" | "anycast" | "anycast-only";
  readonly profile: string;
  readonly feed: "none" | "live" | "stale";
  readonly isDraining: boolean;
  readonly nodes: readonly GatewayNodeStatus[];
  readonly requests: {
    readonly total: number;
    readonly active: number;
    /** Answered by the gateway itself because no node could. */
    readonly failed: number;
    /** Answered by a node after at least one failed attempt. */
    readonly rescued: number;
    readonly retries: number;
    readonly hedges: number;
    readonly hedgesWon: number;
    /** Half-sent responses that another node completed. */
    readonly resumes: number;
    /** Client connections reset because their site changed (`anycast-only`). */
    readonly resets: number;
  };
  readonly retryBudgetRatio: number;
  /** null: any number of requests may be under way. */
  readonly admission: GatewayAdmissionStatus | null;
}

export interface GatewayAdmissionStatus {
  /** Requests that may be under way, or, where it follows, wait for a response head. */
  readonly limit: number;
  /** `measuring`: fewer are let in for a moment, to see what nodes take without a queue. */
  readonly phase: "fixed" | "following" | "measuring";
  readonly active: number;
  /** Of those, without a response head. */
  readonly awaiting: number;
  /** In line. */
  readonly waiting: number;
  /** What nodes take to a response head, on average; 0: not known. */
  readonly headMs: number;
  /** The same without a queue; null: not known, or not asked. */
  readonly floorMs: number | null;
}

export interface GatewayNodeStatus {
  readonly node: string;
  readonly site: string;
  readonly url: string;
  /** Null: it tells none. */
  readonly zone: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly health: NodeHealth;
  readonly weight: number;
  /** Attempts in flight. */
  readonly active: number;
  readonly attempts: number;
  readonly failures: number;
  /** `200 in 1.2 ms`, `ECONNREFUSED`, `timeout`; null before the first check. */
  readonly lastCheck: string | null;
}
