/**
 * What the gateway counts, as plain numbers written in the hot path: no label is hashed and nothing is allocated for
 * an event. `/metrics` and `/status` read them when asked; every `WINDOW_MS` in which something happened becomes one
 * `gateway.window` event, so a journal holds ten lines a second at most, and every failure a line of its own.
 */
import { nowNs } from "#core/host/clock.ts";
import type { EventBody } from "#core/wire/events.ts";
import type { Severity } from "../health/severity.ts";
import { CACHE_RESULTS, type CacheResult } from "../cache/cache-status.ts";
import type { RequestFailure } from "../forward/failure.ts";
import type { SpillCounts } from "../forward/spill-store.ts";
import { failureLabel } from "../forward/failure.ts";
import type { LineCount } from "./access-log.ts";
import type { NodeSlots } from "./node-slots.ts";
import { Histogram, OVERHEAD_BOUNDS, SECONDS_BOUNDS } from "./histogram.ts";

export const WINDOW_MS = 100;

export const REQUEST_OUTCOMES = [
  /** A node's answer, at the first attempt. */
  "ok",
  /** A node's answer, after an attempt that failed or was silent. */
  "rescued",
  /** The gateway's own 502 or 503, or a reset connection on the bare network. */
  "failed",
  /** A node's answer broke off; the client's connection was aborted. */
  "truncated",
  /** The client left first. */
  "aborted",
  /** No valid request. */
  "refused",
] as const;

export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

export const ATTEMPT_OUTCOMES = [
  "answered",
  "refused",
  "reset",
  "timeout",
  "broken",
  /** Asked for the rest of a body it had something else. */
  "changed",
  /** Answered 502, 503 or 504, and another node was asked instead. */
  "status",
  "hedged",
  "cancelled",
] as const;

export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

export const CHECK_RESULTS = ["passed", "draining", "refused", "reset", "timeout", "failed"] as const;

/** Why something was turned away before a node was asked. */
export const TURNED_AWAY = [
  "rate",
  "client-rate",
  "path-rate",
  "overload",
  "late",
  "displaced",
  "body",
  "connections",
  "proxy-header",
  "head",
  "slow-head",
  "slow-body",
  "slow-reader",
] as const;

/** Those that are told by name. */
export const METHODS: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "QUERY",
];
/** Statuses below 1000, times methods and `_OTHER`. */
const STATUS_SPAN = 1_000;

export interface EventSink {
  emit(body: EventBody, atNs?: number): void;
}

/** In place of a slot: no node answered. */
const NO_NODE = -1;

export class Telemetry {
  readonly #slots: NodeSlots;
  readonly #events: EventSink;
  /** By slot and one; the first row is for requests that no node answered. */
  #byNode = new Float64Array(REQUEST_OUTCOMES.length);
  #attempts = new Float64Array(0);
  #attemptsByNode = new Float64Array(0);
  #failuresByNode = new Float64Array(0);
  #checks = new Float64Array(0);
  readonly #turnedAway = new Float64Array(TURNED_AWAY.length);
  readonly #durations = new Map<number, Histogram>();
  readonly #ttfb = new Map<string, (Histogram | undefined)[]>();
  readonly #retries = new Map<string, number>();
  readonly #failovers = new Map<string, number>();
  readonly #zonesCrossed = new Map<string, number>();
  readonly #subsetsLeft = new Map<string, number>();
  readonly overhead = new Histogram(OVERHEAD_BOUNDS);
  total = 0;
  active = 0;
  failed = 0;
  rescued = 0;
  retries = 0;
  hedges = 0;
  hedgesWon = 0;
  /** Half-sent responses that another node completed. */
  resumes = 0;
  readonly nodeChanges: Record<Severity, number> = { critical: 0, major: 0, minor: 0, info: 0 };
  readonly interims: Record<"passed" | "dropped", number> = { passed: 0, dropped: 0 };
  resets = 0;
  tunnels = 0;
  tunnelsOpened = 0;
  /** Of the access logs of all configurations. */
  readonly logLines: LineCount = { written: 0, dropped: 0 };
  /** Of the directories of all configurations. */
  readonly spill: SpillCounts = { kept: 0, full: 0, failed: 0, bytes: 0, files: 0 };
  readonly #cached = new Float64Array(CACHE_RESULTS.length);
  reloads = 0;
  reloadsFailed = 0;
  isLastReloadGood = true;
  #window = { fromNs: 0, requests: 0, failed: 0, rescued: 0, hedged: 0, resets: 0 };

