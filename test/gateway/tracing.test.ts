/** Traces: what nodes hear of them, what a collector gets, and what costs nobody anything when it is away. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { formatTraceparent, isChosen, parseTraceparent } from "#gateway/telemetry/tracing/trace-context.ts";
import { attribute, Collector, SOON, traceparents, withCollector, type Span } from "./collector.ts";
import { ask, reset, until, withStand } from "./stand.ts";
import { freePort } from "../free-port.ts";

const CAST = fileURLToPath(new URL("../../bin/cast.js", import.meta.url));
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";

test.each([
  [`00-${TRACE}-${CALLER}-01`, true, false],
  [`00-${TRACE}-${CALLER}-00`, false, false],
  [`00-${TRACE}-${CALLER}-02`, false, true],
  [`00-${TRACE}-${CALLER}-03`, true, true],
  [`00-${TRACE}-${CALLER}-fd`, true, false],
  [`cc-${TRACE}-${CALLER}-01-what-ever`, true, false],
])("%s is gone on with", (text, isSampled, isRandom) => {
  expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: CALLER, isSampled, isRandom });
});

test.each([
  undefined,
  "",
  `00-${TRACE}-${CALLER}-01-more`,
  `ff-${TRACE}-${CALLER}-01`,
  `00-${TRACE.toUpperCase()}-${CALLER}-01`,
  `00-${"0".repeat(32)}-${CALLER}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE}-${CALLER}`,
  `00-${TRACE}-${CALLER}-0`,
  ` 00-${TRACE}-${CALLER}-01`,
])("%s is none", (text) => expect(parseTraceparent(text)).toBe(undefined));

test("written as it is read, and chosen by the trace alone", () => {
  for (const [isSampled, isRandom] of [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ] as const) {
    const context = { traceId: TRACE, spanId: CALLER, isSampled, isRandom };
    expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
  }
  expect([isChosen(TRACE, 0), isChosen(TRACE, 1)]).toEqual([false, true]);
  const prng = new Prng(1);
  const word = (): string => prng.uint32().toString(16).padStart(8, "0");
  const ids = Array.from({ length: 2_000 }, () => word() + word() + word() + word());
  const chosen = ids.filter((id) => isChosen(id, 0.25)).length;
  expect(Math.abs(chosen - 500)).toBeLessThan(80);
});

test("a request and its attempts are spans of the caller's trace, and nodes hear which is theirs", async () => {
  await withCollector({ ...SOON, sampleRatio: 0, serviceName: "edge" }, async (stand, collector) => {
    stand.node("ny1-1").handler = reset;
    const headers = { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: "a=b" };
    expect((await ask(stand.port, { path: "/x?y=1", headers })).status).toBe(200);
    await until(() => collector.spans.length === 3);
    const [request, ...attempts] = collector.spans.toSorted((one, other) => one.kind - other.kind);
    expect(request).toMatchObject({ traceId: TRACE, parentSpanId: CALLER, kind: 2 });
    expect(
      attempts.every(({ traceId, parentSpanId }) => traceId === TRACE && parentSpanId === request!.spanId),
    ).toBe(true);
    expect(traceparents(stand)).toEqual(attempts.map(({ spanId }) => `00-${TRACE}-${spanId}-01`));
    expect(stand.node("la1-1").seen[0]!.rawHeaders).toContain("a=b");
    expect([...collector.services]).toEqual(["edge"]);
    const told = (span: Span, ...keys: readonly string[]): unknown[] =>
      keys.map((key) => attribute(span, key));
    expect(
      told(request!, "http.request.method", "url.path", "url.query", "http.response.status_code"),
    ).toEqual(["GET", "/x", undefined, 200]);
    expect(attribute(request!, "anycastle.outcome")).toBe("rescued");
    expect(
      attempts.map((span) => told(span, "anycastle.node", "anycastle.attempt.outcome", "error.type")),
    ).toEqual([
      ["ny1-1", "reset", "reset"],
      ["la1-1", "answered", undefined],
    ]);
    expect(attempts.map((span) => attribute(span, "http.request.resend_count"))).toEqual([undefined, 1]);
    expect(attempts.map(({ status }) => status.code ?? 0)).toEqual([2, 0]);
    for (const { startTimeUnixNano, endTimeUnixNano } of collector.spans) {
      expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true);
    }
  });
});

test("of those that went well a share; those that failed or were repeated all, and nodes are told which", async () => {
  await withCollector({ ...SOON, sampleRatio: 0 }, async (stand, collector) => {
    for (let count = 0; count < 5; count++) await ask(stand.port);
    expect(traceparents(stand).every((text) => text.endsWith("-02"))).toBe(true);
    for (const node of stand.nodes) node.handler = reset;
    expect((await ask(stand.port)).status).toBe(502);
    await until(() => collector.spans.length === 3);
    const request = collector.spans.find(({ kind }) => kind === 2)!;
    expect([request.status.code, attribute(request, "error.type"), request.parentSpanId ?? ""]).toEqual([
      2,
      expect.stringMatching(/^[CD]; cause=reset$/),
      "",
    ]);
    const metrics = await (await fetch(`${stand.gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('anycastle_trace_spans_total{result="exported"} 3');
  });
  await withCollector({ ...SOON, sampleRatio: 1 }, async (stand, collector) => {
    for (let count = 0; count < 5; count++) await ask(stand.port);
    await until(() => collector.spans.length === 10);
    expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(5);
  });
});

test("a collector that is away costs no request anything; what waits is told at the end", async () => {
  // Its exporter tries again and again within `timeoutMs`.
  await withCollector({ ...SOON, otlp: { timeoutMs: 300 }, sampleRatio: 1 }, async (stand, collector) => {
    collector.stop();
    for (let count = 0; count < 5; count++) expect((await ask(stand.port)).status).toBe(200);
    await until(async () =>
      (await (await fetch(`${stand.gateway.adminUrl}/metrics`)).text()).includes('result="failed"} 10'),
    );
  });
  const collector = new Collector();
  const endpoint = await collector.start();
  await withStand({ document: { tracing: { otlp: { endpoint }, sampleRatio: 1 } } }, async (stand) => {
    await ask(stand.port);
  });
  expect(collector.spans.length).toBe(2);
  collector.stop();
});

test("without `tracing` a caller's field passes as it is, and nothing is counted", async () => {
  await withStand({ sites: { ny1: 1 } }, async (stand) => {
    const traceparent = `00-${TRACE}-${CALLER}-01`;
    await ask(stand.port, { headers: { traceparent } });
    expect(traceparents(stand)).toEqual([traceparent]);
    expect(await (await fetch(`${stand.gateway.adminUrl}/metrics`)).text()).not.toContain("trace_spans");
  });
});

/** Tells of each module of OpenTelemetry that a process loads, by whomever. */
const SPY = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  registerHooks({ resolve(name, context, next) {
    if (name.startsWith("@opentelemetry/")) process.stderr.write("loaded " + name + "\\n");
    return next(name, context);
  } });
