/** `GET /v1/status` of the simulator: for people, for `doctor` and for the page beside it; the gateway reads the feed. */
export const SIM_STATUS_SCHEMA = "anycastle.sim-status/v1";

export interface SimStatus {
  readonly schema: typeof SIM_STATUS_SCHEMA;
  readonly world: string;
  readonly seed: number;
  readonly revision: number;
  readonly prefix: string;
  /** Open readers of the catchment feed. */
  readonly readers: number;
  readonly sites: readonly {
    readonly site: string;
    /** Where its router listens for nodes. */
    readonly port: number;
    /** Where its BFD listens; absent: it has none. */
    readonly bfdPort?: number;
    readonly isAnnounced: boolean;
    readonly isGracefulShutdown: boolean;
    /** Nodes that the site's traffic goes to. */
    readonly announcedNodes: readonly string[];
    readonly nodes: readonly {
      readonly node: string;
      readonly session: "up" | "down";
      /** Absent: the node has none. */
      readonly bfd?: "admin-down" | "down" | "init" | "up";
      readonly hasPath: boolean;
    }[];
  }[];
  /** The site each vantage reaches; null: none. */
  readonly vantages: readonly { readonly vantage: string; readonly site: string | null }[];
}
