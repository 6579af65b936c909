/**
 * The life of one request: from its head to the one outcome that is recorded.
 *
 *   head -> sites of the vantage -> travel -> node -> attempt -> head and data to the client -> outcome
 *              ^                                        |  |
 *              |            retry at once, by class  <--'  '--> silent: a hedge beside it
 *              '------------------------------------------
 *
 * A response head is held back until the first data, or for two turns of the loop, so that a node that dies between
 * head and body is still nobody's loss (class E). Emulated travel is spent before a node is asked and belongs to no
 * attempt's time. In mode `anycast-only` there is one attempt at the node the connection leads to, and its failure is
 * a reset connection, as it would be without any gateway. A body that breaks off half sent is gone on with from another
 * node, by Range, where that is provably the same body (`resume.ts`).
 */
import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Timer } from "#core/host/clock.ts";
import type { Admission } from "../admission/admission.ts";
import { TIER_DEFAULT, type Tier, type WaitingLine } from "../admission/waiting-line.ts";
import type { PickRequest } from "../balancer/balancer.ts";
import type { ResponseCache } from "../cache/response-cache.ts";
import type { RouteTable, RouteView } from "../catchment/route-table.ts";
import type { GatewayConfig } from "../config.ts";
import type { GatewayClock } from "../gateway-clock.ts";
import type { AttemptSign } from "../health/node-health.ts";
import type { ClientConnection, OpenRequest } from "../listener/client-connection.ts";
import type { RequestHead } from "../listener/request-head.ts";
import type { WaitingRequest } from "../listener/waiting-request.ts";
import type { SiteBreakers } from "../resilience/breaker/site-breakers.ts";
import {
  failureClass,
  GATEWAY_ERRORS,
  isIdempotent,
  mayRetry,
  type FailureCause,
  type FailureClass,
  type RetryPermit,
} from "../resilience/failure-class.ts";
import type { HedgeDelay } from "../resilience/hedge-delay.ts";
import type { Candidate, RescuePlan } from "../resilience/rescue-plan.ts";
import { resumePoint, type ResumePoint } from "../resilience/resume.ts";
import type { RetryBudget } from "../resilience/retry-budget.ts";
import type { Affinity } from "../routing/affinity.ts";
import type { PathPattern, PathPatterns } from "../routing/path-patterns.ts";
import { ecmpNode } from "../routing/modes.ts";
import type { AccessLog, LoggedAttempt } from "../telemetry/access-log.ts";
import type { RequestIds } from "../telemetry/request-id.ts";
import { isTimingWanted, timingText, type TimedAnswer } from "../telemetry/server-timing.ts";
import type { AttemptOutcome, RequestOutcome, Telemetry } from "../telemetry/telemetry.ts";
import type { RequestTrace, Tracer } from "../telemetry/tracing/tracer.ts";
import { clientDeadlineMs } from "./client-deadline.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import { subsetName, subsetsFor, tellWhere } from "./chosen-subset.ts";
import type { ClientResponse, GivenAnswer } from "./client-response.ts";
import type { Deadlined, Deadlines } from "./deadlines.ts";
import { failureText, type RequestFailure } from "./failure.ts";
import type { Fleet, FleetNode } from "./fleet.ts";
import { RequestBody } from "./request-body.ts";
import { readInterimFields, readResponseFields } from "./response-fields.ts";
import type { SpillStore } from "./spill-store.ts";
import { readTrailers } from "./response-trailers.ts";
import { timerMs } from "./wan-stage.ts";

/** Where the gateway stands in its life, whatever its configuration. */
export interface GatewayPhase {
  /** Answers carry `connection: close` from now on. */
  isDraining: boolean;
}

/** Everything requests share. */
export interface Engine {
  readonly config: GatewayConfig;
  readonly clock: GatewayClock;
  readonly fleet: Fleet;
  readonly routes: RouteTable;
  readonly plan: RescuePlan;
  readonly deadlines: Deadlines;
  readonly retryBudget: RetryBudget;
  readonly hedgeBudget: RetryBudget;
  readonly hedgeDelay: HedgeDelay;
  readonly telemetry: Telemetry;
  /** Present where sessions are sticky. */
  readonly affinity: Affinity | undefined;
  /** Present where sites have circuit breakers. */
  readonly breakers: SiteBreakers | undefined;
  /** Asked when the breakers of all other sites are open. */
  readonly fallbackSite: number | undefined;
  /** Present where the balancer hashes. */
  readonly keyOf: ((head: RequestHead) => number) | undefined;
  readonly phase: GatewayPhase;
  /** Requests that began here and have not ended. */
  openCount: number;
  readonly admission: Admission;
  /** Present where something is different for some requests. */
  readonly paths: PathPatterns | undefined;
  /** Present where requests are traced. */
  readonly tracer: Tracer | undefined;
  /** Present where answers are kept. */
  readonly cache: ResponseCache | undefined;
  readonly requestIds: RequestIds;
  /** Present where requests are logged. */
  readonly accessLog: AccessLog | undefined;
  /** Present where bodies that are too large for memory are kept on a disk. */
  readonly spill: SpillStore | undefined;
  /** Present where only so many requests may be under way. */
  readonly line: WaitingLine<WaitingRequest> | undefined;
}

const NONE = -1;
/** RFC 9110 §15.6.3 to §15.6.5: the node, or what stands behind it, could not do it. */
/** A resumable body that grows by less than this within `resume.stallTimeoutMs` has stalled. */
const STALL_BYTES = 1_024;
/** So often within that time it is looked at: a stall is found a quarter of it late at most. */
const STALL_LOOKS = 4;
/** A response head without data is held for so many turns of the loop. */
const HELD_TURNS = 2;
/** Asked of clients that got no node's answer. */
const RETRY_AFTER_S = "1";
/** Interim responses that a client gets for one request. Those beyond are dropped: a node could fill buffers without end. */
const INTERIMS_MAX = 16;
/** What a reason phrase may hold (RFC 9112 §4); another one is replaced by the standard phrase. */
const REASON = /^[\t\x20-\x7e]*$/;

