/**
 * Spans to an OpenTelemetry collector, by OTLP over HTTP. The SDK is loaded here and nowhere else, and only when it is wanted:
 * it costs 26 MB on disk and some 200 ms of a start.
 *
 * Nothing waits for the collector: spans queue up to `SPANS_WAITING_MAX`, what comes above is dropped and counted. While a
 * collector has refused batch after batch, spans are dropped before they are made, and one batch in a while tries it. Which
 * requests are told is decided before (`tracer.ts`); the SDK has no say in it, whatever its environment variables are.
 */
import type { Context } from "@opentelemetry/api";
import { after, nowMs, wallMs } from "#core/host/clock.ts";
import type { TracingConfig } from "../../config/tracing.ts";
import { CircuitBreakerOpenError, type NamedBreaker } from "../../named-breakers.ts";
import { LossReport } from "./loss-report.ts";
import type { FinishedSpan, SpanSink } from "./tracer.ts";

const SPANS_WAITING_MAX = 8_192;
type Exporter = import("@opentelemetry/exporter-trace-otlp-http").OTLPTraceExporter;
type Spans = Parameters<Exporter["export"]>[0];
type ExportResult = Parameters<Parameters<Exporter["export"]>[1]>[0];

/** `ExportResultCode.FAILED` of the SDK's own core, which is no dependency of ours for the sake of a number. */
// oxlint-disable-next-line typescript/no-unsafe-enum-assignment
const EXPORT_FAILED = 1 as ExportResult["code"];
/** How long the end of the gateway waits for a collector that takes nothing. */
const CLOSE_MS_MAX = 2_000;
/** Of a value, a path for one: what a client sends is kept once or twice for each span that waits. */
const VALUE_CHARS_MAX = 2_048;

export const SPAN_RESULTS = ["exported", "failed", "dropped"] as const;

export type SpanCounts = Record<(typeof SPAN_RESULTS)[number], number>;

export interface OtlpSink extends SpanSink {
  readonly counts: SpanCounts;
  /** Sends what waits, within `CLOSE_MS_MAX`. */
  close(): Promise<void>;
}

type Api = typeof import("@opentelemetry/api");

export interface OtlpOptions {
  readonly version: string;
  /** Around each batch. */
  readonly breaker: NamedBreaker;
  /** So many spans have not reached the collector; told once a minute at most. */
  readonly onLost: (count: number, reason: string) => void;
}

