/**
 * Plays one world with the gateway's own exchanges, pools' rules, plan, budgets, health board and checks; only the clock, the
 * network and the clients are ours. Then holds what happened against what must hold whatever happens.
 *
 * Two phases: while faults come and go nothing that is forbidden may happen (safety); when they have ended, everything must
 * come back to rest and serve again within its time (liveness).
 *
 * In place of the listener: it makes connection, head and line as `listener/server.ts` does. Left out: rate limits, the cache, path
 * patterns but for subsets, emulated distance, reloads, panic, mode `anycast-only`, clients that read slowly, bodies of requests that come in parts.
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Prng } from "#core/prng.ts";
import type { EventBody, NodeHealth } from "#core/wire/events.ts";
import { WEIGHT_SCALE } from "#gateway/balancer/slow-start.ts";
import { Deadlines } from "#gateway/forward/deadlines.ts";
import { subsetsFor } from "#gateway/forward/chosen-subset.ts";
import { Exchange } from "#gateway/forward/exchange.ts";
import type { FleetNode } from "#gateway/forward/fleet.ts";
import { Generation, type Lasting } from "#gateway/generation.ts";
import { worstCaseDetectionMs } from "#gateway/health/profiles.ts";
import { ClientConnection } from "#gateway/listener/client-connection.ts";
import type { RequestHead } from "#gateway/listener/request-head.ts";
import { lineTimes, standInLine, type LineRefusal } from "#gateway/listener/waiting-request.ts";
import type { RetryBudget } from "#gateway/resilience/retry-budget.ts";
import { NodeSlots } from "#gateway/telemetry/node-slots.ts";
import { RequestIds } from "#gateway/telemetry/request-id.ts";
import { Telemetry } from "#gateway/telemetry/telemetry.ts";
import { Tunnels } from "#gateway/upgrade/tunnels.ts";
import { ClientView } from "./client-view.ts";
import type { Mark } from "./marks.ts";
import { BreakerRule } from "./rules/breaker-rule.ts";
import { BudgetRule } from "./rules/budget-rule.ts";
import { EjectionRule, type HealthEvent } from "./rules/ejection-rule.ts";
import { PlaceRule } from "./rules/place-rule.ts";
import { LineRule } from "./rules/line-rule.ts";
import { WeightRule } from "./rules/weight-rule.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { VirtualNode, type Asked } from "./virtual-node.ts";
import type { World } from "./world.ts";

const TICK_MS = 100;
/** Deadlines are met so late at most. */
const SWEEP_MS = 5;
/** A stall is looked for four times within its time, and its clock begins at a look: half as long again. Each look may be late. */
const STALLS_MAX = 1.5;
const LATE_LOOKS_MS = 10 * SWEEP_MS;
/** The client sees that it is broken off: of a POST nobody has the rest, nor of a body without ranges. */
const NO_RESUME = "broken off, and cannot be resumed";