interface HeldHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: string[];
}

export class Exchange implements AttemptOwner, OpenRequest, Deadlined {
  readonly vantage: string;
  /** Milliseconds from a request's start, or a break in its body, to a response head. */
  readonly totalMs: number;
  dueMs = Infinity;
  deadlineSlot = NONE;
  readonly #engine: Engine;
  readonly #connection: ClientConnection;
  readonly #head: RequestHead;
  readonly #response: ClientResponse;
  readonly #body: RequestBody | undefined;
  readonly #pattern: PathPattern | undefined;
  /** RFC 9110 §15.2: clients of HTTP/1.0 know of no interim responses. */
  readonly #isInformable: boolean;
  #interimCount = 0;
  /** Mode `anycast-only`. */
  readonly #isBare: boolean;
  readonly #startedMs: number;
  /** When its turn came, where requests stand in line, and how many had no head then, itself among them. */
  #begunMs: number;
  #begunAwaiting = 0;
  /** It has none yet, and holds a place for that. */
  #isAwaited = false;
  #view: RouteView;
  /** Nodes chosen so far, whether or not they were asked in the end. */
  readonly #tried: number[] = [];
  readonly #pick: {
    readonly excluded: readonly number[];
    nowMs: number;
    readonly key: number;
    readonly affinity: number | undefined;
    readonly mayProbe: boolean;
    readonly subsets: readonly number[] | undefined;
  };
  /** Attempts that may still answer or are answering, in the order in which they began. */
  readonly #running: Attempt[] = [];
  #attemptCount = 0;
  /** Attempts made before the body was last gone on with: those brought the client further and count no more. */
  #attemptsSpent = 0;
  /** Its slot, for telemetry. */
  #lastNode = NONE;
  #hedgeDueMs = Infinity;
  #winner: Attempt | undefined;
  #heldHead: HeldHead | undefined;
  /** Turns of the loop for which the head has waited for data. */
  #heldTurns = 0;
  #isPartSent = false;
  /** How far the body has come, if a break in it can be mended. */
  #resume: ResumePoint | undefined;
  #resumeCount = 0;
  /** Where the body stood when it was last seen to grow, and when that was. */
  #stallMark = 0;
  #grownMs = 0;
  /** A head has been waited for since: the request's start, or the break in its body. */
  #awaitedSinceMs: number;
  #isAwaitingDrain = false;
  #isOver = false;
  #status = 0;
  #firstSite = NONE;
  /** Why another site than the best one answers: none of its nodes may, it has its share, or a class of failure. */
  #rescueReason = "unavailable";
  #lastFailure: RequestFailure = { kind: "no-node" };
  /** Emulated journeys under way, and when each site is reached. Undefined while nothing was emulated. */
  #journeys: Set<Timer> | undefined;
  #arrivals: Map<number, number> | undefined;
  #travelMs = 0;
  /** Empty where there is none. */
  readonly #requestId: string;
  /** Only where requests are logged. */
  readonly #attempts: LoggedAttempt[] | undefined;
  /** Present where requests are traced. */
  readonly #trace: RequestTrace | undefined;
  #failure: RequestFailure | undefined;
  #bytesSent = 0;

  constructor(
    engine: Engine,
    connection: ClientConnection,
    head: RequestHead,
    vantage: string,
    request: IncomingMessage,
    response: ClientResponse,
    pattern?: PathPattern,
  ) {
    this.#pattern = pattern;
    this.#engine = engine;
    this.#connection = connection;
    this.#head = head;
    this.vantage = vantage;
    this.#response = response;
    this.#isInformable = request.httpVersion !== "1.0" && response.writeInformation !== undefined;
    this.#isBare = engine.config.routing.mode === "anycast-only";
    const { deadlineHeader, totalTimeoutMs } = engine.config.retry;
    this.totalMs =
      deadlineHeader === undefined
        ? totalTimeoutMs
        : clientDeadlineMs(head.fields, deadlineHeader, totalTimeoutMs);
    this.#startedMs = engine.clock.nowMs();
    this.#awaitedSinceMs = this.#startedMs;
    this.#begunMs = this.#startedMs;
    this.#pick = {
      excluded: this.#tried,
      nowMs: this.#startedMs,
      key: engine.keyOf === undefined ? 0 : engine.keyOf(head),
      affinity: engine.affinity?.markOf({
        fields: head.fields,
        path: head.path,
        address: head.client,
      }),
      mayProbe: this.#mayProbe(),
      subsets: subsetsFor(engine, pattern, head),
    };
    this.#view = this.#viewNow();
    this.#attempts = engine.accessLog === undefined ? undefined : [];
    this.#trace = engine.tracer?.begin(head.fields, this.#startedMs);
    const isNamed = engine.config.hasRequestId;
    this.#requestId = isNamed || this.#attempts !== undefined ? engine.requestIds.of(head.requestId) : "";
    if (isNamed) head.fields.push("x-request-id", this.#requestId);
    else if (head.requestId !== undefined) head.fields.push("x-request-id", head.requestId);
    if (head.bodyBytes !== 0) {
      const { admission, replayBytesMax } = engine.config;
      const spill = mayRetry("D", this.#permit()) ? engine.spill : undefined;
      const bytesMax = admission.bodyBytesMax === 0 ? Infinity : admission.bodyBytesMax;
      this.#body = new RequestBody(request, head.bodyBytes, { replayBytesMax, bytesMax, spill }, () =>
        this.#bodyTooLarge(),
      );
    }
  }

  #bodyTooLarge(): void {
    this.#engine.telemetry.turnedAway("body");
    this.#fail({ kind: "body-too-large" });
  }

  start(): void {
    const { clock, deadlines, hedgeBudget, line, retryBudget, telemetry } = this.#engine;
    if (line !== undefined) {
      this.#begunMs = clock.nowMs();
      this.#begunAwaiting = line.awaiting;
      this.#isAwaited = true;
    }
    this.#connection.open.add(this);
    this.#engine.openCount += 1;
    telemetry.requestStarted();
    retryBudget.deposit(this.#startedMs);
    hedgeBudget.deposit(this.#startedMs);
    if (!this.#isBare) {
      this.#arm();
      deadlines.add(this);
    }
    if (this.#body === undefined) this.#begin();
    else this.#body.whenReady(() => this.#begin());
  }

  get tier(): Tier {
    return this.#pattern?.tier ?? TIER_DEFAULT;
  }

  cutOff(): void {
    this.#fail({ kind: "moved" });
  }

  clientGone(): void {
    if (this.#isOver) return;
    const node = this.#winner?.node.slot ?? NONE;
    this.#cancelAll(false);
    this.#finish("aborted", node);
  }

  #begin(): void {
    if (this.#isOver) return;
    const view = this.#viewNow();
    const site = view.sites[0];
    this.#view = view;
    if (site === undefined) return this.#fail({ kind: "unreachable" });
    this.#firstSite = site;
    if (this.#isBare) this.#followPin(site);
    else this.#seek(false);
  }

  // Choosing and reaching a node.

  /** The bare network: the connection leads to one node, and nobody asks how that one is. */
  #followPin(site: number): void {
    const { fleet, routes } = this.#engine;
    const pin = this.#connection.pin;
    let index = pin !== undefined && pin.vantage === this.vantage ? pin.node : NONE;
    if (index === NONE) {
      const id = ecmpNode(this.#connection.hash, routes.announcedNodes(site));
      const node = id === undefined ? undefined : fleet.nodeById(id);
      if (node === undefined) return this.#fail({ kind: "unreachable" });
      index = node.index;
      this.#connection.pin = { vantage: this.vantage, site, node: index };
    }
    this.#lastNode = fleet.node(index).slot;
    this.#reach({ node: index, site, isLastResort: true }, false);
  }

  #seek(isHedge: boolean): void {
    const { plan } = this.#engine;
    const candidate = isHedge
      ? plan.nextEligible(this.#view.sites, this.#pickNow())
      : plan.next(this.#view.sites, this.#pickNow());
    if (candidate?.isSpilled === true) this.#rescueReason = "spill-over";
    if (candidate !== undefined) return this.#reach(candidate, isHedge);
    if (!this.#isWaiting()) this.#fallBack();
  }

  /** Nobody is left who may be asked: because of failures, or because breakers are open. */
  #fallBack(): void {
    const { breakers, clock, fallbackSite, plan } = this.#engine;
    const retryAfterS = breakers?.retryAfterS(this.#view.sites, clock.nowMs());
    if (retryAfterS === undefined) return this.#fail(this.#lastFailure);
    if (fallbackSite !== undefined && this.#hasAttemptLeft()) {
      const candidate = plan.next([fallbackSite], this.#pickNow());
      this.#rescueReason = "breaker-open";
      if (candidate !== undefined) return this.#reach(candidate, false);
    }
    const isUnasked = this.#lastFailure.kind === "no-node";
    this.#fail(isUnasked ? { kind: "breaker-open", retryAfterS } : this.#lastFailure);
  }

  #viewNow(): RouteView {
    const { paths, routes } = this.#engine;
    const view = routes.view(this.vantage);
    return this.#pattern === undefined ? view : paths!.narrow(view, this.#pattern);
  }

  #permit(): RetryPermit {
    const { method, hasIdempotencyKey } = this.#head;
    return { method, hasIdempotencyKey, isOptedIn: this.#isOptedIn() };
  }

  /** Its nodes tell repeats apart. */
  #isOptedIn(): boolean {
    return this.#pattern?.retryNonIdempotent ?? this.#engine.config.retry.nonIdempotent;
  }

  /** Should the node be dead after all, another one can be asked at once. */
  #mayProbe(): boolean {
    const { config, retryBudget } = this.#engine;
    return (
      config.outlier.probeIntervalMs > 0 &&
      config.retry.attemptsMax > 1 &&
      this.#head.bodyBytes === 0 &&
      isIdempotent(this.#head.method) &&
      retryBudget.covers(this.#startedMs)
    );
  }

  #pickNow(): PickRequest {
    this.#pick.nowMs = this.#engine.clock.nowMs();
    return this.#pick;
  }

  #reach(candidate: Candidate, isHedge: boolean): void {
    this.#tried.push(candidate.node);
    const waitMs = this.#engine.config.isWanEmulated ? this.#journeyMs(candidate.site) : 0;
    if (waitMs === 0) return this.#ask(this.#engine.fleet.node(candidate.node), isHedge);
    const journeys = (this.#journeys ??= new Set());
    const timer = this.#engine.clock.after(waitMs, () => {
      journeys.delete(timer);
      this.#arrive(candidate, isHedge);
    });
    journeys.add(timer);
  }

  /** Whole milliseconds until the request is at the site. A site pays once: its router hands on to its other nodes. */
  #journeyMs(site: number): number {
    const nowMs = this.#engine.clock.nowMs();
    const arrivals = (this.#arrivals ??= new Map<number, number>());
    let arrivalMs = arrivals.get(site);
    if (arrivalMs === undefined) {
      const rttUs = this.#view.rttUs[this.#view.sites.indexOf(site)] ?? 0;
      const travelMs = this.#connection.wan.travelMs(site, rttUs);
      this.#travelMs += travelMs;
      arrivalMs = nowMs + travelMs;
      arrivals.set(site, arrivalMs);
    }
    return timerMs(arrivalMs, nowMs);
  }

  /** The node that was chosen at departure may have gone meanwhile. */
  #arrive(candidate: Candidate, isHedge: boolean): void {
    if (this.#isOver || this.#winner !== undefined) return;
    const { fleet, plan } = this.#engine;
    if (candidate.isLastResort || fleet.isEligible(candidate.node)) {
      return this.#ask(fleet.node(candidate.node), isHedge);
    }
    const neighbour = plan.nextEligible([candidate.site], this.#pickNow());
    if (neighbour !== undefined) this.#reach(neighbour, isHedge);
    else this.#seek(isHedge);
  }

  #ask(node: FleetNode, isHedge: boolean): void {
    // More of it may have come on the way there than could be kept: the rest alone is another body.
    if (this.#attemptCount > 0 && this.#body?.canReplay === false) return this.#fail(this.#bodyGone());
    const { breakers, clock, fleet, hedgeDelay } = this.#engine;
    const breakerCall = breakers?.of(node.siteIndex).admit(clock.nowMs());
    if (breakers !== undefined && breakerCall === undefined) return this.#seek(isHedge);
    const client = node.pool.take(this.#body !== undefined && !this.#body.isWhole);
    if (client === undefined) {
      if (breakerCall !== undefined) breakers!.of(node.siteIndex).abandoned(breakerCall);
      // Every node is chosen once at most, so this comes to an end.
      return this.#isBare ? this.#fail({ kind: "no-node" }) : this.#seek(isHedge);
    }
    const startedMs = clock.nowMs();
    const ordinal = this.#attemptCount;
    const attempt = new Attempt({ owner: this, node, client, ordinal, isHedge, startedMs, breakerCall });
    this.#attemptCount += 1;
    this.#lastNode = node.slot;
    this.#running.push(attempt);
    fleet.asked(node, startedMs);
    if (!this.#isBare) {
      if (this.#mayHedge()) {
        this.#hedgeDueMs =
          startedMs + (isHedge ? hedgeDelay.furtherDelayMs(startedMs) : hedgeDelay.delayMs(startedMs));
      }
      this.#arm();
    }
    const { method, path } = this.#head;
    const fields = this.#isPartSent ? this.#resume!.rangeFields(this.#head.fields) : this.#head.fields;
    const traced = this.#trace?.begin(fields, node, isHedge, startedMs) ?? fields;
    attempt.send({ method, path, fields: traced, body: this.#body?.open() ?? null });
  }

  #bodyGone(): RequestFailure {
    const failure = this.#lastFailure;
    return failure.kind === "attempt" ? { ...failure, bodyLoss: this.#body?.loss } : failure;
  }

  /** Something may still answer without anything more being done. */
  #isWaiting(): boolean {
    return this.#running.length > 0 || this.#journeyCount() > 0;
  }

  #journeyCount(): number {
    return this.#journeys?.size ?? 0;
  }

  #hasAttemptLeft(): boolean {
    const count = this.#attemptCount - this.#attemptsSpent + this.#journeyCount();
    return count < this.#engine.config.retry.attemptsMax;
  }

  // Deadlines.

  #arm(): void {
    const { perTryTimeoutMs } = this.#engine.config.retry;
    const eldest = this.#running[0];
    const tryDueMs = eldest === undefined ? Infinity : eldest.startedMs + perTryTimeoutMs;
    this.dueMs = Math.min(this.#awaitedSinceMs + this.totalMs, tryDueMs, this.#hedgeDueMs);
    if (this.#engine.breakers !== undefined) this.dueMs = Math.min(this.dueMs, this.#slowDueMs());
  }

  /** When the next attempt under way becomes slow in the eyes of its site's breaker. */
  #slowDueMs(): number {
    const { slowAfterMs } = this.#engine.breakers!;
    let dueMs = Infinity;
    for (const { breakerCall } of this.#running) {
      if (breakerCall !== undefined && breakerCall.entry === undefined) {
        dueMs = Math.min(dueMs, breakerCall.startedMs + slowAfterMs);
      }
    }
    return dueMs;
  }

  /** A call that hangs is told when it has become slow: its end may be far off. */
  #tellSlow(nowMs: number): void {
    const { breakers } = this.#engine;
    if (breakers === undefined || breakers.slowAfterMs === Infinity) return;
    for (const { breakerCall, node } of this.#running) {
      if (breakerCall !== undefined) breakers.of(node.siteIndex).slow(breakerCall, nowMs);
    }
  }

  /** Answers that have already arrived are read first: a late wake-up is not a slow node. */
  due(): void {
    this.dueMs = Infinity;
    this.#engine.clock.soon(lookAgain, this);
  }

  /** Not for owners: called one turn of the loop after `due`. */
  overdue(): void {
    if (this.#isOver) return;
    if (this.#winner !== undefined) return this.#lookForStall(this.#winner);
    const nowMs = this.#engine.clock.nowMs();
    const { perTryTimeoutMs } = this.#engine.config.retry;
    this.#tellSlow(nowMs);
    if (nowMs - this.#awaitedSinceMs >= this.totalMs) return this.#timeUp(nowMs);
    for (let eldest = this.#running[0]; eldest !== undefined; eldest = this.#running[0]) {
      if (nowMs - eldest.startedMs < perTryTimeoutMs) break;
      this.#sampleHead(eldest.startedMs, true, nowMs);
      eldest.cancel();
      this.attemptFailed(eldest, "timeout");
      if (this.#isOver) return;
    }
    if (nowMs >= this.#hedgeDueMs) this.#hedge(nowMs);
    if (!this.#isOver) this.#arm();
  }

  #timeUp(nowMs: number): void {
    const eldest = this.#running[0];
    if (eldest !== undefined) this.#sampleHead(eldest.startedMs, true, nowMs);
    this.#fail(this.#timeoutFailure());
  }

  #timeoutFailure(): RequestFailure {
    const attempt = this.#running.at(-1);
    return attempt === undefined
      ? { kind: "timeout" }
      : { kind: "attempt", failure: this.#classOf(attempt), cause: "timeout" };
  }

  #mayHedge(): boolean {
    return (
      (this.#pattern?.isHedged ?? this.#engine.config.hedge.isEnabled) &&
      this.#hasAttemptLeft() &&
      isIdempotent(this.#head.method) &&
      (this.#body === undefined || this.#body.isWhole)
    );
  }

  /** One at a time: a hedge that still travels has had no chance to answer, so the next waits until it was asked. */
  #hedge(nowMs: number): void {
    this.#hedgeDueMs = Infinity;
    if (this.#running.length === 0 || this.#journeyCount() > 0 || !this.#mayHedge()) return;
    const { hedgeBudget, plan, retryBudget, telemetry } = this.#engine;
    const candidate = plan.nextEligible(this.#view.sites, this.#pickNow());
    if (candidate === undefined || !retryBudget.covers(nowMs) || !hedgeBudget.withdraw(nowMs)) return;
    retryBudget.withdraw(nowMs);
    telemetry.hedged();
    this.#reach(candidate, true);
  }

  // What attempts tell.

  /**
   * It passes at once, whichever attempt it is of: a hint is for the time before the answer, when nobody knows yet which attempt
   * will win. It commits nothing (RFC 9110 §15.2, RFC 8297 §2), so that the request can still be asked elsewhere or fail, and
   * it says nothing about when the answer comes: deadlines and hedges do not heed it.
   */
  attemptInformed(_attempt: Attempt, status: number, raw: readonly Uint8Array[]): void {
    if (!this.#isInformable || this.#winner !== undefined || this.#isPartSent) return;
    const { telemetry } = this.#engine;
    // Without a socket Node would write it behind the answer's head once that is there: into its body.
    const isReadable = this.#response.socket !== null;
    if (!isReadable || this.#interimCount >= INTERIMS_MAX) return telemetry.interim("dropped");
    try {
      this.#response.writeInformation!(status, readInterimFields(raw, status));
    } catch {
      // Fields that got past undici's parser and that node:http would not write.
      return telemetry.interim("dropped");
    }
    this.#interimCount += 1;
    telemetry.interim("passed");
  }

  attemptAnswered(attempt: Attempt, status: number, raw: readonly Uint8Array[], reason: string): void {
    const { clock, hedgeDelay, phase, telemetry } = this.#engine;
    const nowMs = clock.nowMs();
    const tookMs = nowMs - attempt.startedMs;
    this.#trace?.answered(attempt.ordinal, status);
    const answer = readResponseFields(raw, status);
    if (this.#isPartSent && !this.#resume!.isContinuedBy(answer)) {
      attempt.cancel();
      return this.attemptFailed(attempt, "changed");
    }
    if (this.#isBetterAskedElsewhere(attempt, status, nowMs)) {
      this.#judge(attempt, "error", nowMs);
      attempt.cancel();
      return this.attemptFailed(attempt, "status");
    }
    this.#winner = attempt;
    this.dueMs = Infinity;
    // An error that comes at once says nothing either.
    if (status < 500) this.#sampleHead(this.#askedMs(attempt), false, nowMs);
    this.#tellLine(nowMs);
    this.#endJourneys();
    this.#judge(attempt, GATEWAY_ERRORS.includes(status) ? "error" : "answered", nowMs);
    if (attempt.breakerCall !== undefined) {
      this.#engine.breakers!.answered(attempt.node.siteIndex, attempt.breakerCall, status, nowMs);
      attempt.breakerCall = undefined;
    }
    if (!this.#isBare) hedgeDelay.record(tookMs, nowMs);
    this.#observe(attempt, nowMs);
    if (this.#running.length > 1) this.#dismissLosers(attempt, nowMs);
    if (this.#isPartSent) return this.#watchForStall(nowMs);
    this.#status = status;
    this.#resume = this.#mayResume() ? resumePoint(this.#head.method, answer) : undefined;
    const ttfbMs = nowMs - this.#startedMs;
    telemetry.firstByte(this.vantage, attempt.node.slot, ttfbMs);
    if (this.#attemptCount === 1) telemetry.overhead.observe((ttfbMs - this.#travelMs - tookMs) / 1000);
    const { fields } = answer;
    const cookie = this.#engine.affinity?.cookieFor(attempt.node.index, this.#pick.affinity);
    if (cookie !== undefined) fields.push("set-cookie", cookie);
    if (this.#engine.config.hasRequestId) this.#nameAnswer(fields, answer.hasRequestId);
    if (this.#isTimed()) this.#tellTiming(fields, nowMs, { id: attempt.node.id, tookMs });
    if (phase.isDraining) this.#sayClose(fields);
    this.#heldHead = { status, reason, fields };
    this.#heldTurns = 0;
    if (this.#resume !== undefined) this.#watchForStall(nowMs);
    clock.soon(releaseAlone, this);
  }

  /** Of hedged requests since the silent one was asked: the other's answer says how long that one takes at least. */
  #askedMs(attempt: Attempt): number {
    return this.#journeys === undefined ? this.#running[0]!.startedMs : attempt.startedMs;
  }

  /** Its head is there, or will not come. */
  #tellLine(nowMs: number): void {
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    this.#engine.line!.answered(nowMs);
  }

  /** How fast a client sends says nothing of what nodes can carry, and neither does the rest of a body. */
  #sampleHead(askedMs: number, isLost: boolean, nowMs: number): void {
    const { line } = this.#engine;
    if (line === undefined || this.#isPartSent || this.#pattern?.isSampled === false) return;
    if (this.#body?.isCollected === false) return;
    line.sample({ tookMs: nowMs - askedMs, active: this.#begunAwaiting, isLost }, nowMs);
  }

  /** The node says that it cannot, and another one may. Only with somebody in good health left: an answer is an answer. */
  #isBetterAskedElsewhere(attempt: Attempt, status: number, nowMs: number): boolean {
    const { config, plan, retryBudget } = this.#engine;
    if (status < 500 || this.#isBare || this.#isPartSent || !config.retry.statuses.includes(status))
      return false;
    const permit = this.#permit();
    if (this.#running.some((other) => other !== attempt)) return mayRetry("E", permit);
    return (
      this.#hasAttemptLeft() &&
      mayRetry("E", permit) &&
      (this.#body === undefined || this.#body.canReplay) &&
      retryBudget.covers(nowMs) &&
      plan.nextEligible(this.#view.sites, this.#pickNow()) !== undefined
    );
  }

  #isTimed(): boolean {
    return isTimingWanted(this.#engine.config.serverTiming, this.#head);
  }

  /** `node`: the one that answers; absent: nobody does. */
  #tellTiming(fields: string[], nowMs: number, node?: TimedAnswer["node"]): void {
    const { line } = this.#engine;
    const text = timingText({
      totalMs: nowMs - this.#startedMs,
      waitMs: line === undefined ? undefined : this.#begunMs - this.#startedMs,
      attempts: this.#attemptCount,
      ...(node === undefined ? {} : { node }),
    });
    fields.push("server-timing", text);
  }

  /** The client learns the name of its request, unless the node has told it already. */
  #nameAnswer(fields: string[], isNamed: boolean): void {
    if (!isNamed) fields.push("x-request-id", this.#requestId);
  }

  attemptData(attempt: Attempt, chunk: Buffer): boolean {
    this.#releaseHead();
    if (this.#isOver) return true;
    if (this.#resume?.advance(chunk.length) === false) {
      attempt.cancel();
      this.attemptFailed(attempt, "broken");
      return true;
    }
    this.#bytesSent += chunk.length;
    if (this.#response.write(chunk)) return true;
    this.#awaitDrain();
    return false;
  }

  attemptEnded(attempt: Attempt, rawTrailers: readonly Uint8Array[]): void {
    if (this.#resume?.isComplete === false) return this.attemptFailed(attempt, "broken");
    this.#settle(attempt, "answered");
    this.#releaseHead();
    if (this.#isOver) return;
    if (rawTrailers.length > 0) this.#response.addTrailers(readTrailers(rawTrailers));
    this.#complete(attempt);
  }

  /** The whole answer is with the client. */
  #complete(attempt: Attempt): void {
    const { fleet, telemetry } = this.#engine;
    if (this.#resumeCount > 0) telemetry.resumed();
    this.#response.end();
    if (attempt.isHedge) telemetry.hedgeWon();
    tellWhere(this.#engine, attempt.node, this.#pick.subsets);
    const { slot, site, siteIndex } = attempt.node;
    if (siteIndex !== this.#firstSite) {
      telemetry.failedOver(
        fleet.sites[this.#firstSite]!.id,
        site,
        attempt.isHedge ? "hedge" : this.#rescueReason,
      );
    }
    this.#finish(attempt.ordinal === 0 ? "ok" : "rescued", slot);
  }

  attemptFailed(attempt: Attempt, cause: FailureCause): void {
    this.#settle(attempt, outcomeOf(cause));
    const sign = signOf(cause);
    if (sign !== undefined) this.#judge(attempt, sign, this.#engine.clock.nowMs());
    if (this.#isOver) return;
    const failure = this.#classOf(attempt);
    this.#trace?.failed(attempt.ordinal, failure);
    const bodyLoss = failure === "F" ? undefined : this.#body?.loss;
    this.#lastFailure = { kind: "attempt", failure, cause, bodyLoss };
    if (failure === "F") return this.#mend(this.#lastFailure, attempt);
    if (attempt === this.#winner) {
      this.#winner = undefined;
      this.#heldHead = undefined;
      this.#resume = undefined;
      this.#status = 0;
    }
    if (this.#mayRetry(failure)) return this.#retry(failure);
    if (this.#isWaiting()) this.#arm();
    else this.#fail(this.#lastFailure);
  }

  #classOf(attempt: Attempt): FailureClass {
    return failureClass({
      isSent: attempt.isSent,
      isReused: attempt.isReused,
      isHeadReceived: attempt.isHeadReceived,
      isPartSentToClient: this.#isPartSent && attempt === this.#winner,
    });
  }

  /** The budget is asked last: what may not be retried costs nothing. */
  #mayRetry(failure: FailureClass): boolean {
    const { clock, retryBudget } = this.#engine;
    return (
      !this.#isBare &&
      this.#hasAttemptLeft() &&
      mayRetry(failure, this.#permit()) &&
      (this.#body === undefined || this.#body.canReplay) &&
      retryBudget.withdraw(clock.nowMs())
    );
  }

  #retry(failure: FailureClass): void {
    this.#rescueReason = failure;
    this.#engine.telemetry.retried(failure);
    this.#seek(false);
  }

  // Going on with a body that broke off.

  #mayResume(): boolean {
    return !this.#isBare && this.#engine.config.resume.isEnabled && this.#body === undefined;
  }

  /** The rest from another node; from the same one if there is no other: its process may live on. */
  #mend(failure: RequestFailure, attempt: Attempt): void {
    const { clock, config, plan, retryBudget, telemetry } = this.#engine;
    const nowMs = clock.nowMs();
    const resume = this.#resume;
    if (resume === undefined || this.#resumeCount >= config.resume.resumesMax) {
      return this.#abort(failure, attempt.node.slot);
    }
    // The node's last words are missing, not the body's: nothing is left to ask for.
    if (resume.isComplete) return this.#complete(attempt);
    if (!retryBudget.withdraw(nowMs)) return this.#abort(failure, attempt.node.slot);
    this.#winner = undefined;
    this.#view = this.#viewNow();
    this.#resumeCount += 1;
    this.#attemptsSpent = this.#attemptCount;
    this.#awaitedSinceMs = nowMs;
    this.#rescueReason = "F";
    telemetry.retried("F");
    this.#tried.length = 0;
    this.#tried.push(attempt.node.index);
    let candidate = plan.next(this.#view.sites, this.#pickNow());
    if (candidate === undefined) {
      this.#tried.length = 0;
      candidate = plan.next(this.#view.sites, this.#pickNow());
    }
    if (candidate === undefined) return this.#abort(failure, attempt.node.slot);
    this.#reach(candidate, false);
  }

  /** The body has grown, or begins. */
  #watchForStall(nowMs: number): void {
    this.#stallMark = this.#resume!.next;
    this.#grownMs = nowMs;
    this.#lookAgainForStall(nowMs);
  }

  #lookAgainForStall(nowMs: number): void {
    this.dueMs = nowMs + this.#engine.config.resume.stallTimeoutMs / STALL_LOOKS;
  }

  /** Only where the body can be had elsewhere. A client that does not read is no stall of the node's. */
  #lookForStall(attempt: Attempt): void {
    const resume = this.#resume;
    if (resume === undefined) return;
    const nowMs = this.#engine.clock.nowMs();
    const hasGrown = resume.next - this.#stallMark >= STALL_BYTES;
    if (hasGrown || this.#isAwaitingDrain) return this.#watchForStall(nowMs);
    if (nowMs - this.#grownMs < this.#engine.config.resume.stallTimeoutMs)
      return this.#lookAgainForStall(nowMs);
    attempt.cancel();
    this.attemptFailed(attempt, "timeout");
  }

  #dismissLosers(winner: Attempt, nowMs: number): void {
    for (let index = this.#running.length - 1; index >= 0; index--) {
      const loser = this.#running[index]!;
      if (loser !== winner) this.#dismiss(loser, loser.ordinal < winner.ordinal, "hedged", nowMs);
    }
  }

  /** Not waited for any longer. One that was asked long enough ago to be hedged itself was silent. */
  #dismiss(attempt: Attempt, mayBeSilent: boolean, outcome: "hedged" | "timeout", nowMs: number): void {
    const patienceMs = this.#engine.hedgeDelay.furtherDelayMs(nowMs);
    const isSilent = mayBeSilent && !attempt.isHeadReceived && nowMs - attempt.startedMs >= patienceMs;
    attempt.cancel();
    this.#settle(attempt, isSilent ? outcome : "cancelled");
    if (isSilent) this.#judge(attempt, "silent", nowMs);
  }

  /** `isTimeUp`: their time is over, which says something about them. */
  #cancelAll(isTimeUp: boolean): void {
    this.#endJourneys();
    if (this.#running.length === 0) return;
    const nowMs = this.#engine.clock.nowMs();
    for (let index = this.#running.length - 1; index >= 0; index--) {
      this.#dismiss(this.#running[index]!, isTimeUp, "timeout", nowMs);
    }
  }

  #judge(attempt: Attempt, sign: AttemptSign, nowMs: number): void {
    if (this.#isBare) return;
    this.#engine.fleet.attempted(attempt.node, sign, attempt.startedMs, nowMs);
    if (sign === "silent") this.#observe(attempt, nowMs);
  }

  #observe({ node, startedMs }: Attempt, nowMs: number): void {
    this.#engine.fleet.balancerOf(node).observed?.(node.index, nowMs - startedMs, nowMs);
  }

  /** Once for each attempt: it holds its node no longer. */
  #settle(attempt: Attempt, outcome: AttemptOutcome): void {
    const index = this.#running.indexOf(attempt);
    if (index === NONE) return;
    this.#running.splice(index, 1);
    const node = attempt.node;
    if (attempt.breakerCall !== undefined) this.#tellBreaker(attempt, outcome);
    this.#engine.fleet.balancerOf(node).giveBack(node.index);
    this.#engine.telemetry.attemptEnded(node.slot, outcome);
    this.#trace?.end(attempt.ordinal, outcome, this.#engine.clock.nowMs());
    if (this.#attempts !== undefined) this.#note(attempt, outcome);
  }

  #note({ node, startedMs, isHedge }: Attempt, outcome: AttemptOutcome): void {
    const ms = this.#engine.clock.nowMs() - startedMs;
    this.#attempts!.push({ node: node.id, site: node.site, outcome, ms, isHedge });
  }

  /** Of an attempt that got no head. */
  #tellBreaker({ breakerCall, node }: Attempt, outcome: AttemptOutcome): void {
    const breaker = this.#engine.breakers!.of(node.siteIndex);
    if (outcome === "cancelled" || outcome === "changed") breaker.abandoned(breakerCall!);
    else breaker.failed(breakerCall!, this.#engine.clock.nowMs());
  }

  #endJourneys(): void {
    if (this.#journeys === undefined) return;
    for (const timer of this.#journeys) timer.cancel();
    this.#journeys.clear();
  }

  // Towards the client.

  /** No data has come with the head. An error that was read with it is told one turn later, when its socket closes. */
  releaseAlone(): void {
    if (this.#heldHead === undefined) return;
    this.#heldTurns += 1;
    if (this.#heldTurns < HELD_TURNS) return this.#engine.clock.soon(releaseAlone, this);
    this.#releaseHead();
    if (!this.#isOver) this.#response.flushHeaders();
  }

  /** With data at hand head and data leave in one write. */
  #releaseHead(): void {
    const head = this.#heldHead;
    if (head === undefined || this.#isOver) return;
    this.#heldHead = undefined;
    const { status, reason, fields } = head;
    try {
      if (reason === STATUS_CODES[status] || !REASON.test(reason)) this.#response.writeHead(status, fields);
      else this.#response.writeHead(status, reason, fields);
      this.#isPartSent = true;
    } catch {
      // Fields that got past undici's parser and that node:http would not write: nobody could have sent them on.
      this.#cancelAll(false);
      this.#fail({ kind: "attempt", failure: "E", cause: "broken" });
      return;
    }
    const given = this.#response.givenInstead;
    if (given !== undefined) this.#givenInstead(given, status);
  }

  /** From the cache. 304: the node has said that it may be. Of an error nobody needs the rest. */
  #givenInstead({ status, bytes }: GivenAnswer, nodeStatus: number): void {
    this.#status = status;
    this.#bytesSent = bytes;
    if (nodeStatus < 500) return;
    const winner = this.#winner!;
    winner.cancel();
    this.#settle(winner, "answered");
    this.#finish("rescued", NONE);
  }

  #sayClose(fields: string[]): void {
    fields.push("connection", "close");
    this.#connection.isClosing = true;
  }

  #awaitDrain(): void {
    if (this.#isAwaitingDrain) return;
    this.#isAwaitingDrain = true;
    this.#response.once("drain", () => {
      this.#isAwaitingDrain = false;
      this.#winner?.resume();
    });
  }

  #fail(failure: RequestFailure): void {
    if (this.#isOver) return;
    if (this.#isPartSent) return this.#abort(failure, this.#lastNode);
    const given = this.#isBare ? undefined : this.#response.answerInstead?.();
    if (given !== undefined) return this.#rescuedBy(given, failure);
    this.#record(failure, this.#lastNode);
    this.#cancelAll(isTimeout(failure));
    if (this.#isBare) this.#status = 0;
    else this.#answerFailure(failure);
    this.#finish("failed", NONE);
    if (this.#isBare) this.#connection.reset();
  }

  /** From the cache, although no node has answered. */
  #rescuedBy({ status, bytes }: GivenAnswer, failure: RequestFailure): void {
    this.#cancelAll(isTimeout(failure));
    this.#status = status;
    this.#bytesSent = bytes;
    this.#finish("rescued", NONE);
  }

  /** Part of the answer is out and the rest will not come: the client must see that. */
  #abort(failure: RequestFailure, node: number): void {
    this.#record(failure, node);
    this.#cancelAll(false);
    this.#finish("truncated", node);
    this.#connection.reset();
  }

  #record(failure: RequestFailure, node: number): void {
    const { vantage } = this;
    const { method } = this.#head;
    this.#failure = failure;
    this.#engine.telemetry.requestFailed(failure, { vantage, method, node, attempts: this.#attemptCount });
  }

  #textOf(failure: RequestFailure): string {
    return failureText(failure, subsetName(this.#engine, this.#pick.subsets));
  }

  #answerFailure(failure: RequestFailure): void {
    const text = this.#textOf(failure);
    const isOpen = failure.kind === "breaker-open";
    const page = isOpen ? this.#engine.config.breaker.page : undefined;
    this.#status = page?.status ?? statusOf(failure);
    const body = page?.body ?? `${this.#status} no node answered (${text})\n`;
    const fields = [
      "content-type",
      page?.contentType ?? "text/plain; charset=utf-8",
      "content-length",
      String(Buffer.byteLength(body)),
      "cache-control",
      "no-store",
      "retry-after",
      isOpen ? String(failure.retryAfterS) : RETRY_AFTER_S,
      "x-gateway-failure",
      text,
    ];
    if (this.#engine.config.hasRequestId) fields.push("x-request-id", this.#requestId);
    if (this.#isTimed()) this.#tellTiming(fields, this.#engine.clock.nowMs());
    // What is left of a body that is too large is not read to its end.
    if (this.#engine.phase.isDraining || failure.kind === "body-too-large") this.#sayClose(fields);
    this.#response.writeHead(this.#status, fields);
    this.#response.end(body);
  }

  #finish(outcome: RequestOutcome, node: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#engine.openCount -= 1;
    this.#heldHead = undefined;
    this.#engine.deadlines.remove(this);
    this.#body?.discard();
    this.#connection.open.delete(this);
    const nowMs = this.#engine.clock.nowMs();
    this.#tellLine(nowMs);
    this.#engine.line?.leave(nowMs);
    this.#tellEnd(outcome, node, nowMs - this.#startedMs);
  }

  /** It has not begun, since there is no place for it, and its client has been given what is kept instead. */
  givenUnbegun({ status, bytes }: GivenAnswer): void {
    const { clock, telemetry } = this.#engine;
    this.#isOver = true;
    this.#status = status;
    this.#bytesSent = bytes;
    this.#body?.discard();
    telemetry.requestStarted();
    this.#tellEnd("rescued", NONE, clock.nowMs() - this.#startedMs);
  }

  #tellEnd(outcome: RequestOutcome, node: number, durationMs: number): void {
    const { method, path } = this.#head;
    this.#engine.telemetry.requestEnded({ outcome, node, method, status: this.#status, durationMs });
    if (this.#trace !== undefined) this.#tellTrace(this.#trace, outcome);
    if (this.#attempts === undefined) return;
    this.#engine.accessLog!.write({
      requestId: this.#requestId,
      client: this.#head.client,
      vantage: this.vantage,
      method,
      path,
      status: this.#status,
      outcome,
      failure: this.#failure === undefined ? undefined : this.#textOf(this.#failure),
      durationMs,
      bytes: this.#bytesSent,
      attempts: this.#attempts,
      traceId: this.#trace?.traceId,
    });
  }

  #tellTrace(trace: RequestTrace, outcome: RequestOutcome): void {
    const { client, fields, method, path } = this.#head;
    this.#engine.tracer!.ended(trace, {
      method,
      path,
      fields,
      client,
      vantage: this.vantage,
      requestId: this.#requestId,
      status: this.#status,
      outcome,
      failure: this.#failure === undefined ? undefined : this.#textOf(this.#failure),
      endedMs: this.#engine.clock.nowMs(),
    });
  }
}

function lookAgain(exchange: Exchange): void {
  exchange.overdue();
}

function releaseAlone(exchange: Exchange): void {
  exchange.releaseAlone();
}

function outcomeOf(cause: FailureCause): AttemptOutcome {
  if (cause === "saturated") return "refused";
  return cause === "unkept" ? "cancelled" : cause;
}

/** What a failure says about its node. */
function signOf(cause: FailureCause): AttemptSign | undefined {
  switch (cause) {
    case "refused":
    case "reset":
      return cause;
    case "timeout":
      return "silent";
    // It speaks, but what it says is no answer: as bad as one that says it cannot.
    case "broken":
      return "error";
    default:
      return undefined;
  }
}

function isTimeout(failure: RequestFailure): boolean {
  return failure.kind === "timeout" || (failure.kind === "attempt" && failure.cause === "timeout");
}

function statusOf(failure: RequestFailure): number {
  if (isTimeout(failure)) return 504;
  if (failure.kind === "body-too-large") return 413;
  return failure.kind === "attempt" ? 502 : 503;
}
