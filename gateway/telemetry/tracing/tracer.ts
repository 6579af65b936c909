/**
 * Traces of requests: a span for each request and one for each attempt, made when the request has ended, for only then is it
 * known whether it failed or was repeated: those are always told, of the others a share, or what the caller recorded.
 *
 * Names are those of OpenTelemetry's conventions for HTTP; ids are chosen here, since nodes must hear them before there is a
 * span. Where spans go is somebody else's (`SpanSink`). Left out: `url.query`, and the query of `url.full`.
 */
import { randomHex } from "#core/host/random.ts";
import { valueOf, without } from "../../forward/fields.ts";
import type { FailureClass } from "../../resilience/failure-class.ts";
import { pathOf } from "../../routing/path-of.ts";
import { METHODS, type AttemptOutcome, type RequestOutcome } from "../telemetry.ts";
import { formatTraceparent, isChosen, parseTraceparent } from "./trace-context.ts";

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const TRACEPARENT = "traceparent";
const TRACESTATE = "tracestate";
const OF_CALLER: ReadonlySet<string> = new Set([TRACEPARENT]);
/** §3.3: what vendors have said about a trace that is not gone on with says nothing about the one that begins. */
const OF_NOBODY: ReadonlySet<string> = new Set([TRACEPARENT, TRACESTATE]);
/** RFC 9110 §15.5: as seen by who asked, everything from here on is an error. */
const CLIENT_ERROR = 400;
const SERVER_ERROR = 500;
const FAILED: ReadonlySet<AttemptOutcome> = new Set([
  "refused",
  "reset",
  "timeout",
  "broken",
  "status",
  "changed",
]);

export type SpanKind = "server" | "client";

export interface FinishedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** As the caller sent it. */
  readonly traceState: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** Of the gateway's clock. */
  readonly startedMs: number;
  readonly endedMs: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** Never waits and never throws. */
export interface SpanSink {
  take(spans: readonly FinishedSpan[]): void;
}

export interface TracedNode {
  readonly id: string;
  readonly site: string;
  readonly url: string;
}

interface TracedAttempt {
  readonly spanId: string;
  readonly node: TracedNode;
  readonly isHedge: boolean;
  readonly startedMs: number;
  endedMs: number | undefined;
  outcome: AttemptOutcome | undefined;
  /** How far it had come when it failed. */
  failure: FailureClass | undefined;
  status: number | undefined;
}

export interface TracedRequest {
  readonly method: string;
  /** With its query, of which nothing is told. */
  readonly path: string;
  /** As they go to nodes. */
  readonly fields: readonly string[];
  readonly client: string;
  readonly vantage: string;
  /** Empty where requests have no names. */
  readonly requestId: string;
  /** 0: none was sent. */
  readonly status: number;
  readonly outcome: RequestOutcome;
  readonly failure: string | undefined;
  readonly endedMs: number;
}

