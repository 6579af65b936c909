/**
 * A running gateway: composition of listener, generations of configuration, telemetry and admin API. It runs alone
 * before any real upstreams; a simulator is only ever a catchment feed to it, and a lab only somebody who wrote its
 * configuration.
 */
import type { FastifyInstance } from "fastify";
import { messageOf } from "#core/errors.ts";
import { every, nowMs, sleep, wallMs } from "#core/host/clock.ts";
import { randomToken } from "#core/host/random.ts";
import { watchStalls } from "#core/host/stalls.ts";
import type { Prng } from "#core/prng.ts";
import {
  GATEWAY_STATUS_SCHEMA,
  type GatewayAdmissionStatus,
  type GatewayStatus,
} from "#core/wire/gateway-status.ts";
import { createAdmin } from "./admin/admin.ts";
import type { Reload } from "./admin/reload.ts";
import type { GatewayConfig } from "./config.ts";
import type { TracingConfig } from "./config/tracing.ts";
import { Deadlines } from "./forward/deadlines.ts";
import { checkSpill, sweepSpill } from "./forward/spill-store.ts";
import { HOST_CLOCK, type GatewayClock } from "./gateway-clock.ts";
import { Generation, type Lasting } from "./generation.ts";
import { descriptorOf, listenError, portOf, stopListening } from "./listener/listen.ts";
import { Listener } from "./listener/server.ts";
import { DEPENDENCY_BREAKER, NamedBreakers } from "./named-breakers.ts";
import { NameResolver } from "./names/name-resolver.ts";
import { changesOf, RESTART_PATHS, type ConfigChange } from "./reload/config-changes.ts";
import type { CircuitBreaker } from "./resilience/breaker/breaker.ts";
import { ecmpNode } from "./routing/modes.ts";
import { createRegistry } from "./telemetry/metrics.ts";
import { NodeSlots } from "./telemetry/node-slots.ts";
import { RequestIds } from "./telemetry/request-id.ts";
import { openOtlp, type OtlpSink } from "./telemetry/tracing/otlp.ts";
import { Tracer } from "./telemetry/tracing/tracer.ts";
import { Telemetry, WINDOW_MS, type EventSink } from "./telemetry/telemetry.ts";
import { readTls, type TlsMaterial } from "./tls/tls-material.ts";
import { socketsWith } from "./transport.ts";
import { Tunnels } from "./upgrade/tunnels.ts";

/** After a stall of the own loop this long, silence that began before it proves nothing. */
const STALL_MS = 50;
/** A stall this long is told, too. */
const STALL_TOLD_MS = 200;
const DRAIN_POLL_MS = 20;
const PROVEN_POLL_MS = 20;
/** Nobody has come for so long: clients, and what balances before them, know that it leaves. */
const QUIET_MS = 100;
/** A gateway that leaves listens on for so long at most. */
const LISTEN_ON_MS = 1_000;
/** A gateway with a successor accepts beside it for so long. */
const SHARED_MS = 1_000;
/** 48 bits: two gateways with the same are not to be expected. */
const REQUEST_ID_PREFIX_CHARS = 8;
/** Between two steps of nodes that start slowly. */
const RAMP_MS = 100;

export interface GatewayOptions {
  readonly events: EventSink;
  readonly adminToken: string;
  readonly version: string;
  readonly prng: Prng;
  readonly clock?: GatewayClock;
  /** Descriptors that listen already, in place of the configured addresses. */
  readonly inherited?: ListeningSockets;
  /**
   * Present: somebody else serves on the inherited sockets meanwhile. They are left to it until nodes and routes are proven;
   * what aborts this ends the start.
   */
  readonly succession?: AbortSignal;
  /** Where a configuration comes from when the admin API is told to reload; absent: it cannot. */
  readonly readConfig?: () => ConfigRead;
}

/** File descriptors. */
export interface ListeningSockets {
  readonly listen?: number;
  readonly admin?: number;
}

