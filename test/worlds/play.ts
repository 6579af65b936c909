/**
 * Plays one world with the gateway's own exchanges, pools' rules, plan, budgets, health board and checks; only the clock, the
 * network and the clients are ours. Then holds what happened against what must hold whatever happens.
 *
 * Two phases: while faults come and go nothing that is forbidden may happen (safety); when they have ended, everything must
 * come back to rest and serve again within its time (liveness).
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Prng } from "#core/prng.ts";
import type { EventBody, NodeHealth } from "#core/wire/events.ts";
import { WEIGHT_SCALE } from "#gateway/balancer/slow-start.ts";
import { Deadlines } from "#gateway/forward/deadlines.ts";
import { Exchange } from "#gateway/forward/exchange.ts";
import { Generation, type Lasting } from "#gateway/generation.ts";
import { worstCaseDetectionMs } from "#gateway/health/profiles.ts";
import { ClientConnection } from "#gateway/listener/client-connection.ts";
import type { RequestHead } from "#gateway/listener/request-head.ts";
import { isIdempotent } from "#gateway/resilience/failure-class.ts";
import type { RetryBudget } from "#gateway/resilience/retry-budget.ts";
import { NodeSlots } from "#gateway/telemetry/node-slots.ts";
import { RequestIds } from "#gateway/telemetry/request-id.ts";
import { Telemetry } from "#gateway/telemetry/telemetry.ts";
import { Tunnels } from "#gateway/upgrade/tunnels.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { bodyOf, VirtualNode, type Asked } from "./virtual-node.ts";
import type { ClientRequest, World } from "./world.ts";

const TICK_MS = 100;
/** Deadlines are met so late at most. */
const SWEEP_MS = 5;
const BUDGET_WINDOW_S = 10;
/** The client sees that it is broken off: of a POST nobody has the rest, nor of a body without ranges. */
const NO_RESUME = "broken off, and cannot be resumed";

export interface Played {
  readonly violations: readonly string[];
  readonly requests: number;
  readonly attempts: number;
  /** Requests that may be repeated and were lost all the same, by why that is allowed. */
  readonly excused: Readonly<Record<string, number>>;
  readonly steps: number;
}

/** What a client sees of one request. */
class ClientView {
  readonly asked: ClientRequest;
  readonly id: string;
  readonly path: string;
  readonly tried: VirtualNode[] = [];
  executions = 0;
  status = 0;
  failure: string | undefined;
  headMs: number | undefined;
  bytes: Buffer[] = [];
  /** It was at a node that had other bodies than the rest. */
  sawUpdated = false;
  endedMs: number | undefined;
  wasReset = false;
  hasLeft = false;
  /** Of the budget for retries, at its very end. */
  wasRefused = false;

  constructor(asked: ClientRequest, ordinal: number) {
    this.asked = asked;
    this.id = `r${ordinal}`;
    this.path = `/${ordinal % 7}`;
  }

  get isRepeatable(): boolean {
    return isIdempotent(this.asked.method) || this.asked.hasKey;
  }

  get isWhole(): boolean {
    const bytes = Buffer.concat(this.bytes);
    const isOneBody = bytes.equals(bodyOf(this.path, false)) || bytes.equals(bodyOf(this.path, true));
    return this.status === 200 && !this.wasReset && isOneBody;
  }
}

export function play(world: World, trace: (line: string) => void = () => undefined): Played {
  return new Play(world, trace).run();
}

class Play {
  readonly #world: World;
  readonly #trace: (line: string) => void;
  readonly #clock = new VirtualClock();
  readonly #nodes: VirtualNode[];
  readonly #generation: Generation;
  readonly #telemetry: Telemetry;
  readonly #views = new Map<string, ClientView>();
  readonly #violations: string[] = [];
  readonly #excused: Record<string, number> = {};
  readonly #boundMs: number;
  /** By node: when it was last probed. */
  readonly #probedMs = new Map<VirtualNode, number>();
  /** When the retry budget last said no. */
  #refusedMs = -1;
  /** When a breaker last changed its state. */
  #breakerMs = -1;
  /** When so many nodes were out, perhaps for their silence, that no more might be. */
  #cappedMs = -Infinity;
  #attempts = 0;

