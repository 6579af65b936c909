/**
 * One edge node: an HTTP server, its own readiness check, and a BGP speaker that follows it.
 *
 *   starting --own readiness answers--> ready --checks fail--> unready --answers again--> ready
 *                                         |
 *                     SIGTERM, "drain"    v
 *                                     draining: GRACEFUL_SHUTDOWN, readiness 503, still serving
 *                                         | nobody has asked for `quietMs`, or `maxMs` is over
 *                                         v
 *                          withdrawn; SIGTERM: closed, exit 0; "drain": stays so until "undrain"
 *
 * The own check asks over the node's own HTTP port and takes any answer: what can fail here is answering at all.
 */
import { createServer, get, Agent, type Server as HttpServer } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import type { Duplex } from "node:stream";
import type { BfdNews } from "#bgp/bfd/news.ts";
import { after, every, nowMs, type Timer } from "#core/host/clock.ts";
import type { EventSink } from "#core/host/event-channel.ts";
import { randomSeed } from "#core/host/random.ts";
import { watchStalls } from "#core/host/stalls.ts";
import { Prng } from "#core/prng.ts";
import type { CastCommand, NodeConfig } from "#core/wire/cast.ts";
import type { NodeServing } from "#core/wire/events.ts";
import { Announcer } from "./announcer.ts";
import { BfdSpeaker } from "./bfd-speaker.ts";
import { Cable } from "./cable.ts";
import { Executions } from "./executions.ts";
import { HOST_SCHEDULER } from "./host-scheduler.ts";
import { Misbehaving } from "./misbehaviour/misbehaving.ts";
import { handleRequest, refuseConnect, refuseMalformed, type OriginState } from "./origin.ts";

/** Longer than any gateway keeps an idle connection, so that the gateway is the one that closes it. */
const KEEP_ALIVE_MS = 75_000;
/** A client that has not sent a whole head by then gets 408; it is looked for every `HEAD_CHECK_INTERVAL_MS`. */
const HEAD_TIMEOUT_MS = 60_000;
const HEAD_CHECK_INTERVAL_MS = 10_000;
/** More are closed unanswered. */
const CONNECTIONS_MAX = 10_000;
const BACKLOG = 1024;
const DRAIN_POLL_MS = 20;
/** After the withdrawal: time for the NOTIFICATION and the last answers to leave before the process does. */
const FAREWELL_MS = 50;
/** Standing still for longer is an event, and not held against the router (BFD). */
const STALL_MS = 50;

export interface SelfCheck {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row that make the node unready. */
  readonly failuresMax: number;
}

const SELF_CHECK: SelfCheck = { intervalMs: 500, timeoutMs: 2000, failuresMax: 3 };

export class EdgeNode {
  readonly #config: NodeConfig;
  readonly #events: EventSink;
  readonly #onLeft: () => void;
  readonly #selfCheck: SelfCheck;
  readonly #cables = { http: new Cable(), bgp: new Cable() };
  readonly #misbehaving = new Misbehaving();
  readonly #state: OriginState;
  readonly #http: HttpServer;
  readonly #listener: TcpServer;
  readonly #announcer: Announcer | undefined;
  readonly #bfd: BfdSpeaker | undefined;
  readonly #selfAgent = new Agent({ keepAlive: true, maxSockets: 1 });
  #isChecking = false;
  #checkFailures = 0;
  #checkTimer: Timer | undefined;
  #drainTimer: Timer | undefined;
  #stallTimer: Timer | undefined;
  #isLeaving = false;

