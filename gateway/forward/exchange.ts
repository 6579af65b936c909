/**
 * The life of one request: from its head to the one outcome that is recorded.
 *
 *   head -> sites of the vantage -> travel -> node -> attempt -> head and data to the client -> outcome
 *              ^                                        |  |
 *              |            retry at once, by class  <--'  '--> silent: a hedge beside it
 *              '------------------------------------------
 *
 * A response head is held back until the first data, or for one turn of the loop, so that a node that dies between
 * head and body is still nobody's loss (class E). Emulated travel is spent before a node is asked and belongs to no
 * attempt's time. In mode `anycast-only` there is one attempt at the node the connection leads to, and its failure is
 * a reset connection, as it would be without any gateway.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Timer } from "#core/host/clock.ts";
import type { RouteTable, RouteView } from "../catchment/route-table.ts";
import type { GatewayConfig } from "../config.ts";
import type { GatewayClock } from "../gateway-clock.ts";
import type { AttemptSign } from "../health/node-health.ts";
import type { ClientConnection, OpenRequest } from "../listener/client-connection.ts";
import type { RequestHead } from "../listener/request-head.ts";
import { failureClass, isIdempotent, mayRetry, type FailureCause } from "../resilience/failure-class.ts";
import type { HedgeDelay } from "../resilience/hedge-delay.ts";
import type { RescuePlan } from "../resilience/rescue-plan.ts";
import type { RetryBudget } from "../resilience/retry-budget.ts";
import { ecmpNode } from "../routing/modes.ts";
import type { AttemptOutcome, RequestOutcome, Telemetry } from "../telemetry/telemetry.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import { failureText, type RequestFailure } from "./failure.ts";
import type { Fleet, FleetNode } from "./fleet.ts";
import { RequestBody } from "./request-body.ts";
import { readResponseFields } from "./response-fields.ts";
import { timerMs } from "./wan-stage.ts";

/** Everything requests share. */
export interface Engine {
  readonly config: GatewayConfig;
  readonly clock: GatewayClock;
  readonly fleet: Fleet;
  readonly routes: RouteTable;
  readonly plan: RescuePlan;
  readonly retryBudget: RetryBudget;
  readonly hedgeBudget: RetryBudget;
  readonly hedgeDelay: HedgeDelay;
  readonly telemetry: Telemetry;
  /** Answers carry `connection: close` from now on. */
  isDraining: boolean;
}

const NO_NODE = -1;
/** Asked of clients that got no node's answer. */
const RETRY_AFTER_S = "1";

interface HeldHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: string[];
}

export class Exchange implements AttemptOwner, OpenRequest {
  readonly vantage: string;
  readonly #engine: Engine;
  readonly #connection: ClientConnection;
  readonly #head: RequestHead;
  readonly #response: ServerResponse;
  readonly #body: RequestBody | undefined;
  readonly #isBare: boolean;
  readonly #startedMs: number;
  #view: RouteView;
  /** Nodes asked so far. */
  readonly #tried: number[] = [];
  /** Attempts that may still answer. */
  readonly #running: Attempt[] = [];
  /** Seeks that are travelling towards a site. */
  #travelling = 0;
  #attemptCount = 0;
  #travelMs = 0;
  #seekCount = 0;
  #winner: Attempt | undefined;
  #heldHead: HeldHead | undefined;
  #isPartSent = false;
  #isOver = false;
  #status = 0;
  #firstSite = NO_NODE;
  #retryReason = "hedge";
  #lastFailure: RequestFailure = { kind: "no-node" };
  #totalTimer: Timer | undefined;
  #tryTimer: Timer | undefined;
  #hedgeTimer: Timer | undefined;
  readonly #travelTimers: Timer[] = [];

