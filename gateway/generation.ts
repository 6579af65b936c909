/**
 * All that hangs on a configuration: nodes, routes, policy, checks. A reload makes a new generation beside the old one; requests
 * begin on the new one from then on, and those that are open end where they began.
 *
 *     configuration 1 -> generation 1 ... its open requests end ... connections nobody needs are closed
 *                             | health, connections, drains, slow starts, budgets of what is the same in both
 *     configuration 2 -> generation 2 -> new requests
 */
import { isDeepStrictEqual } from "node:util";
import { keyedToken } from "#core/host/random.ts";
import type { Prng } from "#core/prng.ts";
import type { CatchmentSource, SiteRoute } from "#core/wire/catchment.ts";
import { Admission } from "./admission/admission.ts";
import { createLimit } from "./admission/create-limit.ts";
import { WaitingLine } from "./admission/waiting-line.ts";
import { isHashing } from "./balancer/create-balancer.ts";
import type { PriorityHealth } from "./balancer/priority-load.ts";
import { ResponseCache } from "./cache/response-cache.ts";
import { FeedSource } from "./catchment/feed-source.ts";
import { RouteTable } from "./catchment/route-table.ts";
import { Checker } from "./checks/checker.ts";
import type { GatewayConfig } from "./config.ts";
import type { Deadlines } from "./forward/deadlines.ts";
import type { Engine, GatewayPhase } from "./forward/exchange.ts";
import { Fleet } from "./forward/fleet.ts";
import { SpillStore } from "./forward/spill-store.ts";
import type { GatewayClock } from "./gateway-clock.ts";
import type { WaitingRequest } from "./listener/waiting-request.ts";
import { SiteBreakers } from "./resilience/breaker/site-breakers.ts";
import { severityOf } from "./health/severity.ts";
import { HedgeDelay } from "./resilience/hedge-delay.ts";
import { RescuePlan } from "./resilience/rescue-plan.ts";
import { RetryBudget } from "./resilience/retry-budget.ts";
import { SiteSpread } from "./resilience/site-spread.ts";
import { Affinity } from "./routing/affinity.ts";
import { FixedSource } from "./routing/fixed-source.ts";
import { nearestSites } from "./routing/nearest-source.ts";
import { PathPatterns } from "./routing/path-patterns.ts";
import { requestKey } from "./routing/request-key.ts";
import { VantageResolver } from "./routing/vantage.ts";
import { AccessLog } from "./telemetry/access-log.ts";
import type { NodeSlots } from "./telemetry/node-slots.ts";
import type { RequestIds } from "./telemetry/request-id.ts";
import type { EventSink, Telemetry } from "./telemetry/telemetry.ts";
import type { Tracer } from "./telemetry/tracing/tracer.ts";
import type { TlsMaterial } from "./tls/tls-material.ts";
import type { Transport } from "./transport.ts";
import type { Tunnels } from "./upgrade/tunnels.ts";

/** What outlives every configuration. */
export interface Lasting {
  readonly clock: GatewayClock;
  /** By how much the wall clock is ahead of it, now. */
  readonly aheadMs: () => number;
  readonly prng: Prng;
  readonly events: EventSink;
  readonly telemetry: Telemetry;
  readonly slots: NodeSlots;
  readonly deadlines: Deadlines;
  /** Keys the cookies of sticky sessions where the configuration has no secret. */
  readonly cookieSecret: string;
  readonly requestIds: RequestIds;
  readonly version: string;
  readonly transport: Transport;
  /** Present where requests are traced. */
  readonly tracer: Tracer | undefined;
  readonly tunnels: Tunnels;
  readonly phase: GatewayPhase;
}

