/**
 * A running gateway: composition of listener, policy, checks, catchment source, telemetry and admin API. It runs alone
 * before any real upstreams; a simulator is only ever a catchment feed to it, and a lab only somebody who wrote its
 * configuration.
 */
import type { FastifyInstance } from "fastify";
import { every, nowMs, sleep } from "#core/host/clock.ts";
import { keyedToken, randomToken } from "#core/host/random.ts";
import { watchStalls } from "#core/host/stalls.ts";
import type { Prng } from "#core/prng.ts";
import type { CatchmentSource, SiteRoute } from "#core/wire/catchment.ts";
import { GATEWAY_STATUS_SCHEMA, type GatewayStatus } from "#core/wire/gateway-status.ts";
import { createAdmin } from "./admin/admin.ts";
import { isHashing } from "./balancer/create-balancer.ts";
import type { PriorityHealth } from "./balancer/priority-load.ts";
import { FeedSource } from "./catchment/feed-source.ts";
import { RouteTable } from "./catchment/route-table.ts";
import { Checker } from "./checks/checker.ts";
import type { GatewayConfig } from "./config.ts";
import { Deadlines } from "./forward/deadlines.ts";
import type { Engine } from "./forward/exchange.ts";
import { Fleet } from "./forward/fleet.ts";
import { HOST_CLOCK, type GatewayClock } from "./gateway-clock.ts";
import { listenError, portOf } from "./listener/listen.ts";
import { Listener } from "./listener/server.ts";
import { SiteBreakers } from "./resilience/breaker/site-breakers.ts";
import { HedgeDelay } from "./resilience/hedge-delay.ts";
import { RescuePlan } from "./resilience/rescue-plan.ts";
import { RetryBudget } from "./resilience/retry-budget.ts";
import { SiteSpread } from "./resilience/site-spread.ts";
import { Affinity } from "./routing/affinity.ts";
import { FixedSource } from "./routing/fixed-source.ts";
import { ecmpNode } from "./routing/modes.ts";
import { nearestSites } from "./routing/nearest-source.ts";
import { requestKey } from "./routing/request-key.ts";
import { VantageResolver } from "./routing/vantage.ts";
import { createRegistry } from "./telemetry/metrics.ts";
import { Telemetry, WINDOW_MS, type EventSink } from "./telemetry/telemetry.ts";

/** After a stall of the own loop this long, silence that began before it proves nothing. */
const STALL_MS = 50;
/** A stall this long is told, too. */
const STALL_TOLD_MS = 200;
const DRAIN_POLL_MS = 20;
/** Between two steps of nodes that start slowly. */
const RAMP_MS = 100;

export interface GatewayOptions {
  readonly events: EventSink;
  readonly adminToken: string;
  readonly version: string;
  readonly prng: Prng;
  readonly clock?: GatewayClock;
}

export interface RunningGateway {
  readonly url: string;
  /** Null: the admin API is off. */
  readonly adminUrl: string | null;
  readonly status: () => GatewayStatus;
  /** Takes no new connections, finishes what is open within `limits.drainTimeoutMs`, then closes. */
  drain(): Promise<void>;
  /** Closes at once. */
  close(): Promise<void>;
}

/** Rejects with `PORT_BUSY` when an address is taken; nothing is left running then. */
export async function startGateway(config: GatewayConfig, options: GatewayOptions): Promise<RunningGateway> {
  const gateway = new Gateway(config, options);
  try {
    await gateway.start();
  } catch (error) {
    await gateway.close();
    throw error;
  }
  return gateway;
}

