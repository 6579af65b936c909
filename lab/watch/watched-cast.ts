/**
 * What can be known of a cast from outside: from the feed and status of its simulator, and the status of its gateway.
 * Pure. Each thing heard gives the events that it proves: a difference between what was known and what is told now. What is
 * heard first is a state, not an event. What nobody tells (process ids, memory, faults, logs) stays null.
 *
 * A service that falls silent makes what it alone knew null again, except where the gateway itself goes on with the last
 * word: sites and catchments, which then are flagged stale.
 */
import { cityById, CITIES, SITES } from "#core/geography/cities.ts";
import type { CatchmentFeedLine } from "#core/wire/catchment.ts";
import type { EventBody } from "#core/wire/events.ts";
import type { GatewayStatus } from "#core/wire/gateway-status.ts";
import type { PageNode, PageStatus } from "#core/wire/page.ts";
import type { SimStatus } from "#core/wire/sim-status.ts";

/** No event of ours: the feed and the status say that something is so, not why. */
const REASON = "as the simulator tells";

interface Reached {
  readonly site: string | null;
  readonly rttUs: number | null;
}

type SimNode = SimStatus["sites"][number]["nodes"][number];
type Requests = GatewayStatus["requests"];

export interface WatchedCastOptions {
  readonly version: string;
  readonly gatewayUrl: string;
  readonly lookMs: number;
  readonly testMs: number | null;
}

export class WatchedCast {
  readonly #options: WatchedCastOptions;
  readonly #siteNames: ReadonlySet<string> = new Set(SITES.map(({ site }) => site));
  readonly #vantageNames: ReadonlySet<string> = new Set(CITIES.map(({ id }) => id));
  /** Nodes announced, by site; a site that is not here has not been told of. */
  readonly #announced = new Map<string, readonly string[]>();
  readonly #graceful = new Set<string>();
  readonly #reached = new Map<string, Reached>();
  #isFeedLive = false;
  #gateway: GatewayStatus | undefined;
  /** Its counters when it was last heard; kept while it is silent, so that nothing in between is lost. */
  #requests: Requests | undefined;
  #requestsNs = 0;
  #gatewayFeed: GatewayStatus["feed"] | undefined;
  #sim: SimStatus | undefined;
  /** As last told: who there is stays known while the teller is silent. */
  #routed: GatewayStatus["nodes"] = [];
  #peers: SimStatus["sites"] = [];
  #simNodes = new Map<string, SimNode>();
  #hasHeardBoth = false;

  constructor(options: WatchedCastOptions) {
    this.#options = options;
  }

  hearFeed(line: CatchmentFeedLine): EventBody[] {
    switch (line.type) {
      case "announced":
        return this.#siteNames.has(line.site) ? this.#hearAnnounced(line.site, line.nodes) : [];
      case "routes":
        return this.#vantageNames.has(line.vantage) ? this.#hearRoutes(line) : [];
      case "synced":
        this.#isFeedLive = true;
        this.#noteHeard();
        return [];
      default:
        return [];
    }
  }

  loseFeed(): void {
    this.#isFeedLive = false;
  }