export class Generation {
  readonly config: GatewayConfig;
  readonly tls: TlsMaterial;
  readonly engine: Engine;
  readonly resolver: VantageResolver;
  readonly checker: Checker;
  readonly #source: CatchmentSource;
  readonly #feed: FeedSource | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(config: GatewayConfig, tls: TlsMaterial, lasting: Lasting, predecessor?: Generation) {
    const { clock, deadlines, events, slots, telemetry } = lasting;
    const before = predecessor?.config;
    this.config = config;
    this.tls = tls;
    const spread = spreadOf(config, lasting.prng, (site, subset) => fleet.healthOf(site, subset));
    const fleet: Fleet = new Fleet({
      config,
      prng: lasting.prng,
      slots,
      tls: tls.node,
      openClient: lasting.transport.openClient,
      predecessor: predecessor?.fleet,
      onCapacity: () => spread?.forget(),
      onChange: (node, { from, to, reason, checkNow }) => {
        const severity = severityOf(to, fleet.healthOf(node.siteIndex));
        events.emit({ kind: "gateway.node", node: node.id, site: node.site, from, to, reason, severity });
        telemetry.nodeChanged(severity);
        if (to === "ejected" || to === "unhealthy") lasting.tunnels.nodeLost(node);
        if (checkNow) this.checker.checkNow(node.index);
      },
    });
    telemetry.reserve();
    this.#feed = feedOf(config, lasting, predecessor);
    this.#source = this.#feed ?? fixedSource(config);
    const affinity = affinityOf(config, fleet, lasting.cookieSecret);
    const breakers = breakersOf(config, events, predecessor);
    const { retry, hedge } = config;
    const nowMs = clock.nowMs();
    const isSame = (part: "retry" | "hedge"): boolean => isDeepStrictEqual(before?.[part], config[part]);
    const budgets = { percent: retry.budgetPercent, perSecond: retry.budgetPerSecond };
    const hedges = { percent: hedge.budgetPercent, perSecond: hedge.budgetPerSecond };
    this.engine = {
      config,
      clock,
      fleet,
      routes: new RouteTable(this.#source, fleet, config.routing.mode),
      plan: new RescuePlan(fleet, {
        spread,
        affinity,
        mayAsk: breakers === undefined ? undefined : (site, atMs) => breakers.of(site).wouldAdmit(atMs),
      }),
      affinity,
      breakers,
      fallbackSite:
        config.breaker.routeTo === undefined ? undefined : fleet.siteIndex(config.breaker.routeTo),
      keyOf: keyOf(config),
      deadlines,
      retryBudget: isSame("retry") ? predecessor!.engine.retryBudget : new RetryBudget(budgets, nowMs),
      hedgeBudget: isSame("hedge") ? predecessor!.engine.hedgeBudget : new RetryBudget(hedges, nowMs),
      hedgeDelay: isSame("hedge") ? predecessor!.engine.hedgeDelay : new HedgeDelay(hedge, nowMs),
      telemetry,
      phase: lasting.phase,
      tracer: lasting.tracer,
      paths:
        config.paths.patterns.length === 0
          ? undefined
          : new PathPatterns(config.paths.patterns, config.subsets),
      openCount: 0,
      admission: admissionOf(config, predecessor),
      spill: spillOf(config, telemetry),
      line: lineOf(config, lasting, predecessor),
      cache: cacheOf(config, predecessor),
      requestIds: lasting.requestIds,
      accessLog: accessLogOf(config, lasting, predecessor),
    };
    const known = new Set([...config.routing.vantages, config.routing.defaultVantage]);
    this.resolver = new VantageResolver({
      defaultVantage: config.routing.defaultVantage,
      isKnown: (vantage) => known.has(vantage),
    });
    const prng = lasting.prng.fork("gateway/checks");
    this.checker = new Checker({
      fleet,
      config: config.health,
      telemetry,
      clock,
      prng,
      tls: tls.node,
      openCheck: lasting.transport.openCheck,
    });
  }

  get fleet(): Fleet {
    return this.engine.fleet;
  }

  get feed(): FeedSource | undefined {
    return this.#feed;
  }

  get feedState(): "none" | "live" | "stale" {
    return this.#feed?.state ?? "none";
  }

