/** Spans that the collector does not get: none of them is lost by the SDK's own choice, and none without a word. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import type { TracingConfig } from "#gateway/config/tracing.ts";
import { NamedBreakers } from "#gateway/named-breakers.ts";
import { LossReport } from "#gateway/telemetry/tracing/loss-report.ts";
import { openOtlp, type OtlpOptions } from "#gateway/telemetry/tracing/otlp.ts";
import type { FinishedSpan } from "#gateway/telemetry/tracing/tracer.ts";
import { Collector, SOON, spansOf, withCollector } from "./collector.ts";
import { ask, reset, startStand, until, withStand, type Stand } from "./stand.ts";

const TOUCHED = ["OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_SDK_DISABLED"];

afterEach(() => {
  vi.useRealTimers();
  for (const name of TOUCHED) delete process.env[name];
});

const WAITING_MAX = 8_192;
const SPAN: FinishedSpan = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  parentSpanId: undefined,
  traceState: undefined,
  name: "GET",
  kind: "server",
  startedMs: 1,
  endedMs: 2,
  isError: false,
  attributes: {},
};

async function metricsOf({ gateway }: Stand): Promise<string> {
  return await (await fetch(`${gateway.adminUrl}/metrics`)).text();
}

test.each(["always_off", "traceidratio", "parentbased_traceidratio"])(
  "what failed is told, whatever the SDK makes of OTEL_TRACES_SAMPLER=%s",
  async (sampler) => {
    process.env["OTEL_TRACES_SAMPLER"] = sampler;
    process.env["OTEL_TRACES_SAMPLER_ARG"] = "0";
    const spans = await spansOf({ sampleRatio: 0 }, async (stand) => {
      stand.node("ny1-1").handler = reset;
      await ask(stand.port);
    });
    expect(spans.length).toBe(3);
  },
);

test("with the SDK switched off every span counts as dropped, not as waiting", async () => {
  process.env["OTEL_SDK_DISABLED"] = "true";
  await withCollector({ sampleRatio: 1 }, async (stand, collector) => {
    await ask(stand.port);
    expect(await metricsOf(stand)).toContain('anycastle_trace_spans_total{result="dropped"} 2');
    expect(collector.spans).toEqual([]);
    expect(stand.events.filter(({ kind }) => kind === "gateway.traces")).toEqual([
      { kind: "gateway.traces", lost: 1, reason: "the SDK takes none" },
    ]);
  });
});

test("losses are told at once, then together, once a minute at most", () => {
  const report = new LossReport();
  expect(report.add(5, 1_000)).toBe(5);
  expect([report.add(1, 1_001), report.add(2, 60_999)]).toEqual([0, 0]);
  expect(report.add(4, 61_000)).toBe(7);
  expect(report.add(3, 61_001)).toBe(0);
  expect([report.rest(), report.rest()]).toEqual([3, 0]);
});

test("a collector that refuses is told of once, with its reason, and what is left at the end", async () => {
  const refusing = createServer((_request, response) => response.writeHead(400).end("no\n"));
  const endpoint = await addressOf(refusing);
  const stand = await startStand({ document: { tracing: { ...SOON, otlp: { endpoint }, sampleRatio: 1 } } });
  const told = () => stand.events.filter((event) => event.kind === "gateway.traces");
  await ask(stand.port);
  await until(() => told().length === 1);
  expect(told()[0]).toEqual({ kind: "gateway.traces", lost: 2, reason: "Bad Request" });
  await ask(stand.port);
  await until(async () => (await metricsOf(stand)).includes('result="failed"} 4'));
  expect(told().length).toBe(1);
  const breakers = await fetch(`${stand.gateway.adminUrl}/health/circuit-breakers`);
  expect(await breakers.json()).toEqual({
    breakers: [{ name: "otlp-collector", state: "closed", calls: 2, failed: 2, slow: 0, retryAfterMs: 0 }],
  });
  await stand.close();
  expect(told().slice(1)).toEqual([{ kind: "gateway.traces", lost: 2, reason: "Bad Request" }]);
  refusing.close();
});

test("a collector that never answers keeps nobody from ending for longer than two seconds", async () => {
  const silent = createServer(() => undefined);
  const lost: [number, string][] = [];
  const sink = await openOtlp(await configOf(silent), optionsOf(lost));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  sink.take([SPAN]);
  const closed = sink.close();
  // Before the exporter gives up by itself, which is after five.
  await vi.advanceTimersByTimeAsync(2_000);
  await closed;
  expect(lost).toEqual([[1, "the gateway ended first"]]);
  silent.closeAllConnections();
  silent.close();
});

test("more than may wait is dropped, counted and told", async () => {
  const silent = createServer(() => undefined);
  const lost: [number, string][] = [];
  const sink = await openOtlp(await configOf(silent), optionsOf(lost));
  for (let count = 0; count < WAITING_MAX / 2; count++) sink.take([SPAN, SPAN]);
  expect(sink.counts.dropped).toBe(0);
  sink.take([SPAN, SPAN]);
  expect(sink.counts).toEqual({ exported: 0, failed: 0, dropped: 2 });
  expect(lost).toEqual([[2, "8192 wait for it already"]]);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const closed = sink.close();
  await vi.advanceTimersByTimeAsync(2_000);
  await closed;
  expect(lost[1]).toEqual([WAITING_MAX, "the gateway ended first"]);
  silent.closeAllConnections();
  silent.close();
});

test("a collector that comes back gets what comes then", async () => {
  const collector = new Collector();
  let isAway = true;
  const inFront = createServer((request, response) => {
    if (isAway) return void response.writeHead(400).end();
    void fetch(`${behind}${request.url}`, {
      method: "POST",
      body: request,
      duplex: "half",
      headers: { "content-type": "application/json" },
    }).then(() => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
  });
  const behind = await collector.start();
  const endpoint = await addressOf(inFront);
  const document = { tracing: { ...SOON, otlp: { endpoint }, sampleRatio: 1 } };
  await withStand({ document }, async (stand) => {
    await ask(stand.port);
    await until(async () => (await metricsOf(stand)).includes('result="failed"} 2'));
    isAway = false;
    await ask(stand.port);
    await until(() => collector.spans.length > 0);
  });
  expect(collector.spans.length).toBe(2);
  collector.stop();
  inFront.close();
});

test("a collector that refuses batch after batch is left alone for a while, then tried with one", async () => {
  let asked = 0;
  let isAway = true;
  const collector = createServer((request, response) => {
    asked += 1;
    request.resume();
    response.writeHead(isAway ? 400 : 200, { "content-type": "application/json" }).end("{}");
  });
  const lost: [number, string][] = [];
  let nowMs = 0;
  const sink = await openOtlp(
    await configOf(collector),
    optionsOf(lost, () => nowMs),
  );
  const send = async (): Promise<void> => {
    const { exported, failed } = sink.counts;
    sink.take([SPAN]);
    await until(() => sink.counts.exported + sink.counts.failed === exported + failed + 1);
  };
  await send();
  await send();
  expect([asked, sink.counts]).toEqual([2, { exported: 0, failed: 2, dropped: 0 }]);
  sink.take([SPAN, SPAN]);
  nowMs = 9_999;
  sink.take([SPAN]);
  expect([asked, sink.counts]).toEqual([2, { exported: 0, failed: 2, dropped: 3 }]);
  nowMs = 10_000;
  await send();
  expect([asked, sink.counts.failed]).toEqual([3, 3]);
  sink.take([SPAN]);
  expect(sink.counts.dropped).toBe(4);
  isAway = false;
  nowMs = 20_000;
  await send();
  await send();
  expect([asked, sink.counts]).toEqual([5, { exported: 2, failed: 3, dropped: 4 }]);
  await sink.close();
  expect(lost).toEqual([
    [1, "Bad Request"],
    [6, "Bad Request, again and again"],
  ]);
  collector.close();
});

function optionsOf(lost: [number, string][], nowMs: () => number = () => 0): OtlpOptions {
  const breaker = new NamedBreakers(nowMs).get("collector", { failureThreshold: 2, timeoutMs: 10_000 });
  return { version: "1", breaker, onLost: (...told) => lost.push(told) };
}

async function configOf(collector: Server): Promise<TracingConfig> {
  const otlp = { endpoint: await addressOf(collector), timeoutMs: 5_000 };
  return { batchMs: 1_000, otlp, sampleRatio: 1, serviceName: "edge" };
}

async function addressOf(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