  /** Undefined: it did not answer. */
  hearSim(status: SimStatus | undefined): EventBody[] {
    this.#sim = status;
    if (status === undefined) return [];
    const events: EventBody[] = [];
    const nodes = new Map<string, SimNode>();
    for (const { site, isGracefulShutdown, announcedNodes, nodes: told } of status.sites) {
      if (!this.#siteNames.has(site)) continue;
      for (const node of told) {
        nodes.set(node.node, node);
        events.push(...sessionEvents(site, this.#simNodes.get(node.node), node));
      }
      events.push(...this.#hearGraceful(site, isGracefulShutdown, announcedNodes));
    }
    this.#simNodes = nodes;
    this.#peers = status.sites;
    this.#noteHeard();
    return events;
  }

  /** Undefined: it did not answer. `nowNs`: when it did. */
  hearGateway(status: GatewayStatus | undefined, nowNs: number): EventBody[] {
    const before = this.#gateway;
    this.#gateway = status;
    if (status === undefined) return [];
    const events: EventBody[] = [];
    for (const { node, site, health, lastCheck } of status.nodes) {
      const from = before?.nodes.find((known) => known.node === node)?.health;
      if (from === undefined || from === health) continue;
      const reason = lastCheck === null ? "not checked yet" : `last check: ${lastCheck}`;
      events.push({ kind: "gateway.node", node, site, from, to: health, reason });
    }
    if (status.feed !== "none" && this.#gatewayFeed !== undefined && status.feed !== this.#gatewayFeed) {
      events.push({ kind: "gateway.feed", state: status.feed, reason: "as the gateway tells" });
    }
    this.#gatewayFeed = status.feed;
    this.#routed = status.nodes;
    this.#noteHeard();
    events.push(...this.#hearRequests(status.requests, nowNs));
    return events;
  }

  /** `isReady`: both have been heard at once; before that nothing shown means anything. */
  status(): PageStatus {
    const { version, gatewayUrl, lookMs, testMs } = this.#options;
    const isGatewayThere = this.#gateway !== undefined;
    const isSimulatorThere = this.#sim !== undefined && this.#isFeedLive;
    return {
      version,
      gatewayUrl,
      mode: this.#gateway?.mode ?? null,
      seed: this.#sim?.seed ?? null,
      isReady: this.#hasHeardBoth,
      feed: this.#isFeedLive && this.#gateway?.feed !== "stale" ? "live" : "stale",
      sites: SITES.map(({ site, city }) => ({
        site,
        city: cityById(city)?.name ?? city,
        isAnnounced: (this.#announced.get(site) ?? []).length > 0,
        isGracefulShutdown: this.#graceful.has(site),
        nodes: this.#nodesOf(site),
      })),
      vantages: CITIES.map(({ id, name }) => ({
        vantage: id,
        city: name,
        site: this.#reached.get(id)?.site ?? null,
        rttUs: this.#reached.get(id)?.rttUs ?? null,
      })),
      watch: { isGatewayThere, isSimulatorThere, lookMs, testMs },
    };
  }

  #noteHeard(): void {
    this.#hasHeardBoth ||= this.#gateway !== undefined && this.#sim !== undefined && this.#isFeedLive;
  }

  #hearAnnounced(site: string, nodes: readonly string[]): EventBody[] {
    const before = this.#announced.get(site);
    this.#announced.set(site, nodes);
    if (nodes.length === 0) this.#graceful.delete(site);
    if (before === undefined) return [];
    if (before.length > 0 && nodes.length === 0) return [{ kind: "site.withdrawn", site, reason: REASON }];
    if (before.length > 0 || nodes.length === 0) return [];
    return [{ kind: "site.announced", site, nodes, isGracefulShutdown: this.#graceful.has(site) }];
  }

  #hearGraceful(site: string, isGraceful: boolean, nodes: readonly string[]): EventBody[] {
    if (isGraceful === this.#graceful.has(site) || nodes.length === 0) return [];
    if (isGraceful) this.#graceful.add(site);
    else this.#graceful.delete(site);
    return [{ kind: "site.announced", site, nodes, isGracefulShutdown: isGraceful }];
  }

  #hearRoutes(line: Extract<CatchmentFeedLine, { type: "routes" }>): EventBody[] {
    const { vantage, revision, sites, isUnreachable } = line;
    const first = isUnreachable === true ? undefined : sites[0];
    const before = this.#reached.get(vantage);
    this.#reached.set(vantage, { site: first?.site ?? null, rttUs: first?.rttUs ?? null });
    const to = first?.site ?? null;
    return before === undefined || before.site === to
      ? []
      : [{ kind: "vantage.moved", vantage, from: before.site, to, revision }];
  }

  /** The counters of a gateway that was started again begin at 0: what it counted before is known already. */
  #hearRequests(now: Requests, nowNs: number): EventBody[] {
    const known = this.#requests;
    const fromNs = this.#requestsNs;
    this.#requests = now;
    this.#requestsNs = nowNs;
    if (known === undefined) return [];
    const before = now.total >= known.total ? known : NO_REQUESTS;
    const requests = now.total - before.total;
    if (requests === 0) return [];
    return [
      {
        kind: "gateway.window",
        fromNs,
        requests,
        failed: now.failed - before.failed,
        rescued: now.rescued - before.rescued,
        hedged: now.hedges - before.hedges,
        resets: now.resets - before.resets,
      },
    ];
  }

  /** Those that the gateway has, then those that only the router knows. */
  #nodesOf(site: string): PageNode[] {
    const routed = this.#routed.filter((node) => node.site === site);
    const peers = this.#peers.find((told) => told.site === site)?.nodes ?? [];
    const names = new Set([...routed, ...peers].map(({ node }) => node));
    return [...names].map((node) => {
      const told = this.#sim === undefined ? undefined : this.#simNodes.get(node);
      const known = routed.find((one) => one.node === node);
      const bfd = told?.bfd;
      return {
        node,
        pid: null,
        url: known?.url ?? "",
        process: null,
        fault: null,
        misbehaviour: null,
        serving: null,
        bgp: told?.session ?? null,
        ...(bfd === undefined || bfd === "init" ? {} : { bfd }),
        gateway: this.#gateway === undefined ? null : (known?.health ?? null),
      };
    });
  }
}

const NO_REQUESTS = { total: 0, failed: 0, rescued: 0, hedges: 0, resets: 0 } as const;

function sessionEvents(site: string, before: SimNode | undefined, now: SimNode): EventBody[] {
  if (before === undefined) return [];
  const { node, session, bfd } = now;
  const events: EventBody[] = [];
  if (bfd !== undefined && bfd !== "init" && bfd !== before.bfd) {
    events.push({
      kind: "bfd.session",
      node,
      site,
      by: "router",
      state: bfd,
      reason: REASON,
      detectMs: null,
    });
  }
  if (session !== before.session) {
    events.push({ kind: "router.session", site, node, state: session, reason: REASON });
  }
  return events;
}
