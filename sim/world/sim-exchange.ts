/**
 * One request through the gateway of a run, from its arrival to its one outcome. The steps are those of the gateway's
 * `forward/exchange.ts`; what is chosen and allowed is asked of the same policies.
 */
import {
  failureClass,
  isIdempotent,
  mayRetry,
  type FailureCause,
} from "#gateway/resilience/failure-class.ts";
import type { PickRequest } from "#gateway/balancer/balancer.ts";
import { ACTOR } from "./actors.ts";
import type { Ticket } from "./event-loop.ts";
import { GATEWAY, type SimGateway } from "./sim-gateway.ts";
import type { ClientConnection, OpenOnConnection } from "./sim-client.ts";
import type { Ask } from "./sim-node.ts";

const US_PER_MS = 1000;

export interface SimRequest {
  readonly method: "GET" | "POST";
  readonly connection: ClientConnection;
  /** A node has acted on it. */
  readonly executed: () => void;
  readonly done: (outcome: SimOutcome) => void;
}

export interface SimOutcome {
  /** Index of the node that answered; undefined: the request failed. */
  readonly node: number | undefined;
  /** Why it failed; empty when it did not. */
  readonly failure: string;
}

interface SimAttempt extends Ask {
  readonly node: number;
  readonly ordinal: number;
  readonly isHedge: boolean;
  readonly isReused: boolean;
  readonly startedMs: number;
}

export class SimExchange implements OpenOnConnection {
  readonly #gateway: SimGateway;
  readonly #request: SimRequest;
  readonly #tried: number[] = [];
  readonly #running: SimAttempt[] = [];
  #travelling = 0;
  #seekCount = 0;
  #attemptCount = 0;
  #isOver = false;
  #lastFailure = "no-node";
  #totalTimer: Ticket | undefined;
  #tryTimer: Ticket | undefined;
  #hedgeTimer: Ticket | undefined;

  constructor(gateway: SimGateway, request: SimRequest) {
    this.#gateway = gateway;
    this.#request = request;
  }

  start(): void {
    const { loop, counts, retryBudget, hedgeBudget, isBare } = this.#gateway;
    counts.requests += 1;
    retryBudget.deposit(loop.nowMs);
    hedgeBudget.deposit(loop.nowMs);
    this.#request.connection.open = this;
    const site = this.#sites()[0];
    if (site === undefined) return this.#fail("unreachable");
    if (isBare) return this.#followPin(site);
    this.#totalTimer = this.#after(GATEWAY.totalUs, () => this.#fail("timeout"));
    this.#seek(false);
  }

  cutOff(): void {
    this.#fail("moved");
  }