export type ConfigRead =
  | { readonly ok: true; readonly config: GatewayConfig }
  /** All that is wrong with it. */
  | { readonly ok: false; readonly reason: string };

export type ReloadResult =
  | { readonly isApplied: true; readonly changes: readonly ConfigChange[] }
  /** The configuration before stays in force, whole. */
  | { readonly isApplied: false; readonly reason: string; readonly changes: readonly ConfigChange[] };

export interface RunningGateway {
  readonly url: string;
  /** Null: the admin API is off. */
  readonly adminUrl: string | null;
  readonly status: () => GatewayStatus;
  /** For a successor; empty where the system has none. */
  readonly sockets: ListeningSockets;
  /** As it was configured, which may differ from where it listens. */
  readonly addresses: Pick<GatewayConfig, "listen" | "admin">;
  /**
   * Another configuration from the next request on; open requests end on the one they began with. What needs other
   * sockets is refused, and then nothing changes.
   */
  reload(config: GatewayConfig): ReloadResult;
  /** A new configuration that could not even be read: told and counted as a reload that failed. */
  reloadFailed(reason: string): void;
  /** Says close until nobody comes any more, then finishes what is open within `limits.drainTimeoutMs`, then closes. */
  drain(): Promise<void>;
  /** A successor accepts from the same sockets: they are left to it at once, and what is open here is finished as by `drain`. */
  leaveToSuccessor(): Promise<void>;
  /** Closes at once. */
  close(): Promise<void>;
}

/** Rejects with `PORT_BUSY` when an address is taken, `TLS_…` when a certificate is no good; nothing is left running then. */
export async function startGateway(config: GatewayConfig, options: GatewayOptions): Promise<RunningGateway> {
  const tls = readTls(config);
  checkSpill(config.spill);
  if (config.spill !== undefined) await sweepSpill(config.spill);
  const guards = new NamedBreakers(() => (options.clock ?? HOST_CLOCK).nowMs());
  const otlp = config.tracing === undefined ? undefined : await openTraces(config.tracing, options, guards);
  const gateway = new Gateway(config, tls, options, { otlp, guards });
  try {
    await gateway.start();
  } catch (error) {
    await gateway.close();
    throw error;
  }
  return gateway;
}

function openTraces(
  config: TracingConfig,
  { events, version }: GatewayOptions,
  guards: NamedBreakers,
): Promise<OtlpSink> {
  const onLost = (lost: number, reason: string): void =>
    events.emit({ kind: "gateway.traces", lost, reason });
  return openOtlp(config, { version, onLost, breaker: guards.get("otlp-collector", DEPENDENCY_BREAKER) });
}

function admissionStatus(line: Generation["engine"]["line"]): GatewayAdmissionStatus | null {
  if (line === undefined) return null;
  const { active, awaiting, headMs, limit, waiting } = line;
  const { floorMs = null, phase = "fixed" } = limit ?? {};
  return { limit: limit?.limit ?? line.activeMax, phase, active, awaiting, waiting, headMs, floorMs };
}

class Gateway implements RunningGateway {
  readonly #options: GatewayOptions;
  readonly #lasting: Lasting;
  readonly #listener: Listener;
  readonly #admin: FastifyInstance;
  readonly #otlp: OtlpSink | undefined;
  readonly #names: NameResolver | undefined;
  readonly #stops: (() => void)[] = [];
  /** Those that requests are still open on. */
  readonly #retired = new Set<Generation>();
  #current: Generation;
  #port = 0;
  #adminPort: number | undefined;
  /** It ends, now or when what is open has ended. */
  #isLeaving = false;
  #isSucceeded = false;
  #closing: Promise<void> | undefined;