class Gateway implements RunningGateway {
  readonly #config: GatewayConfig;
  readonly #options: GatewayOptions;
  readonly #fleet: Fleet;
  readonly #telemetry: Telemetry;
  readonly #source: CatchmentSource;
  readonly #feed: FeedSource | undefined;
  readonly #engine: Engine;
  readonly #listener: Listener;
  readonly #checker: Checker;
  readonly #admin: FastifyInstance;
  readonly #stops: (() => void)[] = [];
  #port = 0;
  #adminPort: number | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: GatewayConfig, options: GatewayOptions) {
    const clock = options.clock ?? HOST_CLOCK;
    this.#config = config;
    this.#options = options;
    const spread = spreadOf(config, options.prng, (site) => this.#fleet.healthOf(site));
    this.#fleet = new Fleet(config, options.prng, (node, { from, to, reason, checkNow }) => {
      spread?.forget();
      options.events.emit({ kind: "gateway.node", node: node.id, site: node.site, from, to, reason });
      if (checkNow) this.#checker.checkNow(node.index);
    });
    const affinity = affinityOf(config, this.#fleet);
    const breakers = breakersOf(config, options.events);
    this.#telemetry = new Telemetry(this.#fleet, options.events);
    this.#feed = feedOf(config, options.events, clock);
    this.#source = this.#feed ?? fixedSource(config);
    const routes = new RouteTable(this.#source, this.#fleet, config.routing.mode);
    const startedMs = clock.nowMs();
    const { retry, hedge } = config;
    this.#engine = {
      config,
      clock,
      fleet: this.#fleet,
      routes,
      plan: new RescuePlan(this.#fleet, {
        spread,
        affinity,
        mayAsk: breakers === undefined ? undefined : (site, atMs) => breakers.of(site).wouldAdmit(atMs),
      }),
      affinity,
      breakers,
      fallbackSite:
        config.breaker.routeTo === undefined ? undefined : this.#fleet.siteIndex(config.breaker.routeTo),
      keyOf: keyOf(config),
      deadlines: new Deadlines(clock),
      retryBudget: new RetryBudget(
        { percent: retry.budgetPercent, perSecond: retry.budgetPerSecond },
        startedMs,
      ),
      hedgeBudget: new RetryBudget(
        { percent: hedge.budgetPercent, perSecond: hedge.budgetPerSecond },
        startedMs,
      ),
      hedgeDelay: new HedgeDelay(hedge, startedMs),
      telemetry: this.#telemetry,
      isDraining: false,
    };
    const known = new Set([...config.routing.vantages, config.routing.defaultVantage]);
    const resolver = new VantageResolver({
      defaultVantage: config.routing.defaultVantage,
      isKnown: (vantage) => known.has(vantage),
    });
    this.#listener = new Listener(this.#engine, resolver);
    const { fleet, telemetry } = this.#engine;
    const prng = options.prng.fork("gateway/checks");
    this.#checker = new Checker({ fleet, config: config.health, telemetry, clock, prng });
    const retryBudgetRatio = (): number => this.#engine.retryBudget.remainingRatio(clock.nowMs());
    this.#admin = createAdmin({
      token: options.adminToken,
      hostNames: config.admin === undefined ? [] : [config.admin.host],
      fleet,
      registry: createRegistry({ fleet, telemetry, breakers, version: options.version, retryBudgetRatio }),
      breakers,
      nowMs: () => clock.nowMs(),
      status: () => this.status(),
      isReady: () => !this.#engine.isDraining && this.#canServe(),
      drain: () => {
        this.#engine.isDraining = true;
      },
    });
  }

  async start(): Promise<void> {
    const { admin, listen, routing } = this.#config;
    this.#port = await this.#listener.listen(listen);
    if (admin !== undefined) {
      try {
        await this.#admin.listen({ host: admin.host, port: admin.port });
      } catch (error) {
        throw listenError(error, admin, "the gateway's admin API");
      }
      this.#adminPort = portOf(this.#admin.server, admin.port);
    }
    this.#feed?.start();
    if (routing.mode === "anycast-only") {
      this.#stops.push(this.#source.subscribe((vantages) => this.#resetMoved(vantages)));
    } else this.#checker.start();
    const window = every(WINDOW_MS, () => this.#telemetry.closeWindow(), { unref: true });
    const stalls = watchStalls(STALL_MS, (durationMs, endedMs) => {
      this.#fleet.board.noteStall(endedMs);
      if (durationMs < STALL_TOLD_MS) return;
      this.#options.events.emit({ kind: "stall", process: "gateway", durationMs: Math.round(durationMs) });
    });
    const ramp = every(RAMP_MS, () => this.#fleet.ramp(this.#engine.clock.nowMs()), { unref: true });
    this.#stops.push(
      () => ramp.cancel(),
      () => window.cancel(),
      () => stalls.cancel(),
    );
  }

  get url(): string {
    return `http://${urlHost(this.#config.listen.host)}:${this.#port}`;
  }

  get adminUrl(): string | null {
    const { admin } = this.#config;
    return admin === undefined || this.#adminPort === undefined
      ? null
      : `http://${urlHost(admin.host)}:${this.#adminPort}`;
  }

  status(): GatewayStatus {
    const { telemetry, fleet, clock } = this.#engine;
    return {
      schema: GATEWAY_STATUS_SCHEMA,
      version: this.#options.version,
      mode: this.#config.routing.mode,
      profile: this.#config.health.profile,
      feed: this.#feed?.state ?? "none",
      isDraining: this.#engine.isDraining,
      nodes: fleet.nodes.map((node) => ({
        node: node.id,
        site: node.site,
        url: node.url,
        health: fleet.board.health(node.index),
        weight: fleet.weightOf(node),
        active: fleet.balancerOf(node).active(node.index),
        attempts: telemetry.attemptsOf(node.index),
        failures: telemetry.failuresOf(node.index),
        lastCheck: this.#checker.lastCheck(node.index),
      })),
      requests: {
        total: telemetry.total,
        active: telemetry.active,
        failed: telemetry.failed,
        rescued: telemetry.rescued,
        retries: telemetry.retries,
        hedges: telemetry.hedges,
        hedgesWon: telemetry.hedgesWon,
        resumes: telemetry.resumes,
        resets: telemetry.resets,
      },
      retryBudgetRatio: this.#engine.retryBudget.remainingRatio(clock.nowMs()),
    };
  }

  async drain(): Promise<void> {
    this.#engine.isDraining = true;
    this.#listener.stopAccepting();
    const untilMs = nowMs() + this.#config.limits.drainTimeoutMs;
    while (this.#telemetry.active > 0 && nowMs() < untilMs) await sleep(DRAIN_POLL_MS);
    await this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#stops.length = 0;
    this.#feed?.stop();
    this.#checker.stop();
    await this.#listener.closeAll();
    this.#engine.deadlines.stop();
    this.#fleet.close();
    this.#telemetry.closeWindow();
    await this.#admin.close();
  }

  /** In mode `anycast-only` nothing is checked: the network alone decides. */
  #canServe(): boolean {
    if (this.#config.routing.mode === "anycast-only") return true;
    return this.#fleet.nodes.some((node) => this.#fleet.board.isEligible(node.index));
  }

  /** Mode `anycast-only`: a connection whose packets now reach another node is unknown there, and is reset. */
  #resetMoved(vantages: readonly string[]): void {
    const changed = new Set(vantages);
    const { routes, fleet } = this.#engine;
    for (const connection of this.#listener.connections) {
      const { pin } = connection;
      if (pin === undefined || !changed.has(pin.vantage)) continue;
      const site = routes.view(pin.vantage).sites[0];
      const node = site === undefined ? undefined : ecmpNode(connection.hash, routes.announcedNodes(site));
      if (node !== undefined && fleet.nodeById(node)?.index === pin.node) continue;
      this.#telemetry.connectionReset();
      for (const open of connection.open) open.cutOff();
      connection.reset();
    }
  }
}