/** What an exchange remembers for its trace. */
export class RequestTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly isSampled: boolean;
  readonly startedMs: number;
  readonly attempts: TracedAttempt[] = [];
  readonly #isRandom: boolean;

  constructor(fields: readonly string[], sampleRatio: number, startedMs: number) {
    const parent = parseTraceparent(valueOf(fields, TRACEPARENT));
    this.traceId = parent?.traceId ?? randomHex(TRACE_ID_BYTES);
    this.parentSpanId = parent?.spanId;
    this.spanId = randomHex(SPAN_ID_BYTES);
    this.traceState = parent === undefined ? undefined : valueOf(fields, TRACESTATE);
    this.isSampled = parent?.isSampled ?? isChosen(this.traceId, sampleRatio);
    this.#isRandom = parent?.isRandom ?? true;
    this.startedMs = startedMs;
  }

  /** The attempt's fields, with its own span as the parent of what the node does. */
  begin(fields: readonly string[], node: TracedNode, isHedge: boolean, startedMs: number): string[] {
    const spanId = randomHex(SPAN_ID_BYTES);
    this.attempts.push({
      spanId,
      node,
      isHedge,
      startedMs,
      endedMs: undefined,
      outcome: undefined,
      failure: undefined,
      status: undefined,
    });
    const own = without(fields, this.parentSpanId === undefined ? OF_NOBODY : OF_CALLER);
    const { isSampled, traceId } = this;
    own.push(TRACEPARENT, formatTraceparent({ traceId, spanId, isSampled, isRandom: this.#isRandom }));
    return own;
  }

  answered(ordinal: number, status: number): void {
    const attempt = this.attempts[ordinal];
    if (attempt !== undefined) attempt.status = status;
  }

  end(ordinal: number, outcome: AttemptOutcome, nowMs: number): void {
    const attempt = this.attempts[ordinal];
    if (attempt === undefined) return;
    attempt.outcome = outcome;
    attempt.endedMs = nowMs;
  }

  failed(ordinal: number, failure: FailureClass): void {
    const attempt = this.attempts[ordinal];
    if (attempt !== undefined) attempt.failure = failure;
  }
}

export class Tracer {
  readonly #sink: SpanSink;
  readonly #sampleRatio: number;

  constructor(sink: SpanSink, sampleRatio: number) {
    this.#sink = sink;
    this.#sampleRatio = sampleRatio;
  }

  begin(fields: readonly string[], startedMs: number): RequestTrace {
    return new RequestTrace(fields, this.#sampleRatio, startedMs);
  }

  ended(trace: RequestTrace, request: TracedRequest): void {
    const isPlain = request.outcome === "ok" && trace.attempts.length <= 1;
    if (isPlain && !trace.isSampled) return;
    this.#sink.take([
      serverSpan(trace, request),
      ...trace.attempts.map((attempt, ordinal) => attemptSpan(trace, attempt, ordinal, request)),
    ]);
  }
}

function serverSpan(trace: RequestTrace, request: TracedRequest): FinishedSpan {
  const { traceId, spanId, parentSpanId, startedMs, traceState } = trace;
  const { client, failure, fields, outcome, requestId, status, vantage } = request;
  const isError = outcome === "failed" || outcome === "truncated" || status >= SERVER_ERROR;
  // What a trusted proxy in front was asked, otherwise what the gateway was.
  const { host, port } = addressOf(valueOf(fields, "x-forwarded-host") ?? "");
  return {
    traceId,
    spanId,
    parentSpanId,
    traceState,
    name: nameOf(request.method),
    kind: "server",
    startedMs,
    endedMs: request.endedMs,
    isError,
    attributes: {
      ...methodOf(request.method),
      "url.scheme": valueOf(fields, "x-forwarded-proto") ?? "http",
      "url.path": pathOf(request.path),
      ...(status === 0 ? {} : { "http.response.status_code": status }),
      ...(host === "" ? {} : { "server.address": host }),
      ...(port === undefined ? {} : { "server.port": port }),
      "client.address": client,
      ...(requestId === "" ? {} : { "anycastle.request_id": requestId }),
      "anycastle.vantage": vantage,
      "anycastle.outcome": outcome,
      ...(isError ? { "error.type": failure ?? String(status) } : {}),
    },
  };
}

/** An attempt that the gateway gave up because another one was faster is no error. */
function attemptSpan(
  trace: RequestTrace,
  attempt: TracedAttempt,
  ordinal: number,
  { endedMs, method, path }: TracedRequest,
): FinishedSpan {
  const { failure, node, outcome = "cancelled", spanId, status } = attempt;
  const hasFailed = FAILED.has(outcome);
  const isRefusal = status !== undefined && status >= CLIENT_ERROR;
  const isError = hasFailed || (isRefusal && outcome === "answered");
  const origin = node.url.replace(/\/$/, "");
  const { host, port } = addressOf(origin.slice(origin.indexOf("://") + 3));
  return {
    traceId: trace.traceId,
    spanId,
    parentSpanId: trace.spanId,
    traceState: trace.traceState,
    name: nameOf(method),
    kind: "client",
    startedMs: attempt.startedMs,
    endedMs: attempt.endedMs ?? endedMs,
    isError,
    attributes: {
      ...methodOf(method),
      "url.full": `${origin}${pathOf(path)}`,
      "server.address": host,
      ...(port === undefined ? {} : { "server.port": port }),
      ...(status === undefined ? {} : { "http.response.status_code": status }),
      ...(ordinal === 0 ? {} : { "http.request.resend_count": ordinal }),
      "anycastle.node": node.id,
      "anycastle.route": node.site,
      "anycastle.attempt.outcome": outcome,
      "anycastle.attempt.is_hedge": attempt.isHedge,
      ...(failure === undefined ? {} : { "anycastle.attempt.failure_class": failure }),
      ...(isError ? { "error.type": isRefusal ? String(status) : outcome } : {}),
    },
  };
}

/** Names of spans and values of attributes are few, whatever clients invent. */
function nameOf(method: string): string {
  return METHODS.includes(method) ? method : "HTTP";
}

function methodOf(method: string): Record<string, string> {
  if (METHODS.includes(method)) return { "http.request.method": method };
  return { "http.request.method": "_OTHER", "http.request.method_original": method };
}

/** `host[:port]`; the brackets of an IPv6 address belong to neither. */
function addressOf(authority: string): { readonly host: string; readonly port: number | undefined } {
  const [, host = "", port] = /^(.*?)(?::([0-9]{1,5}))?$/.exec(authority) ?? [];
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: port === undefined ? undefined : Number(port) };
}
