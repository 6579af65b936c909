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