  constructor(world: World, trace: (line: string) => void) {
    this.#world = world;
    this.#trace = (line) => trace(`${this.#clock.nowMs().toFixed(0).padStart(6)}  ${line}`);
    const prng = new Prng(world.seed);
    const ids = world.config.sites.flatMap(({ nodes }) => nodes);
    this.#nodes = ids.map(
      ({ id }, index) =>
        new VirtualNode({
          id,
          clock: this.#clock,
          prng: prng.fork(`node/${id}`),
          witness: {
            dispatched: (asked) => this.#dispatched(asked),
            executed: ({ requestId }) => this.#executed(requestId),
          },
          ...world.nodes[index]!,
          hasRanges: world.hasRanges,
        }),
    );
    const byUrl = new Map(ids.map(({ url }, index) => [url, this.#nodes[index]!]));
    const slots = new NodeSlots();
    this.#telemetry = new Telemetry(slots, { emit: (body) => this.#heard(body) });
    const lasting: Lasting = {
      clock: this.#clock,
      prng: prng.fork("gateway"),
      events: { emit: (body) => this.#heard(body) },
      telemetry: this.#telemetry,
      slots,
      deadlines: new Deadlines(this.#clock),
      cookieSecret: "a secret of this world",
      requestIds: new RequestIds("w"),
      version: "0",
      transport: {
        openClient: (origin) => byUrl.get(origin)!.openClient(),
        openCheck: (origin, _clock, rules) => byUrl.get(origin)!.openCheck(this.#clock, rules),
      },
      tracer: undefined,
      tunnels: new Tunnels(undefined),
      phase: { isDraining: false },
    };
    this.#generation = new Generation(world.config, { served: undefined, node: undefined }, lasting);
    const { health } = world.config;
    this.#boundMs =
      worstCaseDetectionMs(health) +
      health.intervalMs +
      SWEEP_MS +
      Math.max(...world.nodes.map(({ rttMs }) => rttMs));
    this.#watchBudget(this.#generation.engine.retryBudget);
  }

  run(): Played {
    const { faults, requests, endMs, warmMs, provenMs } = this.#world;
    this.#generation.start(undefined, () => undefined);
    this.#tickUntil(endMs);
    for (const { atMs, node, state } of faults) {
      this.#clock.at(atMs, () => {
        this.#trace(`${this.#nodes[node]!.id} is ${state}`);
        this.#nodes[node]!.become(state);
      });
    }
    for (const [ordinal, asked] of requests.entries()) {
      this.#clock.at(asked.atMs, () => this.#send(new ClientView(asked, ordinal)));
    }
    this.#clock.runUntil(warmMs);
    this.#demandHealth("before the first fault");
    this.#clock.runUntil(provenMs);
    this.#demandHealth("after the last fault");
    this.#clock.runUntil(endMs);
    this.#generation.stop();
    this.#demandRest();
    this.#demandBudgets();
    return {
      violations: this.#violations,
      requests: requests.length,
      attempts: this.#attempts,
      excused: this.#excused,
      steps: this.#clock.steps,
    };
  }

  /** As the gateway does on its own timer. */
  #tickUntil(endMs: number): void {
    const { fleet } = this.#generation;
    const tick = (): void => {
      fleet.ramp(this.#clock.nowMs());
      fleet.sweep(this.#clock.nowMs());
      if (this.#clock.nowMs() < endMs) this.#clock.after(TICK_MS, tick);
    };
    tick();
  }

  #send(view: ClientView): void {
    const { engine } = this.#generation;
    const { asked, id, path } = view;
    this.#views.set(id, view);
    const socket = {
      remoteAddress: asked.address,
      remotePort: 1,
      resetAndDestroy: () => {
        view.wasReset = true;
        this.#ended(view);
      },
    };
    const connection = new ClientConnection(socket as unknown as Socket);
    const head: RequestHead = {
      ok: true,
      method: asked.method,
      path,
      authority: "world.test",
      fields: ["host", "world.test"],
      bodyBytes: asked.method === "POST" ? 1 : 0,
      hasIdempotencyKey: asked.hasKey,
      requestId: id,
      isLastHop: false,
      client: asked.address,
      vantageField: undefined,
    };
    const request = Object.assign(new EventEmitter(), { pause: ignore, resume: ignore, destroy: ignore });
    const response = this.#responseFor(view);
    const vantage = engine.config.routing.defaultVantage;
    this.#trace(`${id} ${asked.method}${asked.hasKey ? " with a key" : ""}`);
    const exchange = new Exchange(
      engine,
      connection,
      head,
      vantage,
      request as unknown as IncomingMessage,
      response,
    );
    exchange.start();
    if (asked.method === "POST") {
      request.emit("data", Buffer.from("x"));
      request.emit("end");
    }
    if (asked.patienceMs === undefined) return;
    this.#clock.after(asked.patienceMs, () => {
      if (view.endedMs !== undefined) return;
      view.hasLeft = true;
      for (const open of connection.open) open.clientGone();
      this.#ended(view);
    });
  }

  #responseFor(view: ClientView): ServerResponse {
    const response = {
      writeHead: (status: number, reasonOrFields: unknown, maybeFields?: readonly string[]) => {
        if (view.status !== 0) this.#violate(`${view.id} got two heads`);
        view.status = status;
        view.headMs = this.#clock.nowMs();
        if (view.headMs - view.asked.atMs > this.#world.config.retry.totalTimeoutMs + SWEEP_MS)
          this.#violate(`${view.id} waited ${view.headMs - view.asked.atMs} ms for a head`);
        const fields = (maybeFields ?? reasonOrFields) as readonly string[];
        const at = fields.indexOf("x-gateway-failure");
        if (at !== -1) view.failure = fields[at + 1];
        return response;
      },
      write: (chunk: Buffer) => {
        view.bytes.push(chunk);
        return true;
      },
      end: () => this.#ended(view),
      flushHeaders: ignore,
      addTrailers: ignore,
      once: ignore,
    };
    return response as unknown as ServerResponse;
  }

  // What the nodes see.

  #dispatched({ node, requestId }: Asked): void {
    this.#attempts += 1;
    const view = this.#views.get(requestId)!;
    this.#judgeChoice(view, node);
    this.#trace(`${requestId} asks ${node.id}`);
    view.tried.push(node);
    view.sawUpdated ||= node.state === "updated";
  }

  #executed(requestId: string): void {
    const view = this.#views.get(requestId)!;
    view.executions += 1;
    if (view.executions > 1 && !view.isRepeatable)
      this.#violate(`${requestId}, a POST without a key, was executed ${view.executions} times`);
  }