`)}`;

test.each([
  // prom-client loads the interfaces, which do nothing by themselves.
  ["no more than the interfaces", {}, ["api"]],
  [
    "the SDK too, where it traces",
    { tracing: { otlp: { endpoint: "http://127.0.0.1:1" } } },
    expect.arrayContaining(["api", "sdk-node", "sdk-trace", "exporter-trace-otlp-http"]),
  ],
])("of OpenTelemetry a gateway process loads %s", async (_, more, expected) => {
  const child = spawn(process.execPath, ["--import", SPY, CAST, "gateway"], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const exited = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  let [events, log] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (events += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const sites = [{ id: "a", nodes: [{ id: "a1", url: "http://127.0.0.1:1" }] }];
  const document = { listen: `127.0.0.1:${await freePort()}`, admin: "off", sites, ...more };
  child.stdin.write(`${JSON.stringify({ process: "gateway", document, adminToken: "t" })}\n`);
  await until(() => events.includes("process.ready") || child.exitCode !== null);
  child.kill("SIGKILL");
  await exited;
  expect(events).toContain("process.ready");
  const loaded = [...log.matchAll(/^loaded @opentelemetry\/([^/\n]+)/gm)].map((match) => match[1]!);
  expect([...new Set(loaded)]).toEqual(expected);
});