  constructor(
    config: GatewayConfig,
    tls: TlsMaterial,
    options: GatewayOptions,
    { otlp, guards }: { readonly otlp: OtlpSink | undefined; readonly guards: NamedBreakers },
  ) {
    const clock = options.clock ?? HOST_CLOCK;
    const slots = new NodeSlots();
    const telemetry = new Telemetry(slots, options.events);
    this.#options = options;
    this.#otlp = otlp;
    this.#names =
      config.resolver.kind === "system" ? undefined : new NameResolver(config.resolver, () => clock.nowMs());
    this.#lasting = {
      clock,
      aheadMs: () => wallMs() - clock.nowMs(),
      prng: options.prng,
      events: options.events,
      telemetry,
      slots,
      deadlines: new Deadlines(clock),
      cookieSecret: randomToken(),
      requestIds: new RequestIds(randomToken().slice(0, REQUEST_ID_PREFIX_CHARS)),
      version: options.version,
      transport: socketsWith(this.#names?.lookup),
      tracer: otlp === undefined ? undefined : new Tracer(otlp, config.tracing!.sampleRatio),
      tunnels: new Tunnels(this.#names?.lookup),
      phase: { isDraining: false },
    };
    this.#current = new Generation(config, tls, this.#lasting);
    this.#listener = new Listener(this.#current, this.#lasting.tunnels);
    const fleet = (): Generation["fleet"] => this.#current.fleet;
    const breakers = (): readonly CircuitBreaker[] => [
      ...(this.#current.engine.breakers?.all ?? []),
      ...guards.all,
    ];
    const retryBudgetRatio = (): number => this.#current.engine.retryBudget.remainingRatio(clock.nowMs());
    this.#admin = createAdmin({
      token: options.adminToken,
      hostNames: config.admin === undefined ? [] : [config.admin.host],
      fleet,
      registry: createRegistry({
        fleet,
        telemetry,
        breakers,
        cache: () => this.#current.engine.cache,
        admission: () => admissionStatus(this.#current.engine.line),
        spans: otlp?.counts,
        version: options.version,
        retryBudgetRatio,
      }),
      breakers,
      admission: () => this.#current.engine.admission,
      engine: () => this.#current.engine,
      version: options.version,
      forgetNames: () => this.#names?.clear() ?? 0,
      nowMs: () => clock.nowMs(),
      status: () => this.status(),
      // Behind the address stands the successor: what asks here on a connection from before must not move traffic away.
      isReady: () => (this.#isSucceeded || !this.#lasting.phase.isDraining) && this.#current.canServe(),
      isLeaving: () => this.#isLeaving,
      drain: () => {
        this.#lasting.phase.isDraining = true;
      },
      ...(options.readConfig === undefined ? {} : { reload: this.#reloader(options.readConfig) }),
    });
  }

  async start(): Promise<void> {
    const { succession } = this.#options;
    if (succession === undefined) await this.#listen();
    this.#current.start(undefined, (vantages) => this.#resetMoved(vantages));
    if (succession !== undefined) {
      while (!this.#current.isProven()) await sleep(PROVEN_POLL_MS, succession);
      await this.#listen();
    }
    const window = every(WINDOW_MS, () => this.#lasting.telemetry.closeWindow(), { unref: true });
    const stalls = watchStalls(STALL_MS, (durationMs, endedMs) => {
      this.#current.fleet.board.noteStall(endedMs);
      if (durationMs < STALL_TOLD_MS) return;
      this.#options.events.emit({ kind: "stall", process: "gateway", durationMs: Math.round(durationMs) });
    });
    const ramp = every(RAMP_MS, () => this.#tick(), { unref: true });
    this.#stops.push(
      () => ramp.cancel(),
      () => window.cancel(),
      () => stalls.cancel(),
    );
  }

  async #listen(): Promise<void> {
    const { admin, listen } = this.#current.config;
    const { inherited = {} } = this.#options;
    this.#port = await this.#listener.listen(listen, inherited.listen);
    if (admin !== undefined) {
      try {
        const socket = inherited.admin === undefined ? { port: admin.port } : { fd: inherited.admin };
        await this.#admin.listen({ host: admin.host, ...socket });
      } catch (error) {
        throw listenError(error, admin, "the gateway's admin API");
      }
      this.#adminPort = portOf(this.#admin.server, admin.port);
    }
  }

  get url(): string {
    const { listen, tls } = this.#current.config;
    return `${tls === undefined ? "http" : "https"}://${urlHost(listen.host)}:${this.#port}`;
  }

  get adminUrl(): string | null {
    const { admin } = this.#current.config;
    return admin === undefined || this.#adminPort === undefined
      ? null
      : `http://${urlHost(admin.host)}:${this.#adminPort}`;
  }

  get addresses(): Pick<GatewayConfig, "listen" | "admin"> {
    return this.#current.config;
  }

  get sockets(): ListeningSockets {
    const listen = this.#listener.descriptor;
    const admin = this.#adminPort === undefined ? undefined : descriptorOf(this.#admin.server);
    return {
      ...(listen === undefined ? {} : { listen }),
      ...(admin === undefined ? {} : { admin }),
    };
  }

  reload(config: GatewayConfig): ReloadResult {
    const before = this.#current;
    const changes = changesOf(before.config, config);
    if (this.#isLeaving) {
      const reason = "the gateway is stopping";
      this.reloadFailed(reason);
      return { isApplied: false, reason, changes };
    }
    const fixed = changes.filter(({ path }) => RESTART_PATHS.includes(path));
    if (fixed.length > 0) {
      const reason = `${fixed.map(({ path }) => path).join(", ")} cannot change while it runs: restart the gateway`;
      this.reloadFailed(reason);
      return { isApplied: false, reason, changes };
    }
    let tls: TlsMaterial;
    try {
      tls = readTls(config);
      checkSpill(config.spill);
    } catch (error) {
      this.reloadFailed(messageOf(error));
      return { isApplied: false, reason: messageOf(error), changes };
    }
    const next = new Generation(config, tls, this.#lasting, before);
    this.#current = next;
    this.#listener.use(next);
    next.start(before, (vantages) => this.#resetMoved(vantages));
    before.stop(next);
    this.#retired.add(before);
    this.#lasting.telemetry.reloaded(true);
    this.#options.events.emit({
      kind: "gateway.reload",
      isApplied: true,
      changes: changes.length,
      reason: "",
    });
    return { isApplied: true, changes };
  }

  reloadFailed(reason: string): void {
    this.#lasting.telemetry.reloaded(false);
    this.#options.events.emit({ kind: "gateway.reload", isApplied: false, changes: 0, reason });
  }

  /** For the admin API: what a reload would do, or does. */
  #reloader(readConfig: () => ConfigRead): Reload {
    return (isTrial) => {
      const read = readConfig();
      if (!read.ok) {
        if (!isTrial) this.reloadFailed(read.reason);
        return { isApplied: false, reason: read.reason, changes: [] };
      }
      if (!isTrial) return this.reload(read.config);
      const changes = changesOf(this.#current.config, read.config);
      return { isApplied: false, reason: "this only says what would change", changes };
    };
  }

  #tick(): void {
    const atMs = this.#lasting.clock.nowMs();
    this.#current.fleet.ramp(atMs);
    this.#current.fleet.sweep(atMs);
    for (const generation of this.#retired) {
      if (generation.engine.openCount > 0) continue;
      generation.fleet.closeUnused();
      if (generation.engine.accessLog !== this.#current.engine.accessLog)
        void generation.engine.accessLog?.close();
      this.#retired.delete(generation);
    }
  }

  status(): GatewayStatus {
    const { config, engine, checker, feedState } = this.#current;
    const { telemetry, fleet, clock } = engine;
    return {
      schema: GATEWAY_STATUS_SCHEMA,
      version: this.#options.version,
      mode: config.routing.mode,
      profile: config.health.profile,
      feed: feedState,
      isDraining: this.#lasting.phase.isDraining,
      nodes: fleet.nodes.map((node) => ({
        node: node.id,
        site: node.site,
        url: node.url,
        zone: node.zone ?? null,
        labels: node.labels,
        health: fleet.board.health(node.index),
        weight: fleet.weightOf(node),
        active: fleet.balancerOf(node).active(node.index),
        attempts: telemetry.attemptsOf(node.slot),
        failures: telemetry.failuresOf(node.slot),
        lastCheck: checker.lastCheck(node.index),
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
      retryBudgetRatio: engine.retryBudget.remainingRatio(clock.nowMs()),
      admission: admissionStatus(engine.line),
    };
  }

  /**
   * Clients do not know yet: it listens on, with `connection: close` on every answer, until nobody has come for a while. A
   * listener that closes at once resets what the kernel has accepted, and requests on their way on idle connections.
   */
  async drain(): Promise<void> {
    this.#isLeaving = true;
    this.#lasting.phase.isDraining = true;
    this.#lasting.tunnels.endAll();
    const untilMs = nowMs() + this.#current.config.limits.drainTimeoutMs;
    await this.#untilQuiet(Math.min(untilMs, nowMs() + LISTEN_ON_MS));
    await this.#listener.stopAccepting();
    // The connections taken last may have a request on its way.
    if (this.#listener.connectionCount > 0) await this.#untilQuiet(untilMs);
    while (this.#lasting.telemetry.active > 0 && nowMs() < untilMs) await sleep(DRAIN_POLL_MS);
    await this.close();
  }

  /**
   * Nobody has to be told in time here: who connects is served by the successor, and who is connected hears `close` with the
   * next answer. Idle connections are left open for that, since a request may be on its way on each of them.
   */
  async leaveToSuccessor(): Promise<void> {
    this.#isLeaving = true;
    this.#isSucceeded = true;
    this.#lasting.phase.isDraining = true;
    if (this.#adminPort !== undefined) stopListening(this.#admin.server);
    this.#lasting.tunnels.endAll();
    const untilMs = nowMs() + this.#current.config.limits.drainTimeoutMs;
    // Half of what comes for now: a process that has just begun is slow.
    await sleep(Math.min(SHARED_MS, this.#current.config.limits.drainTimeoutMs));
    this.#listener.yieldSocket();
    while ((await this.#listener.acceptedCount()) > 0 && nowMs() < untilMs) await sleep(DRAIN_POLL_MS);
    await this.close();
  }

  /** Until nobody has connected or asked for `QUIET_MS`. */
  async #untilQuiet(untilMs: number): Promise<void> {
    let { arrivals } = this.#listener;
    let sinceMs = nowMs();
    while (nowMs() < untilMs && nowMs() - sinceMs < QUIET_MS) {
      await sleep(DRAIN_POLL_MS);
      if (this.#listener.arrivals === arrivals) continue;
      arrivals = this.#listener.arrivals;
      sinceMs = nowMs();
    }
  }

  close(): Promise<void> {
    this.#isLeaving = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#stops.length = 0;
    this.#current.stop();
    // The server waits for them, and knows no other way to end them.
    this.#lasting.tunnels.endAll();
    await this.#listener.closeAll();
    this.#lasting.deadlines.stop();
    const generations = [...this.#retired, this.#current];
    for (const generation of generations) generation.fleet.close();
    await Promise.all(generations.flatMap(({ engine }) => engine.accessLog?.close() ?? []));
    this.#lasting.telemetry.closeWindow();
    this.#names?.close();
    await this.#otlp?.close();
    await this.#admin.close();
  }

  /** Mode `anycast-only`: a connection whose packets now reach another node is unknown there, and is reset. */
  #resetMoved(vantages: readonly string[]): void {
    const changed = new Set(vantages);
    const { routes, fleet, telemetry } = this.#current.engine;
    for (const connection of this.#listener.connections) {
      const { pin } = connection;
      if (pin === undefined || !changed.has(pin.vantage)) continue;
      const site = routes.view(pin.vantage).sites[0];
      const node = site === undefined ? undefined : ecmpNode(connection.hash, routes.announcedNodes(site));
      if (node !== undefined && fleet.nodeById(node)?.index === pin.node) continue;
      telemetry.connectionReset();
      for (const open of connection.open) open.cutOff();
      connection.reset();
    }
  }
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