function feedOf(config: GatewayConfig, events: EventSink, clock: GatewayClock): FeedSource | undefined {
  const { catchment } = config;
  if (catchment === undefined || !("feed" in catchment)) return undefined;
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

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function spreadOf(
  { balancer, routing }: GatewayConfig,
  prng: Prng,
  healthOf: (site: number) => PriorityHealth,
): SiteSpread | undefined {
  if (balancer.overprovisioningPercent === 0 || routing.mode === "anycast-only") return undefined;
  return new SiteSpread(balancer, healthOf, prng.fork("gateway/spread"));
}

function breakersOf({ breaker, routing, sites }: GatewayConfig, events: EventSink): SiteBreakers | undefined {
  if (breaker.options === undefined || routing.mode === "anycast-only") return undefined;
  const ids = sites.map(({ id }) => id);
  return new SiteBreakers(ids, breaker.options, breaker.failureStatuses, (site, change) =>
    events.emit({ kind: "gateway.breaker", site, ...change }),
  );
}

/** In mode `anycast-only` the network alone decides. */
function affinityOf({ sticky, routing }: GatewayConfig, { nodes }: Fleet): Affinity | undefined {
  if (sticky === undefined || routing.mode === "anycast-only") return undefined;
  if (sticky.by === "key") return new Affinity(sticky, nodes);
  const secret = sticky.secret ?? randomToken();
  return new Affinity({ ...sticky, tokens: nodes.map(({ id }) => keyedToken(secret, id)) }, nodes);
}

function keyOf({ balancer, sites }: GatewayConfig): Engine["keyOf"] {
  const { hashBy } = balancer;
  if (!sites.some(({ algorithm }) => isHashing(algorithm))) return undefined;
  return ({ fields, path }, { socket }) =>
    requestKey(hashBy, { fields, path, address: socket.remoteAddress ?? "" });
}