  /** No request but a probe to a node dead for longer than the bound, while there is somebody in rotation. */
  #judgeChoice(view: ClientView, node: VirtualNode): void {
    const { fleet } = this.#generation;
    const nowMs = this.#clock.nowMs();
    const isGone = node.state === "dead" || node.state === "silent";
    if (!isGone || nowMs - node.sinceMs <= this.#boundMs) return;
    const own = fleet.nodeById(node.id)!;
    if (fleet.isEligible(own.index)) {
      if (node.state === "silent" && this.#isSilenceCapped()) return;
      return this.#violate(
        `${view.id} is sent to ${node.id}, ${node.state} for ${nowMs - node.sinceMs} ms and still in rotation`,
      );
    }
    const better = fleet.nodes.find(
      (each) =>
        fleet.isEligible(each.index) &&
        !view.tried.includes(this.#nodes[each.index]!) &&
        this.#mayAsk(each.siteIndex),
    );
    if (better === undefined || this.#isProbe(view, node, nowMs)) return;
    this.#violate(`${view.id} is sent to ${node.id}, which is out, and ${better.id} was in rotation`);
  }

  /** A request that may be repeated, the first attempt of it, and none other within the interval. */
  #isProbe({ asked, tried }: ClientView, node: VirtualNode, nowMs: number): boolean {
    const { probeIntervalMs } = this.#world.config.outlier;
    if (probeIntervalMs === 0 || tried.length > 0 || asked.method !== "GET") return false;
    const lastMs = this.#probedMs.get(node) ?? -Infinity;
    this.#probedMs.set(node, nowMs);
    return nowMs - lastMs >= probeIntervalMs;
  }

  /** Checks that failed while the cap held count from its end on. */
  #isSilenceCapped(): boolean {
    this.#noteCap(this.#outCount());
    return this.#clock.nowMs() - this.#cappedMs <= this.#boundMs;
  }