  constructor(
    engine: Engine,
    connection: ClientConnection,
    head: RequestHead,
    vantage: string,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    this.#engine = engine;
    this.#connection = connection;
    this.#head = head;
    this.vantage = vantage;
    this.#response = response;
    this.#isBare = engine.config.routing.mode === "anycast-only";
    this.#startedMs = engine.clock.nowMs();
    this.#view = engine.routes.view(vantage);
    this.#body =
      head.bodyBytes === 0
        ? undefined
        : new RequestBody(request, head.bodyBytes, engine.config.replayBytesMax);
    connection.open.add(this);
    response.on("close", () => this.#clientClosed());
    response.on("drain", () => this.#winner?.resume());
  }

  start(): void {
    const { telemetry, retryBudget, hedgeBudget, clock, config } = this.#engine;
    telemetry.requestStarted();
    retryBudget.deposit(this.#startedMs);
    hedgeBudget.deposit(this.#startedMs);
    if (this.#body === undefined) return this.#begin();
    this.#body.whenReady(() => this.#begin());
    if (!this.#isBare) {
      this.#totalTimer ??= clock.after(config.retry.totalTimeoutMs, () => this.#fail({ kind: "timeout" }));
    }
  }

  /** The connection's site has changed under it; the owner of the connection resets it. */
  cutOff(): void {
    this.#connection.reset();
    this.#fail({ kind: "moved" });
  }

  #begin(): void {
    if (this.#isOver) return;
    this.#view = this.#engine.routes.view(this.vantage);
    const site = this.#view.sites[0];
    if (site === undefined) return this.#fail({ kind: "unreachable" });
    this.#firstSite = site;
    if (this.#isBare) return this.#followPin(site);
    this.#totalTimer ??= this.#engine.clock.after(this.#engine.config.retry.totalTimeoutMs, () =>
      this.#fail({ kind: "timeout" }),
    );
    this.#seek(false);
  }

  // Choosing and reaching a node.

  #followPin(site: number): void {
    const { fleet, routes } = this.#engine;
    const pinned = this.#connection.pin;
    let index = pinned !== undefined && pinned.vantage === this.vantage ? pinned.node : NO_NODE;
    if (index === NO_NODE) {
      const id = ecmpNode(this.#connection.hash, routes.announcedNodes(site));
      const node = id === undefined ? undefined : fleet.nodeById(id);
      if (node === undefined) return this.#fail({ kind: "unreachable" });
      index = node.index;
      this.#connection.pin = { vantage: this.vantage, site, node: index };
    }
    this.#travel(site, () => this.#ask(fleet.node(index), false));
  }

  #seek(isHedge: boolean): void {
    const { plan } = this.#engine;
    const candidate = isHedge
      ? plan.nextEligible(this.#view.sites, this.#tried)
      : plan.next(this.#view.sites, this.#tried);
    if (candidate === undefined) {
      if (!this.#isWaiting()) this.#fail(this.#lastFailure);
      return;
    }
    this.#travel(candidate.site, () => this.#arrive(candidate.site, isHedge));
  }

  /** At the site: the node is chosen now, not when the journey began. */
  #arrive(site: number, isHedge: boolean): void {
    const { plan, fleet } = this.#engine;
    const local = plan.nextEligible([site], this.#tried);
    if (local !== undefined) return this.#ask(fleet.node(local.node), isHedge);
    const other = isHedge
      ? plan.nextEligible(this.#view.sites, this.#tried)
      : plan.next(this.#view.sites, this.#tried);
    if (other === undefined) {
      if (!this.#isWaiting()) this.#fail(this.#lastFailure);
      return;
    }
    this.#seekCount += 1;
    // A site may lose its nodes while a request travels to it, but not more often than there are sites.
    if (other.site === site || this.#seekCount > this.#view.sites.length) {
      return this.#ask(fleet.node(other.node), isHedge);
    }
    this.#travel(other.site, () => this.#arrive(other.site, isHedge));
  }

  #travel(site: number, arrive: () => void): void {
    if (!this.#engine.config.isWanEmulated) return arrive();
    const position = this.#view.sites.indexOf(site);
    const travelMs = this.#connection.wan.travelMs(site, this.#view.rttUs[position] ?? 0);
    this.#travelMs += travelMs;
    const { clock } = this.#engine;
    const nowMs = clock.nowMs();
    const waitMs = timerMs(nowMs + travelMs, nowMs);
    if (waitMs === 0) return arrive();
    this.#travelling += 1;
    this.#travelTimers.push(
      clock.after(waitMs, () => {
        this.#travelling -= 1;
        if (!this.#isOver && this.#winner === undefined) arrive();
      }),
    );
  }

  #ask(node: FleetNode, isHedge: boolean): void {
    const { clock, config, fleet } = this.#engine;
    this.#tried.push(node.index);
    const client = node.pool.take();
    if (client === undefined) {
      this.#lastFailure = { kind: "no-node" };
      return this.#isBare ? this.#fail(this.#lastFailure) : this.#seek(isHedge);
    }
    const startedMs = clock.nowMs();
    const attempt = new Attempt({
      owner: this,
      node,
      client,
      ordinal: this.#attemptCount,
      isHedge,
      startedMs,
    });
    this.#attemptCount += 1;
    this.#running.push(attempt);
    fleet.balancerOf(node).take(node.index);
    if (!this.#isBare) {
      this.#tryTimer?.cancel();
      this.#tryTimer = clock.after(config.retry.perTryTimeoutMs, () => this.#tryTimedOut());
      if (!isHedge && this.#mayHedge()) {
        this.#armHedge(this.#engine.hedgeDelay.delayMs(startedMs));
      }
    }
    const { method, path, fields } = this.#head;
    attempt.send({ method, path, fields, body: this.#body?.open() ?? null });
  }

  // Hedging.

  #mayHedge(): boolean {
    const { hedge } = this.#engine.config;
    return (
      hedge.isEnabled &&
      isIdempotent(this.#head.method) &&
      (this.#body === undefined || this.#body.isWhole) &&
      this.#attemptCount < this.#engine.config.retry.attemptsMax
    );
  }

  #armHedge(delayMs: number): void {
    this.#hedgeTimer?.cancel();
    // Answers that have already arrived are read first: a late wake-up is not a slow node.
    this.#hedgeTimer = this.#engine.clock.after(delayMs, () => setImmediate(() => this.#hedge()));
  }

  #hedge(): void {
    if (this.#isOver || this.#winner !== undefined || this.#running.length === 0 || !this.#mayHedge()) return;
    const { clock, hedgeBudget, hedgeDelay, plan, telemetry } = this.#engine;
    const nowMs = clock.nowMs();
    if (plan.nextEligible(this.#view.sites, this.#tried) === undefined) return;
    if (!hedgeBudget.withdraw(nowMs)) return;
    telemetry.hedged();
    this.#seek(true);
    this.#armHedge(hedgeDelay.furtherDelayMs(nowMs));
  }

  // What attempts tell.

  attemptAnswered(attempt: Attempt, status: number, raw: readonly Uint8Array[], reason: string): void {
    const { clock, hedgeDelay, telemetry } = this.#engine;
    const nowMs = clock.nowMs();
    this.#winner = attempt;
    this.#status = status;
    this.#stopTimers();
    this.#judge(attempt, "answered", nowMs);
    hedgeDelay.record(nowMs - attempt.startedMs, nowMs);
    this.#dismissLosers(attempt, nowMs);
    const ttfbMs = nowMs - this.#startedMs;
    telemetry.firstByte(this.vantage, attempt.node.index, ttfbMs);
    if (this.#attemptCount === 1) {
      telemetry.overhead.observe((ttfbMs - this.#travelMs - (nowMs - attempt.startedMs)) / 1000);
    }
    const { fields } = readResponseFields(raw, status);
    if (this.#engine.isDraining) fields.push("connection", "close");
    this.#heldHead = { status, reason, fields };
    setImmediate(() => this.#releaseHead(true));
  }

  attemptData(_attempt: Attempt, chunk: Buffer): boolean {
    this.#releaseHead(false);
    return this.#response.write(chunk);
  }

  attemptEnded(attempt: Attempt): void {
    this.#settle(attempt, "answered");
    this.#releaseHead(false);
    this.#response.end();
    const isFirst = attempt.ordinal === 0;
    if (attempt.isHedge) this.#engine.telemetry.hedgeWon();
    const site = attempt.node.siteIndex;
    if (site !== this.#firstSite) this.#engine.telemetry.failedOver(this.#firstSite, site, this.#retryReason);
    this.#finish(isFirst ? "ok" : "rescued", attempt.node.index);
  }

  attemptFailed(attempt: Attempt, cause: FailureCause): void {
    this.#settle(attempt, cause === "saturated" ? "refused" : cause);
    const sign: AttemptSign | undefined =
      cause === "refused" || cause === "reset" ? cause : cause === "timeout" ? "silent" : undefined;
    if (sign !== undefined) this.#judge(attempt, sign, this.#engine.clock.nowMs());
    if (this.#isOver) return;
    const failure = failureClass({
      isSent: attempt.isSent,
      isReused: attempt.isReused,
      isHeadReceived: attempt.isHeadReceived,
      isPartSentToClient: this.#isPartSent && attempt === this.#winner,
    });
    this.#lastFailure = { kind: "attempt", failure, cause };
    if (attempt === this.#winner) {
      this.#winner = undefined;
      this.#heldHead = undefined;
    }
    if (failure === "F") return this.#abort(attempt.node.index);
    if (this.#isWaiting()) return;
    this.#retry(failure);
  }

  #retry(failure: "A" | "C" | "D" | "E"): void {
    const { clock, config, retryBudget, telemetry } = this.#engine;
    const { method, hasIdempotencyKey } = this.#head;
    const permit = { method, hasIdempotencyKey, isOptedIn: config.retry.nonIdempotent };
    const mayGoOn =
      !this.#isBare &&
      this.#attemptCount < config.retry.attemptsMax &&
      mayRetry(failure, permit) &&
      (this.#body === undefined || this.#body.canReplay);
    if (!mayGoOn || !retryBudget.withdraw(clock.nowMs())) return this.#fail(this.#lastFailure);
    this.#retryReason = failure;
    telemetry.retried(failure);
    this.#seek(false);
  }

  #tryTimedOut(): void {
    const attempt = this.#running.at(-1);
    if (attempt === undefined || this.#winner !== undefined) return;
    attempt.cancel();
    this.attemptFailed(attempt, "timeout");
  }

  /** An attempt that was asked before the winner and has not answered was silent; a later one was merely late. */
  #dismissLosers(winner: Attempt, nowMs: number): void {
    for (const loser of [...this.#running]) {
      if (loser === winner) continue;
      loser.cancel();
      const wasSilent = loser.ordinal < winner.ordinal;
      this.#settle(loser, wasSilent ? "hedged" : "cancelled");
      if (wasSilent) this.#judge(loser, "silent", nowMs);
    }
  }

  #judge(attempt: Attempt, sign: AttemptSign, nowMs: number): void {
    if (this.#isBare) return;
    const { fleet } = this.#engine;
    fleet.apply(fleet.board.attempt(attempt.node.index, sign, attempt.startedMs, nowMs));
  }

  /** Once for each attempt: it holds its node no longer. */
  #settle(attempt: Attempt, outcome: AttemptOutcome): void {
    const index = this.#running.indexOf(attempt);
    if (index === -1) return;
    this.#running.splice(index, 1);
    this.#engine.fleet.balancerOf(attempt.node).giveBack(attempt.node.index);
    this.#engine.telemetry.attemptEnded(attempt.node.index, outcome);
  }

  #isWaiting(): boolean {
    return this.#running.length > 0 || this.#travelling > 0;
  }

  // Towards the client.

  /** With data at hand head and data leave in one write. */
  #releaseHead(isAlone: boolean): void {
    const head = this.#heldHead;
    if (head === undefined || this.#isOver) return;
    this.#heldHead = undefined;
    this.#isPartSent = true;
    if (head.reason === "") this.#response.writeHead(head.status, head.fields);
    else this.#response.writeHead(head.status, head.reason, head.fields);
    if (isAlone) this.#response.flushHeaders();
  }

  /** Part of the answer is out and the rest will not come: the client must see that. */
  #abort(node: number): void {
    this.#connection.reset();
    this.#record(this.#lastFailure, node);
    this.#finish("truncated", node);
  }

  #fail(failure: RequestFailure): void {
    if (this.#isOver) return;
    const node = this.#tried.at(-1) ?? NO_NODE;
    if (this.#isPartSent) return this.#abort(node);
    this.#record(failure, node);
    this.#cancelAll(failure.kind === "timeout");
    if (this.#isBare) this.#connection.reset();
    else this.#answerFailure(failure);
    this.#finish("failed", NO_NODE);
  }

  #record(failure: RequestFailure, node: number): void {
    const request = { vantage: this.vantage, method: this.#head.method, node, attempts: this.#attemptCount };
    this.#engine.telemetry.requestFailed(failure, request);
  }

  #answerFailure(failure: RequestFailure): void {
    this.#heldHead = undefined;
    this.#status = statusOf(failure);
    const body = `${this.#status} no node answered (${failureText(failure)})\n`;
    this.#response.writeHead(this.#status, {
      "content-type": "text/plain; charset=utf-8",
      "content-length": body.length,
      "cache-control": "no-store",
      "retry-after": RETRY_AFTER_S,
      "x-gateway-failure": failureText(failure),
      // What is left of a request's body would be taken for the next request.
      ...(this.#body !== undefined && !this.#body.isWhole ? { connection: "close" } : {}),
    });
    this.#response.end(this.#head.method === "HEAD" ? undefined : body);
  }

  #clientClosed(): void {
    if (this.#isOver) return;
    this.#cancelAll(false);
    this.#finish("aborted", NO_NODE);
  }

  /** `wasSilent`: their time is over, which says something about them. */
  #cancelAll(wasSilent: boolean): void {
    const nowMs = this.#engine.clock.nowMs();
    for (const attempt of [...this.#running]) {
      attempt.cancel();
      this.#settle(attempt, wasSilent ? "timeout" : "cancelled");
      if (wasSilent) this.#judge(attempt, "silent", nowMs);
    }
  }

  #finish(outcome: RequestOutcome, node: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimers();
    this.#body?.destroy();
    this.#connection.open.delete(this);
    this.#engine.telemetry.requestEnded({
      outcome,
      node,
      method: this.#head.method,
      status: this.#status,
      durationMs: this.#engine.clock.nowMs() - this.#startedMs,
    });
  }

  #stopTimers(): void {
    this.#totalTimer?.cancel();
    this.#tryTimer?.cancel();
    this.#hedgeTimer?.cancel();
    for (const timer of this.#travelTimers) timer.cancel();
    this.#travelTimers.length = 0;
    this.#travelling = 0;
  }
}

function statusOf(failure: RequestFailure): number {
  if (failure.kind === "timeout") return 504;
  if (failure.kind === "attempt") return failure.cause === "timeout" ? 504 : 502;
  return 503;
}
