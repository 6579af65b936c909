/**
 * What the network tells a gateway: for each vantage, the sites its packets would reach, best first.
 *
 * A gateway asks a `CatchmentSource` and never learns what stands behind it: a fixed list, the nearest sites, or the
 * live feed of a simulator. The feed is HTTP: `GET /v1/catchments` answers with NDJSON that begins with `hello`, then
 * one `routes` line per vantage and one `announced` line per site (the state), then `synced`, then changes as they
 * happen and a `heartbeat` every second. A reader that loses the feed keeps its last answer and flags it stale.
 */

/** One site as seen from one vantage. */
export interface SiteRoute {
  readonly site: string;
  /** Round-trip time between vantage and site, whole microseconds. */
  readonly rttUs: number;
}

export interface Routes {
  /** Grows with every change of any vantage; starts at 1. */
  readonly revision: number;
  /** Monotonic ns at which this became true. */
  readonly asOfNs: number;
  /** The source is out of touch: this was true when it was last heard. */
  readonly isStale: boolean;
  /**
   * The first is BGP's choice; each next one is what would be chosen without those before it. Empty: unreachable, and
   * nowhere to look for rescue either.
   */
  readonly sites: readonly SiteRoute[];
  /**
   * The vantage's own AS has no route at this moment (BGP has dropped one and not yet heard of another): the bare
   * network delivers nothing, and `sites` is only where a gateway may look for rescue.
   */
  readonly isUnreachable?: true;
}

export interface CatchmentSource {
  /** Routes of a vantage; undefined when the source does not know the vantage. Never blocks. */
  routes(vantage: string): Routes | undefined;
  /** Nodes whose path stands at a site's router, in the router's order; undefined when the source does not know. */
  announcedNodes(site: string): readonly string[] | undefined;
  /** Called after each change, with the vantages it touched. Returns the way to stop. */
  subscribe(onChange: (vantages: readonly string[]) => void): () => void;
}

export const CATCHMENT_FEED_SCHEMA = "anycastle.catchments/v1";

export type CatchmentFeedLine =
  | {
      readonly type: "hello";
      readonly schema: string;
      /** Another one after every start of the source: what the reader heard before may be untrue by now. */
      readonly instance: string;
      readonly vantages: readonly string[];
      readonly sites: readonly string[];
    }
  | {
      readonly type: "routes";
      readonly revision: number;
      readonly asOfNs: number;
      readonly vantage: string;
      readonly sites: readonly SiteRoute[];
      /** As in `Routes`. */
      readonly isUnreachable?: true;
    }
  | {
      readonly type: "announced";
      readonly revision: number;
      readonly asOfNs: number;
      readonly site: string;
      readonly nodes: readonly string[];
    }
  | { readonly type: "synced"; readonly revision: number }
  | { readonly type: "heartbeat"; readonly atNs: number };
