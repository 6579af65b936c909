/**
 * One edge node: an HTTP server, its own readiness check, and a BGP speaker that follows it.
 *
 *   starting --own readiness answers--> ready --checks fail--> unready --answers again--> ready
 *                                         |
 *                     SIGTERM, "drain"    v
 *                                     draining: GRACEFUL_SHUTDOWN, readiness 503, still serving
 *                                         | nobody has asked for `quietMs`, or `maxMs` is over
 *                                         v
 *                          withdrawn; SIGTERM: closed, exit 0; "drain": unready until "undrain"
 */
import { createServer, get, Agent, type Server as HttpServer } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { after, every, nowMs, type Timer } from "#core/host/clock.ts";
import type { EventChannel } from "#core/host/event-channel.ts";
import type { CastCommand, NodeConfig } from "#core/wire/cast.ts";
import type { NodeServing } from "#core/wire/events.ts";
import { Announcer } from "./announcer.ts";
import { Cable } from "./cable.ts";
import { Executions } from "./executions.ts";
import { handleRequest, type OriginState } from "./origin.ts";

/** Longer than any gateway keeps an idle connection, so that the gateway is the one that closes it. */
const KEEP_ALIVE_MS = 75_000;
const SELF_CHECK_INTERVAL_MS = 500;
const SELF_CHECK_TIMEOUT_MS = 2000;
const SELF_CHECK_FAILURES_MAX = 3;
const DRAIN_POLL_MS = 20;
/** After the withdrawal: time for the NOTIFICATION to leave before the process does. */
const FAREWELL_MS = 50;

export class EdgeNode {
  readonly #config: NodeConfig;
  readonly #events: EventChannel;
  readonly #cables = { http: new Cable(), bgp: new Cable() };
  readonly #state: OriginState;
  readonly #http: HttpServer;
  readonly #listener: TcpServer;
  readonly #announcer: Announcer | undefined;
  readonly #selfAgent = new Agent({ keepAlive: true, maxSockets: 1 });
  #checkFailures = 0;
  #drainTimer: Timer | undefined;
  #isLeaving = false;

  constructor(config: NodeConfig, events: EventChannel) {
    this.#config = config;
    this.#events = events;
    this.#state = {
      node: config.node,
      site: config.site,
      thinkTimeMs: config.thinkTimeMs,
      executions: new Executions(),
      serving: "starting",
      bgp: config.bgp === undefined ? "none" : "down",
      open: 0,
      requests: 0,
      lastActiveMs: nowMs(),
      startedMs: nowMs(),
    };
    this.#http = createServer(
      { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0, noDelay: true },
      (request, response) => handleRequest(this.#state, request, response),
    );
    this.#listener = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#http.emit("connection", this.#cables.http.plug(socket));
    });
    if (config.bgp !== undefined) {
      this.#announcer = new Announcer(config.node, config.bgp, this.#cables.bgp, events, (state) => {
        this.#state.bgp = state;
      });
    }
  }

  /** Resolves when HTTP is served; the session and the first announcement follow by themselves. */
  async start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#listener.once("error", reject);
    this.#listener.listen({ host: this.#config.host, port: this.#config.httpPort, backlog: 1024 }, resolve);
    await promise;
    this.#announcer?.start();
    this.#checkSelf();
    every(SELF_CHECK_INTERVAL_MS, () => this.#checkSelf());
  }

  command(command: CastCommand): void {
    switch (command.do) {
      case "cut":
        this.#cables.bgp.cut();
        if (command.what === "all") this.#cables.http.cut();
        return;
      case "restore":
        this.#cables.http.restore();
        this.#cables.bgp.restore();
        return;
      case "drain":
        return this.#drain("drained by the operator", () => undefined);
      case "undrain":
        return this.#undrain();
      case "stop":
        return this.terminate();
    }
  }

  /** SIGTERM: leave without losing anything, then exit. */
  terminate(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#drain("SIGTERM", () => this.#leave());
  }

  #drain(reason: string, done: () => void): void {
    const startedMs = nowMs();
    this.#drainTimer?.cancel();
    this.#serve("draining", reason);
    this.#announcer?.announce("graceful");
    // Quiet is counted from now: a node nobody asks still tells the network first and gives it time to move.
    this.#state.lastActiveMs = Math.max(this.#state.lastActiveMs, startedMs);
    this.#drainTimer = every(DRAIN_POLL_MS, () => {
      const { quietMs, maxMs } = this.#config.drain;
      const atMs = nowMs();
      const isQuiet = this.#state.open === 0 && atMs - this.#state.lastActiveMs >= quietMs;
      if (!isQuiet && atMs - startedMs < maxMs) return;
      this.#drainTimer?.cancel();
      this.#announcer?.withdraw(reason);
      const waitedMs = Math.round(atMs - startedMs);
      this.#events.emit({
        kind: "drain.finished",
        node: this.#config.node,
        waitedMs,
        requestsOpen: this.#state.open,
      });
      done();
    });
  }

  #undrain(): void {
    if (this.#isLeaving) return;
    this.#drainTimer?.cancel();
    this.#serve("starting", "back from a drain");
    this.#checkSelf();
  }

  #leave(): void {
    this.#announcer?.stop("SIGTERM");
    this.#listener.close();
    this.#http.closeIdleConnections();
    after(FAREWELL_MS, () => process.exit(0));
  }

  #checkSelf(): void {
    if (this.#state.serving === "draining") return;
    const { host, httpPort: port } = this.#config;
    const request = get(
      { host, port, path: "/health/ready", agent: this.#selfAgent, timeout: SELF_CHECK_TIMEOUT_MS },
      (response) => {
        response.resume();
        this.#selfChecked(undefined);
      },
    );
    request.on("timeout", () => request.destroy(new Error("own check timed out")));
    request.on("error", (error) => this.#selfChecked(error.message));
  }

  #selfChecked(failure: string | undefined): void {
    if (this.#state.serving === "draining") return;
    if (failure === undefined) {
      this.#checkFailures = 0;
      if (this.#state.serving !== "ready") this.#serve("ready", "own readiness answers");
      this.#announcer?.announce("normal");
      return;
    }
    this.#checkFailures += 1;
    if (this.#checkFailures < SELF_CHECK_FAILURES_MAX || this.#state.serving === "unready") return;
    this.#serve("unready", failure);
    this.#announcer?.withdraw(failure);
  }

  #serve(state: NodeServing, reason: string): void {
    if (this.#state.serving === state) return;
    this.#state.serving = state;
    this.#events.emit({ kind: "node.serving", node: this.#config.node, state, reason });
  }
}