  /** Nodes are numbered by `slots`; after new ones came, `reserve`. */
  constructor(slots: NodeSlots, events: EventSink) {
    this.#slots = slots;
    this.#events = events;
    this.reserve();
    this.#window.fromNs = nowNs();
  }

  /** Room for every node that has a slot. */
  reserve(): void {
    const { count } = this.#slots;
    this.#byNode = grown(this.#byNode, (count + 1) * REQUEST_OUTCOMES.length);
    this.#attempts = grown(this.#attempts, count * ATTEMPT_OUTCOMES.length);
    this.#attemptsByNode = grown(this.#attemptsByNode, count);
    this.#failuresByNode = grown(this.#failuresByNode, count);
    this.#checks = grown(this.#checks, count * CHECK_RESULTS.length);
  }

  cached(result: CacheResult): void {
    this.#cached[CACHE_RESULTS.indexOf(result)]! += 1;
  }

  cachedFor(result: CacheResult): number {
    return this.#cached[CACHE_RESULTS.indexOf(result)]!;
  }

  requestStarted(): void {
    this.total += 1;
    this.active += 1;
    this.#window.requests += 1;
  }

  /** Once a request; `status` 0 when there was none. */
  requestEnded(end: {
    readonly outcome: RequestOutcome;
    readonly node: number;
    readonly method: string;
    readonly status: number;
    readonly durationMs: number;
  }): void {
    this.active -= 1;
    if (end.outcome === "rescued") {
      this.rescued += 1;
      this.#window.rescued += 1;
    }
    const row = (end.node + 1) * REQUEST_OUTCOMES.length;
    this.#byNode[row + REQUEST_OUTCOMES.indexOf(end.outcome)]! += 1;
    const key = (METHODS.indexOf(end.method) + 1) * STATUS_SPAN + end.status;
    let histogram = this.#durations.get(key);
    if (histogram === undefined) {
      histogram = new Histogram(SECONDS_BOUNDS);
      this.#durations.set(key, histogram);
    }
    histogram.observe(end.durationMs / 1000);
  }

  /** No valid request: answered by the listener, seen by no node. */
  requestRefused(method: string, status: number): void {
    this.requestStarted();
    this.requestEnded({ outcome: "refused", node: NO_NODE, method, status, durationMs: 0 });
  }