export interface Played {
  readonly violations: readonly string[];
  readonly requests: number;
  readonly attempts: number;
  /** Requests that may be repeated and were lost all the same, by why that is allowed. */
  readonly excused: Readonly<Record<string, number>>;
  /** What came about, and how often. */
  readonly marks: Readonly<Partial<Record<Mark, number>>>;
  readonly steps: number;
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
  readonly #marks: Partial<Record<Mark, number>> = {};
  readonly #retries: BudgetRule;
  readonly #hedges: BudgetRule;
  readonly #breakers: BreakerRule;
  readonly #ejections: EjectionRule;
  readonly #weights: WeightRule;
  readonly #places: PlaceRule;
  readonly #line: LineRule;
  readonly #boundMs: number;
  /** Deadlines are seen so late at most: once by the line, where there is one, and once by the request. */
  readonly #lateMs: number;
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
            broke: ({ node }, code) => this.#broke(node, code),
            ended: (asked) => this.#breakers.ended(this.#siteIdOf(asked.node), asked),
            checkBegan: (node) => this.#ejections.checkBegan(node.id, this.#clock.nowMs()),
          },
          ...world.nodes[index]!,
          hasRanges: world.hasRanges,
        }),
    );
    const byUrl = new Map(ids.map(({ url }, index) => [url, this.#nodes[index]!]));
    const { balancer, hedge, retry } = world.config;
    const violate = (what: string): void => this.#violate(what);
    this.#retries = new BudgetRule("extra attempts", retry, violate);
    this.#hedges = new BudgetRule("hedges", hedge, violate);
    this.#breakers = new BreakerRule(world.config, violate);
    this.#ejections = new EjectionRule(world.config, violate);
    const slots = new NodeSlots();
    this.#telemetry = new Telemetry(slots, { emit: (body) => this.#heard(body) });
    const lasting: Lasting = {
      clock: this.#clock,
      aheadMs: () => 0,
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
    this.#weights = new WeightRule(balancer, this.#generation.fleet, TICK_MS, violate);
    const mark = (what: Mark): void => this.#mark(what);
    this.#places = new PlaceRule(world.config, this.#generation.fleet, violate, mark);
    const { health } = world.config;
    this.#boundMs =
      worstCaseDetectionMs(health) +
      health.intervalMs +
      SWEEP_MS +
      Math.max(...world.nodes.map(({ rttMs }) => rttMs));
    const { line } = this.#generation.engine;
    this.#lateMs = line === undefined ? SWEEP_MS : 2 * SWEEP_MS;
    this.#line = new LineRule(world.config, line, SWEEP_MS, violate);
    if (line !== undefined) this.#watchLimit(line);
    this.#watchBudget(this.#generation.engine.retryBudget);
    this.#watchHedges(this.#telemetry);
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
    return {
      violations: this.#violations,
      requests: requests.length,
      attempts: this.#attempts,
      excused: this.#excused,
      marks: this.#marks,
      steps: this.#clock.steps,
    };
  }

  /** As the gateway does on its own timer. */
  #tickUntil(endMs: number): void {
    const { fleet } = this.#generation;
    const tick = (): void => {
      fleet.ramp(this.#clock.nowMs());
      fleet.sweep(this.#clock.nowMs());
      this.#weights.look(this.#clock.nowMs());
      this.#line.look();
      this.#noteLimit();
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
      isFromTrusted: false,
      client: asked.address,
      vantageField: undefined,
    };
    const request = Object.assign(new EventEmitter(), { pause: ignore, resume: ignore, destroy: ignore });
    const response = this.#responseFor(view);
    const vantage = engine.config.routing.defaultVantage;
    const pattern = engine.paths?.of(head.method, head.authority, path);
    view.subsets = subsetsFor(engine, pattern, head);
    this.#trace(`${id} ${asked.method}${asked.hasKey ? " with a key" : ""}`);
    const exchange = new Exchange(
      engine,
      connection,
      head,
      vantage,
      request as unknown as IncomingMessage,
      response,
      pattern,
    );
    this.#begin(view, exchange, connection, () => {
      if (asked.method !== "POST") return;
      request.emit("data", Buffer.from("x"));
      request.emit("end");
    });
    if (asked.patienceMs === undefined) return;
    this.#clock.after(asked.patienceMs, () => {
      if (view.endedMs !== undefined) return;
      view.hasLeft = true;
      for (const open of connection.open) open.clientGone();
      this.#ended(view);
    });
  }

  /** At once, or when its turn has come: as the listener has it. */
  #begin(view: ClientView, exchange: Exchange, connection: ClientConnection, sendBody: () => void): void {
    const { deadlines, line } = this.#generation.engine;
    const begin = (): void => {
      if (view.endedMs !== undefined) this.#violate(`${view.id} begins, and its client has gone`);
      const waitedMs = this.#waitedMs(view);
      this.#retries.requested(this.#clock.nowMs());
      this.#hedges.requested(this.#clock.nowMs());
      exchange.start();
      this.#line.began(view.id, waitedMs, this.#generation.engine.openCount, line?.awaiting ?? 0);
      sendBody();
    };
    if (line === undefined) return begin();
    const turnAway = (why: LineRefusal): void => {
      this.#line.refused(view.id, why, this.#waitedMs(view));
      if (why === "late") this.#mark("refused as late");
      view.wasTurnedAway = why;
      view.status = 503;
      this.#ended(view);
    };
    const { tier, totalMs, vantage } = exchange;
    const nowMs = this.#clock.nowMs();
    const times = lineTimes(this.#world.config, { nowMs, totalMs, headMs: line.headMs });
    const arrival = { tier, ...times };
    standInLine({ line, deadlines, connection, vantage, arrival, nowMs, begin, turnAway });
  }

  #noteLimit(): void {
    const limit = this.#generation.engine.line?.limit;
    if (limit === undefined) return;
    const { activeInitial } = this.#world.config.admission.adaptive;
    if (limit.phase === "measuring") this.#mark("limit measured");
    if (limit.limit !== activeInitial) this.#mark("limit moved");
  }

  #waitedMs(view: ClientView): number {
    const waitedMs = this.#clock.nowMs() - view.asked.atMs;
    if (waitedMs > 0) this.#mark("waited in line");
    return waitedMs;
  }

  #responseFor(view: ClientView): ServerResponse {
    const response = {
      writeHead: (status: number, reasonOrFields: unknown, maybeFields?: readonly string[]) => {
        if (view.status !== 0) this.#violate(`${view.id} got two heads`);
        view.status = status;
        view.headMs = view.grownMs = this.#clock.nowMs();
        if (view.headMs - view.asked.atMs > this.#world.config.retry.totalTimeoutMs + this.#lateMs)
          this.#violate(`${view.id} waited ${view.headMs - view.asked.atMs} ms for a head`);
        const fields = (maybeFields ?? reasonOrFields) as readonly string[];
        const at = fields.indexOf("x-gateway-failure");
        if (at !== -1) view.failure = fields[at + 1];
        return response;
      },
      write: (chunk: Buffer) => {
        this.#demandProgress(view);
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

  /** A body that can be gone on with elsewhere stands still for as long as it takes to see that and to find the rest, no longer. */
  #demandProgress(view: ClientView): void {
    const nowMs = this.#clock.nowMs();
    const { resume, retry } = this.#world.config;
    const boundMs = resume.stallTimeoutMs * STALLS_MAX + retry.totalTimeoutMs + LATE_LOOKS_MS;
    const stillMs = nowMs - view.grownMs;
    view.grownMs = nowMs;
    if (view.headMs === undefined || view.asked.method !== "GET" || !this.#world.hasRanges) return;
    if (stillMs > boundMs) this.#violate(`the body of ${view.id} stood still for ${stillMs} ms`);
  }

  // What the nodes see.

  #dispatched(asked: Asked): void {
    const { node, requestId } = asked;
    const nowMs = this.#clock.nowMs();
    this.#attempts += 1;
    const view = this.#views.get(requestId)!;
    this.#judgeChoice(view, node);
    this.#trace(`${requestId} asks ${node.id}`);
    this.#breakers.asked(this.#siteIdOf(node), asked);
    if (view.tried.length > 0) this.#retries.spent(nowMs);
    this.#places.asked({
      requestId,
      node: this.#own(node),
      tried: view.tried.map((each) => this.#own(each)),
      subsets: view.subsets,
      isResumed: view.resumeCount > 0 || view.bytes.length > 0,
    });
    const resumesBefore = view.resumeCount;
    view.attempted(node);
    const { resume, retry } = this.#world.config;
    if (view.resumeCount > resumesBefore) this.#mark("resumed");
    if (view.resumeCount > resume.resumesMax)
      this.#violate(
        `${requestId} is gone on with ${view.resumeCount} times: ${resume.resumesMax} are allowed`,
      );
    if (view.attemptCount > retry.attemptsMax)
      this.#violate(`${requestId} makes attempt ${view.attemptCount} of ${retry.attemptsMax}`);
  }

  #siteIdOf(node: VirtualNode): string {
    return this.#generation.fleet.nodeById(node.id)!.site;
  }

  #executed(requestId: string): void {
    const view = this.#views.get(requestId)!;
    view.executions += 1;
    if (view.executions > 1 && !view.isRepeatable)
      this.#violate(`${requestId}, a POST without a key, was executed ${view.executions} times`);
  }

  /** Whoever refuses or resets is out before anybody else is sent there. */
  #broke(node: VirtualNode, code: string): void {
    if (code !== "ECONNREFUSED" && code !== "ECONNRESET") return;
    const { board } = this.#generation.fleet;
    const health = board.health(this.#generation.fleet.nodeById(node.id)!.index);
    if (!isOut(health)) this.#violate(`${node.id} gave ${code} and is ${health}`);
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
        this.#isFor(view, each.index) &&
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
    this.#demandProgress(view);
    view.wasRefused = this.#refusedMs === view.endedMs;
    this.#trace(
      `${view.id} ended: ${view.wasReset ? "reset" : view.status}${view.failure === undefined ? "" : ` (${view.failure})`}`,
    );
    if (view.wasTurnedAway !== undefined) this.#mark("turned away");
    if (view.hasLeft || view.isWhole) return;
    if (view.status === 200 && !view.wasReset)
      this.#violate(`${view.id} got a whole answer that is not the node's body`);
    if (view.isRepeatable) this.#lost(view);
  }

  #lost(view: ClientView): void {
    const { asked, id } = view;
    const good = this.#nodes.filter(
      ({ state, sinceMs }, index) => state === "well" && sinceMs < asked.atMs && this.#isFor(view, index),
    );
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
    if (view.wasTurnedAway !== undefined) return `turned away: ${view.wasTurnedAway}`;
    if (view.wasRefused) return "budget";
    const isResumable = this.#world.hasRanges && view.asked.method === "GET" && !view.sawUpdated;
    if (view.wasReset && !isResumable) return NO_RESUME;
    if (view.wasReset && view.tried.length > resume.resumesMax) return "resumes";
    if (view.tried.length >= retry.attemptsMax) return "attempts";
    if (tookMs >= retry.totalTimeoutMs) {
      this.#mark("deadline reached");
      return "deadline";
    }
    if (breaker.options !== undefined && good.every((node) => !this.#mayAsk(this.#siteOf(node))))
      return "breaker";
    if (view.failure?.startsWith("breaker-open") === true || this.#breakerMs === view.endedMs)
      return "breaker";
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
    return this.#own(node).siteIndex;
  }

  #own(node: VirtualNode): FleetNode {
    return this.#generation.fleet.nodeById(node.id)!;
  }

  /** Its subset and the fallbacks of that allow it. */
  #isFor({ subsets }: ClientView, node: number): boolean {
    return subsets?.some((subset) => this.#generation.fleet.isWithin(node, subset)) ?? true;
  }

  /** The first site that has nodes for it. */
  #homeOf({ subsets }: ClientView): number {
    const { fleet } = this.#generation;
    return fleet.nodes.find(({ index }) => subsets === undefined || fleet.isWithin(index, subsets[0]!))!
      .siteIndex;
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
      else if (isLast && this.#siteOf(view.tried[0]!) !== this.#homeOf(view))
        this.#violate(`${view.id}, sent when all was well again, was answered by ${view.tried[0]!.id}`);
    }
    this.#places.ended();
    const { telemetry } = engine;
    if (telemetry.active !== 0) this.#violate(`${telemetry.active} requests are counted as active`);
    if (engine.openCount !== 0) this.#violate(`${engine.openCount} requests are counted as open`);
    const { line } = engine;
    if (line !== undefined && line.active + line.awaiting + line.waiting > 0)
      this.#violate(
        `${line.active} and ${line.awaiting} requests hold a place and ${line.waiting} wait in line`,
      );
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

  #watchBudget(budget: RetryBudget): void {
    const covers = budget.covers.bind(budget);
    budget.covers = (nowMs) => {
      const isCovered = covers(nowMs);
      if (!isCovered) this.#refusedMs = nowMs;
      return isCovered;
    };
  }

  #watchLimit(line: NonNullable<Generation["engine"]["line"]>): void {
    const sample = line.sample.bind(line);
    line.sample = (...seen) => {
      sample(...seen);
      this.#line.look();
    };
  }

  #watchHedges(telemetry: Telemetry): void {
    const hedged = telemetry.hedged.bind(telemetry);
    telemetry.hedged = () => {
      hedged();
      this.#mark("hedged");
      this.#hedges.spent(this.#clock.nowMs());
    };
  }

  #heard(body: EventBody): void {
    if (body.kind === "gateway.window") return;
    if (body.kind === "gateway.breaker") {
      this.#breakerMs = this.#clock.nowMs();
      this.#breakers.changed(body.site, body.to, this.#breakerMs);
      if (body.to !== "closed") this.#mark(body.to === "open" ? "breaker open" : "breaker half open");
    }
    if (body.kind === "gateway.node") this.#healthChanged(body);
    // The moment before it came back.
    if (body.kind === "gateway.node" && isOut(body.from)) this.#noteCap(this.#outCount() + 1);
    this.#trace(JSON.stringify(body));
  }

  #healthChanged(event: HealthEvent): void {
    const nowMs = this.#clock.nowMs();
    const why = this.#ejections.changed(event, nowMs);
    if (why !== undefined) this.#mark(`out by ${why}`);
    if (event.reason === "a probe was answered") this.#mark("back by a probe");
    if (isOut(event.from) && event.reason.endsWith("checks passed")) this.#mark("back by checks");
    this.#weights.changed(event, nowMs);
  }

  #mark(mark: Mark): void {
    this.#marks[mark] = (this.#marks[mark] ?? 0) + 1;
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
