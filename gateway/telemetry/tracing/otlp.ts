/**
 * Spans to an OpenTelemetry collector, by OTLP over HTTP. The SDK is loaded here and nowhere else, and only when it is wanted:
 * it costs 26 MB on disk and some 200 ms of a start.
 *
 * Nothing waits for the collector: spans queue up to `SPANS_WAITING_MAX`, what comes above is dropped and counted.
 */
import { nowMs, wallMs } from "#core/host/clock.ts";
import { messageOf } from "#core/errors.ts";
import type { TracingConfig } from "../../config/tracing.ts";
import type { FinishedSpan, SpanSink } from "./tracer.ts";

const SPANS_WAITING_MAX = 8_192;
const BATCH_MS = 1_000;
const EXPORT_MS_MAX = 5_000;
/** Of a value, a path for one: what a client sends is kept with each span that waits. */
const VALUE_CHARS_MAX = 2_048;

export const SPAN_RESULTS = ["exported", "failed", "dropped"] as const;

export type SpanCounts = Record<(typeof SPAN_RESULTS)[number], number>;

export interface OtlpSink extends SpanSink {
  readonly counts: SpanCounts;
  /** Sends what waits, within `EXPORT_MS_MAX`. */
  close(): Promise<void>;
}

export async function openOtlp({ otlp, serviceName }: TracingConfig, version: string): Promise<OtlpSink> {
  const counts: SpanCounts = { exported: 0, failed: 0, dropped: 0 };
  const [
    { NodeSDK },
    { OTLPTraceExporter },
    { AlwaysOnSampler, BatchSpanProcessor },
    { resourceFromAttributes },
    api,
  ] = await Promise.all([
    import("@opentelemetry/sdk-node"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/api"),
  ]);
  const exporter = new OTLPTraceExporter({
    url: `${otlp.endpoint.replace(/\/$/, "")}/v1/traces`,
    timeoutMillis: EXPORT_MS_MAX,
  });
  let waiting = 0;
  /** Ids are known before their spans are made. */
  let next: { readonly traceId: string; readonly spanId: string } | undefined;
  const counting: typeof exporter = Object.assign(Object.create(exporter) as typeof exporter, {
    export: (...[spans, done]: Parameters<typeof exporter.export>) =>
      exporter.export(spans, (result) => {
        waiting -= spans.length;
        counts[result.error === undefined ? "exported" : "failed"] += spans.length;
        done(result);
      }),
  });
  api.trace.disable();
  const sdk = new NodeSDK({
    autoDetectResources: false,
    instrumentations: [],
    resource: resourceFromAttributes({ "service.name": serviceName, "service.version": version }),
    idGenerator: { generateTraceId: () => next!.traceId, generateSpanId: () => next!.spanId },
    // Without it OTEL_TRACES_SAMPLER would choose once more, and among those that failed.
    sampler: new AlwaysOnSampler(),
    spanLimits: { attributeValueLengthLimit: VALUE_CHARS_MAX },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: counting,
        maxQueueSize: 2 * SPANS_WAITING_MAX,
        scheduledDelayMillis: BATCH_MS,
        exportTimeoutMillis: EXPORT_MS_MAX,
      }),
    ],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const tracer = api.trace.getTracer("anycastle-gateway", version);
  const offsetMs = wallMs() - nowMs();
  const make = (span: FinishedSpan): void => {
    const { traceId, spanId, parentSpanId } = span;
    next = { traceId, spanId };
    const parent =
      parentSpanId === undefined
        ? api.ROOT_CONTEXT
        : api.trace.setSpanContext(api.ROOT_CONTEXT, {
            traceId,
            spanId: parentSpanId,
            traceFlags: api.TraceFlags.SAMPLED,
            isRemote: true,
          });
    const made = tracer.startSpan(
      span.name,
      {
        kind: span.kind === "server" ? api.SpanKind.SERVER : api.SpanKind.CLIENT,
        startTime: span.startedMs + offsetMs,
        attributes: span.attributes,
      },
      parent,
    );
    if (span.isError) made.setStatus({ code: api.SpanStatusCode.ERROR });
    made.end(span.endedMs + offsetMs);
  };
  return {
    counts,
    take: (spans) => {
      if (waiting + spans.length > SPANS_WAITING_MAX) {
        counts.dropped += spans.length;
        return;
      }
      waiting += spans.length;
      for (const span of spans) make(span);
    },
    close: async () => {
      await sdk.shutdown().catch((error: unknown) => process.stderr.write(`traces: ${messageOf(error)}\n`));
    },
  };
}
