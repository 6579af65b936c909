/** Traces: what nodes hear of them, what a collector gets, and what costs nobody anything when it is away. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { readdirSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { formatTraceparent, isChosen, parseTraceparent } from "#gateway/telemetry/tracing/trace-context.ts";
import { ask, reset, until, withStand, type Stand } from "./stand.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";

test.each([
  [`00-${TRACE}-${CALLER}-01`, true],
  [`00-${TRACE}-${CALLER}-00`, false],
  [`00-${TRACE}-${CALLER}-03`, true],
  [`cc-${TRACE}-${CALLER}-01-what-ever`, true],
])("%s is gone on with", (text, isSampled) => {
  expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: CALLER, isSampled });
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
  const context = { traceId: TRACE, spanId: CALLER, isSampled: true };
  expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
  expect([isChosen(TRACE, 0), isChosen(TRACE, 1)]).toEqual([false, true]);
  const prng = new Prng(1);
  const word = (): string => prng.uint32().toString(16).padStart(8, "0");
  const ids = Array.from({ length: 2_000 }, () => word() + word() + word() + word());
  const chosen = ids.filter((id) => isChosen(id, 0.25)).length;
  expect(Math.abs(chosen - 500)).toBeLessThan(80);
});

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly status: { readonly code?: number };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

/** Takes OTLP as JSON. */
class Collector {
  readonly spans: Span[] = [];
  readonly services = new Set<unknown>();
  readonly #server: Server = createServer((request, response) => {
    void this.#take(request).then(() =>
      response.writeHead(200, { "content-type": "application/json" }).end("{}"),
    );
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request: IncomingMessage): Promise<void> {
    expect([request.method, request.url]).toEqual(["POST", "/v1/traces"]);
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { resourceSpans } = JSON.parse(text) as {
      resourceSpans: {
        resource: { attributes: Span["attributes"] };
        scopeSpans: { spans: Span[] }[];
      }[];
    };
    for (const { resource, scopeSpans } of resourceSpans) {
      this.services.add(attribute(resource, "service.name"));
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
  }
}

function attribute({ attributes }: Pick<Span, "attributes">, key: string): unknown {
  const value = attributes.find((each) => each.key === key)?.value;
  return value === undefined ? undefined : Object.values(value)[0];
}

async function withCollector(
  tracing: object,
  work: (stand: Stand, collector: Collector) => Promise<void>,
  sites: Record<string, number> = { ny1: 1, la1: 1 },
): Promise<void> {
  const collector = new Collector();
  const endpoint = await collector.start();
  try {
    const document = { tracing: { otlp: { endpoint }, ...tracing } };
    await withStand({ sites, document }, (stand) => work(stand, collector));
  } finally {
    collector.stop();
  }
}

function traceparents({ nodes }: Stand): string[] {
  return nodes.flatMap(({ seen }) =>
    seen.map(({ rawHeaders }) => rawHeaders[rawHeaders.indexOf("traceparent") + 1]!),
  );
}

test("a request and its attempts are spans of the caller's trace, and nodes hear which is theirs", async () => {
  await withCollector({ sampleRatio: 0, serviceName: "edge" }, async (stand, collector) => {
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
    ).toEqual(["GET", "/x", "y=1", 200]);
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
  await withCollector({ sampleRatio: 0 }, async (stand, collector) => {
    for (let count = 0; count < 5; count++) await ask(stand.port);
    expect(traceparents(stand).every((text) => text.endsWith("-00"))).toBe(true);
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
  await withCollector({ sampleRatio: 1 }, async (stand, collector) => {
    for (let count = 0; count < 5; count++) await ask(stand.port);
    await until(() => collector.spans.length === 10);
    expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(5);
  });
});

test("a collector that is away costs no request anything; what waits is told at the end", async () => {
  await withCollector({ sampleRatio: 1 }, async (stand, collector) => {
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

test("Server-Timing: when it is asked for, or always, beside the node's own", async () => {
  const timing = /^gateway;dur=[\d.]+, node;desc="ny1-1";dur=[\d.]+, attempts;desc="1"$/;
  await withStand({ sites: { ny1: 1 }, document: { serverTiming: "on-request" } }, async ({ port }) => {
    expect((await ask(port)).headers["server-timing"]).toBe(undefined);
    expect((await ask(port, { headers: { "x-server-timing": "1" } })).headers["server-timing"]).toMatch(
      timing,
    );
  });
  await withStand({ sites: { ny1: 1 }, document: { serverTiming: "always" } }, async ({ nodes, port }) => {
    nodes[0]!.handler = (_request, response) =>
      response.writeHead(200, { "server-timing": "db;dur=5" }).end();
    const { rawHeaders } = await ask(port);
    const values = rawHeaders.filter((_, index) => rawHeaders[index - 1]?.toLowerCase() === "server-timing");
    expect(values).toEqual(["db;dur=5", expect.stringMatching(timing)]);
  });
});

test("the SDK is loaded by those who trace, and by nobody else", () => {
  const root = join(import.meta.dirname, "../../gateway");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const statically = files.filter((name) =>
    /from "@opentelemetry/.test(readFileSync(join(root, name), "utf8")),
  );
  expect(statically).toEqual([]);
});