  /** `onLeft` is called when the node has left after SIGTERM or "stop": the process is to end with 0. */
  constructor(config: NodeConfig, events: EventSink, onLeft: () => void, selfCheck: SelfCheck = SELF_CHECK) {
    this.#config = config;
    this.#events = events;
    this.#onLeft = onLeft;
    this.#selfCheck = selfCheck;
    this.#state = {
      node: config.node,
      site: config.site,
      thinkTimeMs: config.thinkTimeMs,
      executions: new Executions(),
      misbehaving: this.#misbehaving,
      serving: "starting",
      bgp: config.bgp === undefined ? "none" : "down",
      open: 0,
      requests: 0,
      lastActiveMs: nowMs(),
      startedMs: nowMs(),
    };
    this.#http = createServer(
      {
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: HEAD_TIMEOUT_MS,
        requestTimeout: 0,
        connectionsCheckingInterval: HEAD_CHECK_INTERVAL_MS,
        requireHostHeader: false, // The handler refuses it, so that the refusal names site and node.
      },
      (request, response) => handleRequest(this.#state, request, response),
    );
    this.#http.on("checkExpectation", (request, response) => handleRequest(this.#state, request, response));
    this.#http.on("clientError", (error: NodeJS.ErrnoException, wire) =>
      refuseMalformed(this.#state, error.code, wire),
    );
    this.#http.on("connect", (_request, wire: Duplex) => refuseConnect(this.#state, wire));
    this.#listener = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#http.emit("connection", this.#cables.http.plug(socket));
    });
    this.#listener.maxConnections = CONNECTIONS_MAX;
    if (config.bgp !== undefined) {
      this.#announcer = new Announcer(config.node, config.bgp, this.#cables.bgp, events, (state) => {
        this.#state.bgp = state;
        if (state === "down") this.#bfd?.sessionEnded();
      });
    }
    if (config.bgp?.bfd !== undefined) {
      this.#bfd = new BfdSpeaker({
        config: config.bgp.bfd,
        cable: this.#cables.bgp,
        scheduler: HOST_SCHEDULER,
        prng: new Prng(randomSeed()),
        onNews: (news) => this.#bfdNews(news),
      });
    }
  }

  /** Resolves when HTTP is served; the session and the first announcement follow by themselves. */
  async start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#listener.once("error", reject);
    this.#listener.listen(
      { host: this.#config.host, port: this.#config.httpPort, backlog: BACKLOG },
      resolve,
    );
    await promise;
    // The HTTP server listens through the cable. Only this event makes it keep the list of its connections, by which
    // it times out heads and closes idle connections.
    this.#http.emit("listening");
    this.#stallTimer = watchStalls(STALL_MS, (durationMs) => this.#stalled(durationMs));
    await this.#bfd?.open();
    this.#announcer?.start();
    this.#checkSelf();
    this.#checkTimer = every(this.#selfCheck.intervalMs, () => this.#checkSelf());
  }

  command(command: CastCommand): void {
    switch (command.do) {
      case "cut":
        this.#cables.bgp.cut();
        if (command.what === "all") this.#cables.http.cut();
        return this.#tellCable(command.what === "all" ? "cut" : "bgp-cut");
      case "restore":
        this.#cables.http.restore();
        this.#cables.bgp.restore();
        return this.#tellCable("whole");
      case "misbehave":
        void this.#misbehaving.become(command.as).then(() => {
          this.#events.emit({ kind: "node.misbehaving", node: this.#config.node, as: command.as });
        });
        return;
      case "drain":
        // From here on the node may be stopped in any way, and that is no alarm.
        return this.#drain("drained by the operator", () => this.#bfd?.disable("drained by the operator"));
      case "undrain":
        return this.#undrain();
      case "stop":
        return this.terminate();
    }
  }

  /** Where HTTP is served. */
  get port(): number {
    const address = this.#listener.address();
    return typeof address === "object" && address !== null ? address.port : this.#config.httpPort;
  }

  /** SIGTERM: leave without losing anything, then call `onLeft`. */
  terminate(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#drain("SIGTERM", () => this.#leave());
  }

  #drain(reason: string, done: () => void): void {
    const startedMs = nowMs();
    this.#drainTimer?.cancel();
    this.#serve("draining", reason);
    this.#announcer?.announceGraceful();
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
    if (this.#isLeaving || this.#state.serving !== "draining") return;
    this.#drainTimer?.cancel();
    this.#checkFailures = 0;
    this.#bfd?.enable();
    this.#serve("starting", "back from a drain");
    this.#checkSelf();
  }

  /** Answers so far asked the gateway to close; what is idle now is closed here, and what races it is retried there. */
  #leave(): void {
    this.#bfd?.leave();
    this.#announcer?.stop("SIGTERM");
    this.#listener.close();
    this.#http.closeIdleConnections();
    this.#checkTimer?.cancel();
    after(FAREWELL_MS, () => {
      this.#bfd?.disable("SIGTERM");
      this.#bfd?.close();
      this.#stallTimer?.cancel();
      this.#selfAgent.destroy();
      this.#http.closeAllConnections();
      this.#onLeft();
    });
  }

  /** At most one check is under way: behind a pulled cable they would pile up. */
  #checkSelf(): void {
    if (this.#state.serving === "draining" || this.#isChecking) return;
    this.#isChecking = true;
    const timeout = this.#selfCheck.timeoutMs;
    const target = { host: ownHost(this.#config.host), port: this.port, path: "/health/ready" };
    const request = get({ ...target, agent: this.#selfAgent, timeout }, (response) => {
      response.resume();
      this.#selfChecked(undefined);
    });
    request.on("timeout", () => request.destroy(new Error("own check timed out")));
    request.on("error", (error) => this.#selfChecked(error.message));
  }

  #selfChecked(failure: string | undefined): void {
    if (!this.#isChecking) return; // The answer came, then its connection broke.
    this.#isChecking = false;
    if (this.#state.serving === "draining") return;
    if (failure === undefined) {
      this.#checkFailures = 0;
      if (this.#state.serving !== "ready") this.#serve("ready", "own readiness answers");
      this.#announcer?.announce();
      return;
    }
    this.#checkFailures += 1;
    if (this.#checkFailures < this.#selfCheck.failuresMax || this.#state.serving === "unready") return;
    this.#serve("unready", failure);
    this.#announcer?.withdraw(failure);
  }

  #bfdNews({ state, reason, detectMs, isAlarm }: BfdNews): void {
    const { node, site } = this.#config;
    this.#events.emit({ kind: "bfd.session", node, site, by: "node", state, reason, detectMs });
    if (isAlarm) this.#announcer?.bfdDown(reason);
  }

  #stalled(durationMs: number): void {
    this.#bfd?.stalled(durationMs);
    const process = this.#config.node;
    this.#events.emit({ kind: "stall", process, durationMs: Math.round(durationMs) });
  }

  #tellCable(state: "cut" | "bgp-cut" | "whole"): void {
    this.#events.emit({ kind: "node.cable", node: this.#config.node, state });
  }

  #serve(state: NodeServing, reason: string): void {
    if (this.#state.serving === state) return;
    this.#state.serving = state;
    this.#events.emit({ kind: "node.serving", node: this.#config.node, state, reason });
  }
}

/** Where a node that listens on all addresses reaches itself. */
function ownHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
