/** What spans say: names and values of OpenTelemetry's conventions for HTTP, W3C's rules of who goes on with what. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { attribute, Collector, spansOf, traceparents, type Span } from "./collector.ts";
import { ask, hang, reset, withGateway, type Stand } from "./stand.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";
const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;

function serverOf(spans: readonly Span[]): Span {
  return spans.find(({ kind }) => kind === SERVER)!;
}

function attemptsOf(spans: readonly Span[]): Span[] {
  const attempts = spans.filter(({ kind }) => kind === CLIENT);
  return attempts.toSorted((one, other) => countOf(one) - countOf(other));
}

function countOf(span: Span): number {
  return Number(attribute(span, "http.request.resend_count") ?? 0);
}

function told(span: Span, ...keys: readonly string[]): unknown[] {
  return keys.map((key) => attribute(span, key));
}

test.each([
  ["one that breaks a rule", { traceparent: `00-${TRACE}-${CALLER}` }],
  ["none", {}],
])("with %s the trace begins here, and what was said of another one does not go on", async (_, headers) => {
  const spans = await spansOf({ sampleRatio: 1 }, async (stand) => {
    await ask(stand.port, { headers: { ...headers, tracestate: "a=b" } });
    expect(stand.node("ny1-1").seen[0]!.rawHeaders).not.toContain("tracestate");
    const [traceparent] = traceparents(stand);
    expect(traceparent).toMatch(new RegExp(`^00-(?!${TRACE})[0-9a-f]{32}-[0-9a-f]{16}-03$`));
  });
  expect(spans.map(({ traceState = "" }) => traceState)).toEqual(["", ""]);
});

test("two fields are none", async () => {
  const spans = await spansOf({ sampleRatio: 1 }, async (stand) => {
    const traceparent = `00-${TRACE}-${CALLER}-01`;
    const twice = [traceparent, traceparent] as unknown as string;
    await ask(stand.port, { headers: { traceparent: twice } });
    const { rawHeaders } = stand.node("ny1-1").seen[0]!;
    expect(rawHeaders.filter((text) => text === "traceparent").length).toBe(1);
  });
  expect(serverOf(spans).traceId).not.toBe(TRACE);
});

test("a caller's state goes on, to nodes and to the collector, and so does its word on chance", async () => {
  const headers = { traceparent: `00-${TRACE}-${CALLER}-03`, tracestate: "a=b,c=d" };
  const spans = await spansOf({ sampleRatio: 0 }, async (stand) => {
    await ask(stand.port, { headers });
    expect(traceparents(stand)[0]).toMatch(/-03$/);
    expect(stand.node("ny1-1").seen[0]!.rawHeaders).toContain("a=b,c=d");
  });
  expect(spans.map(({ traceState }) => traceState)).toEqual(["a=b,c=d", "a=b,c=d"]);
});

test("a caller that does not record is followed, until something goes wrong", async () => {
  const headers = { traceparent: `00-${TRACE}-${CALLER}-00` };
  const spans = await spansOf({ sampleRatio: 1 }, async (stand) => {
    await ask(stand.port, { headers });
    stand.node("ny1-1").handler = reset;
    await ask(stand.port, { headers });
    expect(traceparents(stand).every((text) => text.endsWith("-00"))).toBe(true);
  });
  expect(spans.length).toBe(3);
  expect(attribute(serverOf(spans), "anycastle.outcome")).toBe("rescued");
});

test("host and port are told apart, methods are few, and a query is nobody's but the node's", async () => {
  let url = new URL("http://unknown");
  const spans = await spansOf({ sampleRatio: 1 }, async (stand) => {
    url = new URL(stand.node("ny1-1").url);
    await ask(stand.port, { method: "PROPFIND", path: "/a?b=c?d", headers: { host: "edge.example:8443" } });
    expect(stand.node("ny1-1").seen[0]!.url).toBe("/a?b=c?d");
  });
  const server = serverOf(spans);
  const [attempt] = attemptsOf(spans);
  const method = ["http.request.method", "http.request.method_original"];
  const address = ["server.address", "server.port"];
  for (const span of [server, attempt!]) {
    expect([span.name, ...told(span, ...method)]).toEqual(["HTTP", "_OTHER", "PROPFIND"]);
  }
  expect(told(server, ...address, "url.scheme")).toEqual(["edge.example", 8443, "http"]);
  expect(told(server, "url.path", "url.query")).toEqual(["/a", undefined]);
  expect(told(attempt!, ...address)).toEqual(["127.0.0.1", Number(url.port)]);
  expect(attribute(attempt!, "url.full")).toBe(`http://${url.host}/a`);
  expect(JSON.stringify(spans)).not.toContain("b=c");
});

test("a node's port is told when it is the scheme's own, and an IPv6 address has no brackets", async () => {
  const collector = new Collector();
  const tracing = { otlp: { endpoint: await collector.start() }, sampleRatio: 1 };
  // Whether anybody listens there does not matter.
  const nodes = [
    { id: "a1", url: "http://127.0.0.1:80" },
    { id: "a2", url: "http://[::1]:80" },
  ];
  const asked = withGateway({ sites: [{ id: "a", nodes }], tracing }, async (_, port) => {
    for (let count = 0; count < 2; count++) await ask(port);
  });
  await asked.finally(() => collector.stop());
  const addresses = attemptsOf(collector.spans).map((span) => told(span, "server.address", "server.port"));
  expect(addresses).toContainEqual(["127.0.0.1", 80]);
  expect(addresses).toContainEqual(["::1", 80]);
});

test.each([
  ["is believed", { document: { trustedProxies: ["127.0.0.1"] } }, ["www.example", "https"]],
  ["is not, if nobody trusts it", {}, ["edge.example", "http"]],
])("a proxy in front that says what was asked of it %s", async (_, options, expected) => {
  const headers = {
    host: "edge.example",
    "x-forwarded-host": "www.example",
    "x-forwarded-proto": "https",
  };
  const spans = await spansOf(
    { sampleRatio: 1 },
    async ({ port }) => void (await ask(port, { headers })),
    options,
  );
  expect(told(serverOf(spans), "server.address", "url.scheme")).toEqual(expected);
});

test.each([
  [404, undefined, ERROR],
  [500, ERROR, ERROR],
  [302, undefined, undefined],
])("an answer %i: an error to who asked from 400 on, to who serves from 500 on", async (status, ...codes) => {
  const spans = await spansOf({ sampleRatio: 1 }, async ({ nodes, port }) => {
    for (const node of nodes) node.handler = (_request, response) => response.writeHead(status).end();
    await ask(port);
  });
  const both = [serverOf(spans), attemptsOf(spans)[0]!];
  expect(both.map((span) => span.status.code || undefined)).toEqual(codes);
  const types = codes.map((code) => (code === undefined ? undefined : String(status)));
  expect(both.map((span) => attribute(span, "error.type"))).toEqual(types);
});

const ENDS = ["anycastle.attempt.outcome", "anycastle.attempt.failure_class", "error.type"];

test("an attempt that failed says how far it had come", async () => {
  const spans = await spansOf({ sampleRatio: 0 }, async (stand) => {
    await stand.node("ny1-1").kill();
    await ask(stand.port);
  });
  expect(attemptsOf(spans).map((span) => told(span, ...ENDS))).toEqual([
    ["refused", "A", "refused"],
    ["answered", undefined, undefined],
  ]);
});

test("a node that says it cannot is told by its status", async () => {
  const spans = await spansOf({ sampleRatio: 0 }, async (stand) => {
    stand.node("ny1-1").handler = (_request, response) => response.writeHead(503).end();
    await ask(stand.port);
  });
  expect(told(attemptsOf(spans)[0]!, ...ENDS)).toEqual(["status", "E", "503"]);
});

test("hedges are marked, and one that was faster makes no error of the other", async () => {
  const document = { hedge: { initialDelayMs: 30 } };
  const hedged = async (stand: Stand): Promise<void> => {
    stand.node("ny1-1").handler = hang;
    expect((await ask(stand.port)).headers["x-edge-node"]).toBe("la1-1");
  };
  const spans = await spansOf({ sampleRatio: 0 }, hedged, { document });
  const attempts = attemptsOf(spans);
  expect(attempts.map((span) => attribute(span, "anycastle.attempt.is_hedge"))).toEqual([false, true]);
  expect(attempts.map(({ status }) => status.code ?? 0)).toEqual([0, 0]);
  expect(attribute(serverOf(spans), "anycastle.outcome")).toBe("rescued");
});

test("a body that was gone on with elsewhere is told, and where it broke", async () => {
  const body = Buffer.alloc(60_000, "x");
  const half = 20_000;
  const spans = await spansOf({ sampleRatio: 0 }, async (stand) => {
    stand.node("ny1-1").handler = (request, response) => {
      response.writeHead(200, { etag: '"1"', "content-length": body.length });
      response.write(body.subarray(0, half), () => setTimeout(() => request.socket.resetAndDestroy(), 20));
    };
    stand.node("la1-1").handler = (request, response) => {
      const first = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")![1]);
      const range = `bytes ${first}-${body.length - 1}/${body.length}`;
      const length = body.length - first;
      response.writeHead(206, { etag: '"1"', "content-range": range, "content-length": length });
      response.end(body.subarray(first));
    };
    expect((await ask(stand.port)).body.equals(body)).toBe(true);
  });
  const keys = ["anycastle.node", "anycastle.attempt.failure_class", "http.response.status_code"];
  expect(attemptsOf(spans).map((span) => told(span, ...keys))).toEqual([
    ["ny1-1", "F", 200],
    ["la1-1", undefined, 206],
  ]);
});

test("the access log names the trace, so that a line leads to its spans", async () => {
  const dir = mkdtempSync(join(tmpdir(), "anycastle-trace-"));
  const file = join(dir, "access.log");
  const document = { accessLog: { file, sampleSuccess: 1 } };
  const spans = await spansOf({ sampleRatio: 1 }, async ({ port }) => void (await ask(port)), { document });
  const line = JSON.parse(readFileSync(file, "utf8")) as { trace_id: string; request_id: string };
  expect(line.trace_id).toBe(serverOf(spans).traceId);
  expect(line.request_id).toBe(attribute(serverOf(spans), "anycastle.request_id"));
  rmSync(dir, { recursive: true });
});