  #sites(): number[] {
    return this.#gateway.sites(this.#request.connection.vantage);
  }

  // Choosing and reaching a node.

  #followPin(site: number): void {
    const { connection } = this.#request;
    connection.pin ??= this.#gateway.hashedNode(connection, site);
    const node = connection.pin;
    if (node === undefined) return this.#fail("unreachable");
    this.#travel(site, () => this.#ask(node, false));
  }

  #seek(isHedge: boolean): void {
    const candidate = this.#next(this.#sites(), isHedge);
    if (candidate === undefined) return this.#giveUpIfIdle();
    this.#travel(candidate.site, () => this.#arrive(candidate.site, isHedge));
  }

  #pick(): PickRequest {
    return { excluded: this.#tried, nowMs: this.#gateway.loop.nowMs, key: 0 };
  }

  #next(sites: readonly number[], isHedge: boolean): { node: number; site: number } | undefined {
    const { plan } = this.#gateway;
    const request = this.#pick();
    return isHedge ? plan.nextEligible(sites, request) : plan.next(sites, request);
  }

  /** At the site: the node is chosen now, not when the journey began. */
  #arrive(site: number, isHedge: boolean): void {
    const local = this.#gateway.plan.nextEligible([site], this.#pick());
    if (local !== undefined) return this.#ask(local.node, isHedge);
    const sites = this.#sites();
    const other = this.#next(sites, isHedge);
    if (other === undefined) return this.#giveUpIfIdle();
    this.#seekCount += 1;
    if (other.site === site || this.#seekCount > sites.length) return this.#ask(other.node, isHedge);
    this.#travel(other.site, () => this.#arrive(other.site, isHedge));
  }

  #travel(site: number, arrive: () => void): void {
    const { connection } = this.#request;
    const travelUs = connection.travelUs(site, this.#gateway.rttUs(connection.vantage, site));
    this.#travelling += 1;
    this.#after(travelUs, () => {
      this.#travelling -= 1;
      arrive();
    });
  }

  #ask(node: number, isHedge: boolean): void {
    const { loop, hedgeDelay, isBare, nodes } = this.#gateway;
    this.#tried.push(node);
    const isReused = this.#gateway.takeConnection(node);
    const attempt: SimAttempt = {
      node,
      ordinal: this.#attemptCount,
      isHedge,
      isReused,
      startedMs: loop.nowMs,
      executed: this.#request.executed,
      answered: () => this.#answered(attempt),
      failed: (cause) => this.#failed(attempt, cause),
    };
    this.#attemptCount += 1;
    this.#running.push(attempt);
    if (!isBare) {
      this.#tryTimer?.cancel();
      this.#tryTimer = this.#after(GATEWAY.perTryUs, () => this.#tryTimedOut());
      if (this.#mayHedge()) {
        this.#armHedge(isHedge ? hedgeDelay.furtherDelayMs(loop.nowMs) : hedgeDelay.delayMs(loop.nowMs));
      }
    }
    nodes[node]!.ask(attempt);
  }

  // Hedging.

  #mayHedge(): boolean {
    return isIdempotent(this.#request.method) && this.#attemptCount < GATEWAY.attemptsMax;
  }

  #armHedge(delayMs: number): void {
    this.#hedgeTimer?.cancel();
    this.#hedgeTimer = this.#after(delayMs * US_PER_MS, () => this.#hedge());
  }

  #hedge(): void {
    const { counts, hedgeBudget, loop, plan, retryBudget } = this.#gateway;
    if (this.#running.length === 0 || this.#travelling > 0 || !this.#mayHedge()) return;
    if (plan.nextEligible(this.#sites(), this.#pick()) === undefined) return;
    if (!retryBudget.covers(loop.nowMs) || !hedgeBudget.withdraw(loop.nowMs)) return;
    retryBudget.withdraw(loop.nowMs);
    counts.hedges += 1;
    this.#seek(true);
  }

  // What attempts tell.

  #answered(attempt: SimAttempt): void {
    if (!this.#running.includes(attempt)) return;
    const { board, counts, hedgeDelay, isBare, loop } = this.#gateway;
    this.#settle(attempt, true);
    if (!isBare) {
      this.#gateway.apply(board.attempt(attempt.node, "answered", attempt.startedMs, loop.nowMs));
      hedgeDelay.record(loop.nowMs - attempt.startedMs, loop.nowMs);
    }
    for (const loser of this.#running.slice()) {
      this.#settle(loser, false);
      // One that was asked before the winner was silent; a later one was merely late.
      if (loser.ordinal < attempt.ordinal) this.#judgeSilent(loser);
    }
    if (attempt.ordinal > 0) counts.rescued += 1;
    this.#finish({ node: attempt.node, failure: "" });
  }

  #failed(attempt: SimAttempt, cause: "refused" | "reset" | "timeout"): void {
    if (!this.#running.includes(attempt)) return;
    const { board, isBare, loop } = this.#gateway;
    this.#settle(attempt, false);
    if (cause === "timeout") this.#judgeSilent(attempt);
    else if (!isBare) this.#gateway.apply(board.attempt(attempt.node, cause, attempt.startedMs, loop.nowMs));
    const failure = failureClass({
      isSent: cause !== "refused",
      isReused: attempt.isReused,
      isHeadReceived: false,
      isPartSentToClient: false,
    });
    this.#lastFailure = `${failure} ${cause satisfies FailureCause}`;
    if (this.#isWaiting()) return;
    const { counts, retryBudget } = this.#gateway;
    const permit = { method: this.#request.method, hasIdempotencyKey: false, isOptedIn: false };
    const mayGoOn = !isBare && this.#attemptCount < GATEWAY.attemptsMax && mayRetry(failure, permit);
    if (!mayGoOn || !retryBudget.withdraw(loop.nowMs)) return this.#fail(this.#lastFailure);
    counts.retries += 1;
    this.#seek(false);
  }

  #tryTimedOut(): void {
    const attempt = this.#running.at(-1);
    if (attempt !== undefined) this.#failed(attempt, "timeout");
  }

  #judgeSilent(attempt: SimAttempt): void {
    const { board, isBare, loop } = this.#gateway;
    if (!isBare) this.#gateway.apply(board.attempt(attempt.node, "silent", attempt.startedMs, loop.nowMs));
  }

  /** Once for each attempt: it holds its node no longer. */
  #settle(attempt: SimAttempt, isReusable: boolean): void {
    this.#running.splice(this.#running.indexOf(attempt), 1);
    this.#gateway.giveConnection(attempt.node, isReusable);
  }

  #isWaiting(): boolean {
    return this.#running.length > 0 || this.#travelling > 0;
  }

  #giveUpIfIdle(): void {
    if (!this.#isWaiting()) this.#fail(this.#lastFailure);
  }

  #fail(failure: string): void {
    if (this.#isOver) return;
    const { counts, isBare, journal, nodes } = this.#gateway;
    const { connection, method } = this.#request;
    counts.failed += 1;
    const last = this.#tried.at(-1);
    journal.emit("gateway", {
      kind: "gateway.failed",
      vantage: connection.vantage,
      method,
      failure,
      node: last === undefined ? null : nodes[last]!.id,
      attempts: this.#attemptCount,
    });
    for (const attempt of this.#running.slice()) {
      this.#settle(attempt, false);
      if (failure === "timeout") this.#judgeSilent(attempt);
    }
    if (isBare) this.#gateway.reset(connection);
    this.#finish({ node: undefined, failure });
  }

  #finish(outcome: SimOutcome): void {
    this.#isOver = true;
    this.#totalTimer?.cancel();
    this.#tryTimer?.cancel();
    this.#hedgeTimer?.cancel();
    this.#request.connection.open = undefined;
    this.#request.done(outcome);
  }

  #after(delayUs: number, fn: () => void): Ticket {
    return this.#gateway.loop.after(ACTOR.gateway, delayUs, () => {
      if (!this.#isOver) fn();
    });
  }
}