  /** The client got no node's answer, or half of one. Told apart from `requestEnded` because it is an event. */
  requestFailed(
    failure: RequestFailure,
    request: {
      readonly vantage: string;
      readonly method: string;
      readonly node: number;
      readonly attempts: number;
    },
  ): void {
    this.failed += 1;
    this.#window.failed += 1;
    this.#events.emit({
      kind: "gateway.failed",
      vantage: request.vantage,
      method: request.method,
      failure: failureLabel(failure),
      node: request.node === NO_NODE ? null : this.#slots.idOf(request.node),
      attempts: request.attempts,
    });
  }

  firstByte(vantage: string, node: number, ttfbMs: number): void {
    let row = this.#ttfb.get(vantage);
    if (row === undefined) {
      row = [];
      this.#ttfb.set(vantage, row);
    }
    const histogram = (row[node] ??= new Histogram(SECONDS_BOUNDS));
    histogram.observe(ttfbMs / 1000);
  }

  attemptEnded(node: number, outcome: AttemptOutcome): void {
    this.#attempts[node * ATTEMPT_OUTCOMES.length + ATTEMPT_OUTCOMES.indexOf(outcome)]! += 1;
    this.#attemptsByNode[node]! += 1;
    if (outcome !== "answered" && outcome !== "cancelled") this.#failuresByNode[node]! += 1;
  }

  retried(reason: string): void {
    this.retries += 1;
    this.#retries.set(reason, (this.#retries.get(reason) ?? 0) + 1);
  }

  hedged(): void {
    this.hedges += 1;
    this.#window.hedged += 1;
  }

  hedgeWon(): void {
    this.hedgesWon += 1;
  }

  turnedAway(reason: (typeof TURNED_AWAY)[number]): void {
    this.#turnedAway[TURNED_AWAY.indexOf(reason)]! += 1;
  }

  turnedAwayFor(reason: (typeof TURNED_AWAY)[number]): number {
    return this.#turnedAway[TURNED_AWAY.indexOf(reason)]!;
  }

  tunnelOpened(): void {
    this.tunnels += 1;
    this.tunnelsOpened += 1;
  }

  tunnelClosed(): void {
    this.tunnels -= 1;
  }

  reloaded(isApplied: boolean): void {
    if (isApplied) this.reloads += 1;
    else this.reloadsFailed += 1;
    this.isLastReloadGood = isApplied;
  }

  resumed(): void {
    this.resumes += 1;
  }

  nodeChanged(severity: Severity): void {
    this.nodeChanges[severity] += 1;
  }

  interim(result: "passed" | "dropped"): void {
    this.interims[result] += 1;
  }

  /** A request was answered by another site than the one it was for. */
  failedOver(fromSite: string, toSite: string, reason: string): void {
    const key = `${fromSite} ${toSite} ${reason}`;
    this.#failovers.set(key, (this.#failovers.get(key) ?? 0) + 1);
  }

  /** A node of another zone than the gateway's answered; empty: it tells none. */
  zoneCrossed(zone: string): void {
    this.#zonesCrossed.set(zone, (this.#zonesCrossed.get(zone) ?? 0) + 1);
  }

  /** A request for a subset was answered by another node: its fallback. */
  subsetLeft(subset: string): void {
    this.#subsetsLeft.set(subset, (this.#subsetsLeft.get(subset) ?? 0) + 1);
  }

  connectionReset(): void {
    this.resets += 1;
    this.#window.resets += 1;
  }

  checked(node: number, result: (typeof CHECK_RESULTS)[number]): void {
    this.#checks[node * CHECK_RESULTS.length + CHECK_RESULTS.indexOf(result)]! += 1;
  }

  /** Call every `WINDOW_MS`. */
  closeWindow(): void {
    const window = this.#window;
    const isEmpty = window.requests + window.failed + window.rescued + window.hedged + window.resets === 0;
    if (!isEmpty) this.#events.emit({ kind: "gateway.window", ...window });
    this.#window = { fromNs: nowNs(), requests: 0, failed: 0, rescued: 0, hedged: 0, resets: 0 };
  }

  // Reading, at a scrape or a status call.

  attemptsOf(node: number): number {
    return this.#attemptsByNode[node]!;
  }

  failuresOf(node: number): number {
    return this.#failuresByNode[node]!;
  }

  /** `node` is -1 for requests that no node answered. */
  requests(node: number, outcome: RequestOutcome): number {
    return this.#byNode[(node + 1) * REQUEST_OUTCOMES.length + REQUEST_OUTCOMES.indexOf(outcome)]!;
  }

  attempts(node: number, outcome: AttemptOutcome): number {
    return this.#attempts[node * ATTEMPT_OUTCOMES.length + ATTEMPT_OUTCOMES.indexOf(outcome)]!;
  }

  checks(node: number, result: (typeof CHECK_RESULTS)[number]): number {
    return this.#checks[node * CHECK_RESULTS.length + CHECK_RESULTS.indexOf(result)]!;
  }

  get retriesByReason(): ReadonlyMap<string, number> {
    return this.#retries;
  }

  /** Keys are `from to reason`. */
  get failovers(): ReadonlyMap<string, number> {
    return this.#failovers;
  }

  /** By zone; empty: of nodes that tell none. */
  get zonesCrossed(): ReadonlyMap<string, number> {
    return this.#zonesCrossed;
  }

  /** By the subset that the requests were for. */
  get subsetsLeft(): ReadonlyMap<string, number> {
    return this.#subsetsLeft;
  }

  *durations(): Generator<readonly [Record<string, string>, Histogram]> {
    for (const [key, histogram] of this.#durations) {
      const method = METHODS[Math.floor(key / STATUS_SPAN) - 1] ?? "_OTHER";
      const status = String(key % STATUS_SPAN);
      yield [{ http_request_method: method, http_response_status_code: status }, histogram];
    }
  }

  *ttfbs(): Generator<readonly [Record<string, string>, Histogram]> {
    for (const [vantage, row] of this.#ttfb) {
      for (const [node, histogram] of row.entries()) {
        if (histogram !== undefined) yield [{ vantage, node: this.#slots.idOf(node) }, histogram];
      }
    }
  }
}

function grown(from: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  if (length <= from.length) return from;
  const to = new Float64Array(length);
  to.set(from);
  return to;
}