export async function openOtlp(
  { batchMs, otlp, serviceName }: TracingConfig,
  { breaker, onLost, version }: OtlpOptions,
): Promise<OtlpSink> {
  const counts: SpanCounts = { exported: 0, failed: 0, dropped: 0 };
  const report = new LossReport();
  const [{ NodeSDK }, { OTLPTraceExporter }, { AlwaysOnSampler, BatchSpanProcessor }, resources, api] =
    await Promise.all([
      import("@opentelemetry/sdk-node"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/resources"),
      import("@opentelemetry/api"),
    ]);
  const exporter = new OTLPTraceExporter({
    url: `${otlp.endpoint.replace(/\/$/, "")}/v1/traces`,
    timeoutMillis: otlp.timeoutMs,
  });
  let waiting = 0;
  let isClosed = false;
  let lastReason = "";
  /** Why the collector did not take the last batch that it was given. */
  let refusal = "";
  const againAndAgain = (): string => `${refusal}, again and again`;
  const lose = (how: "failed" | "dropped", count: number, reason: string): void => {
    counts[how] += count;
    lastReason = reason;
    const told = report.add(count, nowMs());
    if (told > 0 && !isClosed) onLost(told, reason);
  };
  /** Ids are known before their spans are made. */
  let next: { readonly traceId: string; readonly spanId: string } | undefined;
  const counting: typeof exporter = Object.assign(Object.create(exporter) as typeof exporter, {
    export: (...[spans, done]: Parameters<typeof exporter.export>) => {
      void guarded(exporter, spans, breaker).then((result) => {
        waiting -= spans.length;
        const { error } = result;
        if (error === undefined) counts.exported += spans.length;
        else if (error instanceof CircuitBreakerOpenError) lose("dropped", spans.length, againAndAgain());
        else lose("failed", spans.length, (refusal = reasonOf(error)));
        done(result);
      });
    },
  });
  api.trace.disable();
  const sdk = new NodeSDK({
    autoDetectResources: false,
    instrumentations: [],
    resource: resources.resourceFromAttributes({ "service.name": serviceName, "service.version": version }),
    idGenerator: { generateTraceId: () => next!.traceId, generateSpanId: () => next!.spanId },
    // Without it OTEL_TRACES_SAMPLER would choose once more, and among those that failed.
    sampler: new AlwaysOnSampler(),
    spanLimits: { attributeValueLengthLimit: VALUE_CHARS_MAX },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: counting,
        maxQueueSize: 2 * SPANS_WAITING_MAX,
        scheduledDelayMillis: batchMs,
        exportTimeoutMillis: otlp.timeoutMs,
      }),
    ],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const tracer = api.trace.getTracer("anycastle-gateway", version);
  /** False: the SDK takes none (OTEL_SDK_DISABLED). `offsetMs`: from the gateway's clock to the time of day. */
  const make = (span: FinishedSpan, offsetMs: number): boolean => {
    next = span;
    const kind = span.kind === "server" ? api.SpanKind.SERVER : api.SpanKind.CLIENT;
    const startTime = span.startedMs + offsetMs;
    const options = { kind, startTime, attributes: span.attributes };
    const made = tracer.startSpan(span.name, options, parentOf(api, span));
    if (!made.isRecording()) return false;
    if (span.isError) made.setStatus({ code: api.SpanStatusCode.ERROR });
    made.end(span.endedMs + offsetMs);
    return true;
  };
  return {
    counts,
    take: (spans) => {
      if (breaker.isOpen) return lose("dropped", spans.length, againAndAgain());
      if (waiting + spans.length > SPANS_WAITING_MAX) {
        return lose("dropped", spans.length, `${waiting} wait for it already`);
      }
      // Anew each time: the time of day may be set.
      const offsetMs = wallMs() - nowMs();
      for (const span of spans) {
        // Before it is made: a full batch leaves at once.
        waiting += 1;
        if (make(span, offsetMs)) continue;
        waiting -= 1;
        lose("dropped", 1, "the SDK takes none");
      }
    },
    close: async () => {
      const { promise: tooLong, resolve } = Promise.withResolvers<void>();
      const timer = after(CLOSE_MS_MAX, resolve);
      // What went wrong with the last batches the exporter has told.
      await Promise.race([sdk.shutdown().catch(() => undefined), tooLong]);
      timer.cancel();
      isClosed = true;
      const left = waiting + report.rest();
      if (left > 0) onLost(left, waiting > 0 ? "the gateway ended first" : lastReason);
    },
  };
}

/** One batch through the breaker. Never rejects: what went wrong is in the result. */
async function guarded(exporter: Exporter, spans: Spans, breaker: NamedBreaker): Promise<ExportResult> {
  const exported = (): Promise<ExportResult> =>
    new Promise((resolve, reject) => {
      exporter.export(spans, (result) => {
        if (result.error === undefined) resolve(result);
        else reject(result.error);
      });
    });
  try {
    return await breaker.execute(exported);
  } catch (error) {
    return { code: EXPORT_FAILED, error: error as Error };
  }
}

/** The caller's span for a request, the request's own for an attempt. */
function parentOf(api: Api, { kind, parentSpanId, traceId, traceState }: FinishedSpan): Context {
  if (parentSpanId === undefined) return api.ROOT_CONTEXT;
  return api.trace.setSpanContext(api.ROOT_CONTEXT, {
    traceId,
    spanId: parentSpanId,
    traceFlags: api.TraceFlags.SAMPLED,
    isRemote: kind === "server",
    ...(traceState === undefined ? {} : { traceState: api.createTraceState(traceState) }),
  });
}

/** OTLPExporterError has the collector's answer in `data`, which may be long; ECONNREFUSED stands in a code alone. */
function reasonOf(error: Error & { readonly code?: unknown }): string {
  const { code, message } = error;
  return message === "" ? String(code) : message;
}