  /** In mode `anycast-only` nothing is checked: the network alone decides, and may move connections. */
  start(predecessor: Generation | undefined, onMoved: (vantages: readonly string[]) => void): void {
    if (this.#feed !== predecessor?.feed) this.#feed?.start();
    if (this.config.routing.mode === "anycast-only") this.#unsubscribe = this.#source.subscribe(onMoved);
    else this.checker.start();
  }

  /** Another one has taken over, or the gateway closes: nothing begins here any more. */
  stop(successor?: Generation): void {
    this.#unsubscribe?.();
    this.checker.stop();
    if (this.#feed !== successor?.feed) this.#feed?.stop();
  }

  /** The feed it hears, if that is this one. */
  keptFeed(url: string): FeedSource | undefined {
    const { catchment } = this.config;
    return catchment !== undefined && "feed" in catchment && catchment.feed === url ? this.#feed : undefined;
  }

  /**
   * What is known of nodes and routes is as good as it gets: every node has been checked and, if it passed, often enough, one
   * at least serves, and the feed has spoken.
   */
  isProven(): boolean {
    if (this.feedState === "stale") return false;
    if (this.config.routing.mode === "anycast-only") return true;
    const { board, nodes } = this.fleet;
    const isSettled = nodes.every(
      ({ index }) => this.checker.lastCheck(index) !== null && !board.isBeingProven(index),
    );
    return isSettled && nodes.some(({ index }) => board.health(index) === "healthy");
  }

  canServe(): boolean {
    if (this.config.routing.mode === "anycast-only") return true;
    return this.fleet.nodes.some((node) => this.fleet.board.isEligible(node.index));
  }
}

function feedOf(
  { catchment }: GatewayConfig,
  { clock, events }: Lasting,
  predecessor: Generation | undefined,
): FeedSource | undefined {
  if (catchment === undefined || !("feed" in catchment)) return undefined;
  const kept = predecessor?.keptFeed(catchment.feed);
  if (kept !== undefined) return kept;
  return new FeedSource({
    url: catchment.feed,
    clock,
    onState: (state, reason) => events.emit({ kind: "gateway.feed", state, reason }),
  });
}

function fixedSource(config: GatewayConfig): FixedSource {
  const { catchment, sites } = config;
  const byVantage = new Map<string, readonly SiteRoute[]>();
  if (catchment !== undefined && "fixed" in catchment) {
    for (const [vantage, routes] of Object.entries(catchment.fixed)) {
      byVantage.set(
        vantage,
        routes.map(({ site, rttMs }) => ({ site, rttUs: Math.round(rttMs * 1000) })),
      );
    }
  }
  if (catchment !== undefined && "nearest" in catchment) {
    const ids = sites.map((site) => site.id);
    for (const vantage of config.routing.vantages) byVantage.set(vantage, nearestSites(vantage, ids));
  }
  return new FixedSource({
    byVantage,
    otherwise: sites.map((site) => ({ site: site.id, rttUs: 0 })),
    nodesBySite: new Map(sites.map((site) => [site.id, site.nodes.map((node) => node.id)])),
  });
}

function spreadOf(
  { balancer, routing }: GatewayConfig,
  prng: Prng,
  healthOf: (site: number, subset: number) => PriorityHealth,
): SiteSpread | undefined {
  if (balancer.overprovisioningPercent === 0 || routing.mode === "anycast-only") return undefined;
  return new SiteSpread(balancer, healthOf, prng.fork("gateway/spread"));
}

/** Those of the configuration before, with all they know, if nothing about them has changed. */
function breakersOf(
  { breaker, routing, sites }: GatewayConfig,
  events: EventSink,
  predecessor: Generation | undefined,
): SiteBreakers | undefined {
  if (breaker.options === undefined || routing.mode === "anycast-only") return undefined;
  const ids = sites.map(({ id }) => id);
  const before = predecessor?.engine.breakers;
  const isSame =
    isDeepStrictEqual(
      before?.all.map(({ name }) => name),
      ids,
    ) && isDeepStrictEqual(predecessor?.config.breaker, breaker);
  if (isSame) return before;
  return new SiteBreakers(ids, breaker.options, breaker.failureStatuses, (site, change) =>
    events.emit({ kind: "gateway.breaker", site, ...change }),
  );
}

/** What clients have used up stays; limits are those of the file again. */
function admissionOf({ admission, paths }: GatewayConfig, predecessor: Generation | undefined): Admission {
  const before = predecessor?.engine.admission;
  const isKept = before !== undefined && predecessor?.config.admission.clientsMax === admission.clientsMax;
  const kept = isKept ? before : new Admission(admission);
  if (isKept) kept.setLimits({ all: admission.rateLimit, perClient: admission.rateLimitPerClient });
  kept.setPathLimits(paths.rateLimits);
  return kept;
}

/** A log that stays is opened again: a reload is also the word for "it was rotated". */
function accessLogOf(
  { accessLog }: GatewayConfig,
  { version, telemetry }: Lasting,
  predecessor: Generation | undefined,
): AccessLog | undefined {
  if (accessLog === undefined) return undefined;
  if (!isDeepStrictEqual(predecessor?.config.accessLog, accessLog))
    return new AccessLog({ ...accessLog, version, lines: telemetry.logLines });
  const kept = predecessor!.engine.accessLog!;
  kept.reopen();
  return kept;
}

/** What it keeps stays as long as its rules do. The bare network keeps nothing. */
function cacheOf(
  { cache, routing }: GatewayConfig,
  predecessor: Generation | undefined,
): ResponseCache | undefined {
  if (cache === undefined || routing.mode === "anycast-only") return undefined;
  const before = predecessor?.engine.cache;
  return before !== undefined && isDeepStrictEqual(predecessor?.config.cache, cache)
    ? before
    : new ResponseCache(cache);
}

/** Where nothing is ever repeated nothing is kept. */
function spillOf({ retry, routing, spill }: GatewayConfig, telemetry: Telemetry): SpillStore | undefined {
  const isRepeating = routing.mode !== "anycast-only" && retry.attemptsMax > 1;
  return spill === undefined || !isRepeating ? undefined : new SpillStore(spill, telemetry.spill);
}

/** With all it has learnt, as long as its rules stay. */
function lineOf(
  { admission }: GatewayConfig,
  { aheadMs, clock }: Lasting,
  predecessor: Generation | undefined,
): WaitingLine<WaitingRequest> | undefined {
  const { activeMax, adaptive, waitingMax, waitTargetMs } = admission;
  const before = predecessor?.config.admission;
  const isSame =
    before?.activeMax === activeMax &&
    before.waitingMax === waitingMax &&
    before.waitTargetMs === waitTargetMs &&
    isDeepStrictEqual(before.adaptive, adaptive);
  if (isSame) return predecessor!.engine.line;
  const limit = createLimit(adaptive, aheadMs(), clock.nowMs());
  if (activeMax === 0 && limit === undefined) return undefined;
  const most = activeMax === 0 ? Infinity : activeMax;
  return new WaitingLine<WaitingRequest>({ activeMax: most, limit, waitingMax, waitTargetMs });
}

/** In mode `anycast-only` the network alone decides. */
function affinityOf(
  { sticky, routing }: GatewayConfig,
  { nodes }: Fleet,
  secret: string,
): Affinity | undefined {
  if (sticky === undefined || routing.mode === "anycast-only") return undefined;
  if (sticky.by === "key") return new Affinity(sticky, nodes);
  const tokens = nodes.map(({ id }) => keyedToken(sticky.secret ?? secret, id));
  return new Affinity({ ...sticky, tokens }, nodes);
}

function keyOf({ balancer, sites }: GatewayConfig): Engine["keyOf"] {
  const { hashBy } = balancer;
  if (!sites.some(({ algorithm }) => isHashing(algorithm))) return undefined;
  return ({ fields, path, client }) => requestKey(hashBy, { fields, path, address: client });
}