  #outCount(): number {
    const { board } = this.#generation.fleet;
    return this.#nodes.filter((_, index) => isOut(board.health(index))).length;
  }

  #noteCap(outCount: number): void {
    if (outCount >= Math.max(1, Math.floor(this.#nodes.length / 2))) this.#cappedMs = this.#clock.nowMs();
  }

  #mayAsk(site: number): boolean {
    const { breakers } = this.#generation.engine;
    return breakers === undefined || breakers.of(site).wouldAdmit(this.#clock.nowMs());
  }

  // What the clients see.

  #ended(view: ClientView): void {
    if (view.endedMs !== undefined) {
      if (!view.hasLeft && !view.wasReset) this.#violate(`${view.id} was ended twice`);
      return;
    }
    view.endedMs = this.#clock.nowMs();
    view.wasRefused = this.#refusedMs === view.endedMs;
    this.#trace(
      `${view.id} ended: ${view.wasReset ? "reset" : view.status}${view.failure === undefined ? "" : ` (${view.failure})`}`,
    );
    if (view.hasLeft || view.isWhole) return;
    if (view.status === 200 && !view.wasReset)
      this.#violate(`${view.id} got a whole answer that is not the node's body`);
    if (view.isRepeatable) this.#lost(view);
  }

  #lost(view: ClientView): void {
    const { asked, id } = view;
    const good = this.#nodes.filter(({ state, sinceMs }) => state === "well" && sinceMs < asked.atMs);
    if (good.length === 0 && this.#world.onlyFaulty === undefined) return this.#excuse("no good node");
    const why = this.#excuseOf(view, good);
    if (why !== undefined && (this.#world.onlyFaulty === undefined || why === NO_RESUME))
      return this.#excuse(why);
    const what = view.wasReset
      ? `broken off after ${view.status}`
      : `${view.status} ${view.failure ?? "from the node"}`;
    this.#violate(
      `${id} (${asked.method}) is lost: ${what}, with ${good.map((node) => node.id).join(" and ")} well${why === undefined ? "" : ` (${why})`}`,
    );
  }

  /** Why it may be lost although somebody was well; undefined: it may not. */
  #excuseOf(view: ClientView, good: readonly VirtualNode[]): string | undefined {
    const { retry, resume, breaker } = this.#world.config;
    const tookMs = view.endedMs! - view.asked.atMs;
    if (view.wasRefused) return "budget";
    const isResumable = this.#world.hasRanges && view.asked.method === "GET" && !view.sawUpdated;
    if (view.wasReset && !isResumable) return NO_RESUME;
    if (view.wasReset && view.tried.length > resume.resumesMax) return "resumes";
    if (view.tried.length >= retry.attemptsMax) return "attempts";
    if (tookMs >= retry.totalTimeoutMs) return "deadline";
    if (breaker.options !== undefined && good.every((node) => !this.#mayAsk(this.#siteOf(node))))
      return "breaker";
    if (view.failure === "breaker-open" || this.#breakerMs === view.endedMs) return "breaker";
    if (view.status === 503 && view.failure === undefined) {
      if (retry.statuses.length === 0) return "statuses are answers";
      const { fleet } = this.#generation;
      const isAnyLeft = good.some(
        (node) =>
          fleet.isEligible(fleet.nodeById(node.id)!.index) &&
          this.#mayAsk(this.#siteOf(node)) &&
          !view.tried.includes(node),
      );
      if (!isAnyLeft) return "nobody in good health";
    }
    return undefined;
  }

  #siteOf(node: VirtualNode): number {
    return this.#generation.fleet.nodeById(node.id)!.siteIndex;
  }

  // What must be so in the end.

  #demandHealth(when: string): void {
    const { board } = this.#generation.fleet;
    for (const [index, node] of this.#nodes.entries()) {
      const health = board.health(index);
      if (health !== "healthy") this.#violate(`${when} ${node.id} is ${health}`);
    }
  }

  #demandRest(): void {
    const { engine, fleet } = this.#generation;
    for (const view of this.#views.values()) {
      if (view.endedMs === undefined) this.#violate(`${view.id} never ended`);
      const isLast = view.asked.atMs >= this.#world.provenMs;
      if (isLast && (!view.isWhole || view.tried.length > 1))
        this.#violate(
          `${view.id}, sent when all was well again, got ${view.status} after ${view.tried.length} attempts`,
        );
    }
    const { telemetry } = engine;
    if (telemetry.active !== 0) this.#violate(`${telemetry.active} requests are counted as active`);
    if (engine.openCount !== 0) this.#violate(`${engine.openCount} requests are counted as open`);
    for (const node of fleet.nodes) {
      const balancer = fleet.balancerOf(node);
      if (balancer.active(node.index) !== 0)
        this.#violate(`${node.id} is left with ${balancer.active(node.index)} attempts in flight`);
      const weight = fleet.weightOf(node) * WEIGHT_SCALE;
      if (balancer.weight(node.index) !== weight)
        this.#violate(`${node.id} is left with the weight ${balancer.weight(node.index)}, not ${weight}`);
    }
    for (const node of this.#nodes)
      if (node.isOpen) this.#violate(`a connection to ${node.id} still owes an answer`);
    const { steps } = this.#clock;
    this.#clock.runUntil(this.#clock.nowMs() + 60_000);
    const stray = this.#clock.steps - steps;
    // The last checks and deadlines were due already; then there is nobody to do anything.
    if (stray > 4 * this.#nodes.length + 2) this.#violate(`${stray} things happen after the end`);
  }

  /** More attempts than requests: no more of them than the share of all requests and the floor of the whole time allow. */
  #demandBudgets(): void {
    const { budgetPercent, budgetPerSecond } = this.#world.config.retry;
    const seconds = this.#world.endMs / 1_000 + BUDGET_WINDOW_S;
    const asked = this.#views.size;
    const spare = Math.floor((asked * budgetPercent) / 100) + budgetPerSecond * Math.ceil(seconds);
    if (this.#attempts - asked > spare)
      this.#violate(`${this.#attempts} attempts for ${asked} requests: more than ${spare} beside them`);
  }

  #watchBudget(budget: RetryBudget): void {
    const covers = budget.covers.bind(budget);
    budget.covers = (nowMs) => {
      const isCovered = covers(nowMs);
      if (!isCovered) this.#refusedMs = nowMs;
      return isCovered;
    };
  }

  #heard(body: EventBody): void {
    if (body.kind === "gateway.window") return;
    if (body.kind === "gateway.breaker") this.#breakerMs = this.#clock.nowMs();
    // The moment before it came back.
    if (body.kind === "gateway.node" && isOut(body.from)) this.#noteCap(this.#outCount() + 1);
    this.#trace(JSON.stringify(body));
  }

  #excuse(why: string): void {
    this.#excused[why] = (this.#excused[why] ?? 0) + 1;
  }

  #violate(what: string): void {
    this.#trace(`VIOLATED: ${what}`);
    this.#violations.push(`at ${this.#clock.nowMs().toFixed(0)} ms ${what}`);
  }
}

function isOut(health: NodeHealth): boolean {
  return health === "ejected" || health === "unhealthy";
}

function ignore(): void {
  // Nobody listens.
}
