/**
 * Traces of requests: a span for each request and one for each attempt, made when the request has ended, for only then is it
 * known whether it failed or was repeated: those are always told, of the others a share, or what the caller recorded.
 *
 * Names are those of OpenTelemetry's conventions for HTTP; ids are chosen here, since nodes must hear them before there is a
 * span. Where spans go is somebody else's (`SpanSink`).
 */
import { randomHex } from "#core/host/random.ts";
import { valueOf, without } from "../../forward/fields.ts";
import type { AttemptOutcome, RequestOutcome } from "../telemetry.ts";
import { formatTraceparent, isChosen, parseTraceparent } from "./trace-context.ts";

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const TRACEPARENT = "traceparent";
const REPLACED: ReadonlySet<string> = new Set([TRACEPARENT]);

export type SpanKind = "server" | "client";

export interface FinishedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
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
  status: number | undefined;
}

export interface TracedRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly client: string;
  readonly vantage: string;
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
  readonly isSampled: boolean;
  readonly startedMs: number;
  readonly attempts: TracedAttempt[] = [];

  constructor(traceparent: string | undefined, sampleRatio: number, startedMs: number) {
    const parent = parseTraceparent(traceparent);
    this.traceId = parent?.traceId ?? randomHex(TRACE_ID_BYTES);
    this.parentSpanId = parent?.spanId;
    this.spanId = randomHex(SPAN_ID_BYTES);
    this.isSampled = parent?.isSampled ?? isChosen(this.traceId, sampleRatio);
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
      status: undefined,
    });
    const own = without(fields, REPLACED);
    const { isSampled, traceId } = this;
    own.push(TRACEPARENT, formatTraceparent({ traceId, spanId, isSampled }));
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
}

export class Tracer {
  readonly #sink: SpanSink;
  readonly #sampleRatio: number;

  constructor(sink: SpanSink, sampleRatio: number) {
    this.#sink = sink;
    this.#sampleRatio = sampleRatio;
  }

  begin(fields: readonly string[], startedMs: number): RequestTrace {
    return new RequestTrace(valueOf(fields, TRACEPARENT), this.#sampleRatio, startedMs);
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
  const { traceId, spanId, parentSpanId, startedMs } = trace;
  const { authority, client, failure, method, outcome, requestId, status, vantage } = request;
  const [path = "", query] = request.path.split("?", 2);
  const isError = outcome === "failed" || outcome === "truncated" || status >= 500;
  return {
    traceId,
    spanId,
    parentSpanId,
    name: method,
    kind: "server",
    startedMs,
    endedMs: request.endedMs,
    isError,
    attributes: {
      "http.request.method": method,
      "url.scheme": "http",
      "url.path": path,
      ...(query === undefined ? {} : { "url.query": query }),
      ...(status === 0 ? {} : { "http.response.status_code": status }),
      "server.address": authority,
      "client.address": client,
      "anycastle.request_id": requestId,
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
  const { node, outcome = "cancelled", spanId, status } = attempt;
  const isError = ["refused", "reset", "timeout", "broken", "status", "changed"].includes(outcome);
  const { hostname, port } = new URL(node.url);
  return {
    traceId: trace.traceId,
    spanId,
    parentSpanId: trace.spanId,
    name: method,
    kind: "client",
    startedMs: attempt.startedMs,
    endedMs: attempt.endedMs ?? endedMs,
    isError,
    attributes: {
      "http.request.method": method,
      "url.full": `${node.url.replace(/\/$/, "")}${path}`,
      "server.address": hostname,
      "server.port": Number(port),
      ...(status === undefined ? {} : { "http.response.status_code": status }),
      ...(ordinal === 0 ? {} : { "http.request.resend_count": ordinal }),
      "anycastle.node": node.id,
      "anycastle.route": node.site,
      "anycastle.attempt.outcome": outcome,
      "anycastle.attempt.is_hedge": attempt.isHedge,
      ...(isError ? { "error.type": outcome } : {}),
    },
  };
}
