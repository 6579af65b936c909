/**
 * What the page gets from its lab, or from `anycastle watch` beside a cast that no lab started, `GET /api/v1/stream`
 * (server-sent events): everything on the screen comes from it.
 *
 *   event: snapshot   PageSnapshot    first, and again whenever the reader's place cannot be found any more
 *   (no name)         JournalEvent    as they happen; `id:` is RUN-SEQ
 *   event: status     PageStatus      when the cast has changed, at most every 25 ms
 *   event: beat       PageBeat        every 2 s: a stream without one is broken, even if its socket is not
 *
 * A reader that comes back with `Last-Event-ID` (or `?after=ID`) gets what it missed instead of a snapshot, if the id is
 * of this run and not too old.
 */
import type { LabStatus, NodeStatus, SiteStatus } from "./control.ts";
import type { JournalEvent } from "./events.ts";

export const PAGE_SCHEMA = "anycastle.page/v1";

export interface PageSnapshot {
  readonly schema: typeof PAGE_SCHEMA;
  /** Names this run of the lab; sequence numbers of another run mean nothing in it. */
  readonly run: string;
  /** Last event that `status` and `totals` know of. */
  readonly seq: number;
  /** Monotonic ns of the lab's host. */
  readonly atNs: number;
  readonly status: PageStatus;
  readonly places: readonly Place[];
  /** This reader has the cookie of a session: it may act with the page's key; else the page is for looking. */
  readonly canAct: boolean;
  /** The lab can run speed tests and load by itself. */
  readonly canMeasure: boolean;
  readonly totals: PageTotals;
  /** What a page that comes late needs of the past, in order; none is newer than `seq`. */
  readonly events: readonly JournalEvent[];
}

/**
 * What the page shows of the cast: a lab's status, or what can be known of a cast from its gateway and simulator. Null: it
 * is not known, because nobody in reach of the watcher tells it, or not any more.
 */
export interface PageStatus extends Pick<
  LabStatus,
  "version" | "isReady" | "feed" | "vantages" | "gatewayUrl"
> {
  readonly mode: string | null;
  readonly seed: number | null;
  readonly sites: readonly PageSite[];
  /** Absent: a lab serves this page. */
  readonly watch?: WatchStatus;
}

export type PageSite = Omit<SiteStatus, "nodes"> & { readonly nodes: readonly PageNode[] };

export type PageNode = Omit<NodeStatus, "process" | "bgp" | "gateway"> & {
  readonly process: NodeStatus["process"] | null;
  readonly bgp: NodeStatus["bgp"] | null;
  readonly gateway: NodeStatus["gateway"] | null;
};

/** Times on a watched page are those at which its watcher noticed, on the watcher's clock. */
export interface WatchStatus {
  /** The services answer. What is shown of one that does not is its last word, or null. */
  readonly isGatewayThere: boolean;
  readonly isSimulatorThere: boolean;
  /** How often both are asked, and how often each city is measured; null: it is not. */
  readonly lookMs: number;
  readonly testMs: number | null;
}

export interface Place {
  /** Id of the city, which is its vantage's too. */
  readonly vantage: string;
  /** The site that stands in it. */
  readonly site: string | null;
  /** Degrees, WGS 84. */
  readonly latitude: number;
  readonly longitude: number;
}

/** Since the last start of a load; before the first one, since the start of the lab. */
export interface PageTotals {
  readonly load: {
    /** Requests a second; null while none runs. */
    readonly rate: number | null;
    readonly planned: number;
    readonly sent: number;
    readonly ok: number;
    readonly failed: number;
    /** Of the failed: POST, which may not be sent twice. Counted from the failures told one by one. */
    readonly failedPosts: number;
  };
  readonly gateway: {
    readonly requests: number;
    readonly failed: number;
    readonly rescued: number;
    readonly hedged: number;
    readonly resets: number;
  };
}

export interface PageBeat {
  readonly atNs: number;
}
