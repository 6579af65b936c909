/** The loader against real servers on loopback: what it calls each way of failing, and that its counts are exact. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EventBody } from "#core/wire/events.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { type LoadDocumentInput, parseLoadDocument } from "#loadtest/load/load-document.ts";
import { Loader } from "#loadtest/load/loader.ts";
import { readRequestLog } from "#loadtest/load/request-log.ts";
import type { RequestRecord } from "#loadtest/load/request-record.ts";
import { answeringServer, closedPort, httpServer, rawServer, type TestServer } from "./servers.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "loader-"));
});
afterAll(() => rm(folder, { recursive: true }));

interface Outcome {
  readonly result: LoadResult;
  readonly records: readonly RequestRecord[];
  readonly events: readonly EventBody[];
}

/** 50 requests in 100 ms unless told otherwise. The gate is out of the way: these tests are about facts, not speed. */
async function load(
  document: Partial<LoadDocumentInput> & { readonly url: string },
  onStart: (loader: Loader) => void = () => undefined,
): Promise<Outcome> {
  const events: EventBody[] = [];
  const parsed = parseLoadDocument({
    rate: 500,
    durationMs: 100,
    vantages: [{ vantage: "new-york", host: "new-york.localhost:8080" }],
    postPercent: 0,
    lagGateMs: 10_000,
    resultFile: join(folder, "result.json"),
    logFile: join(folder, "log"),
    ...document,
  });
  const loader = new Loader(parsed, "test", (body) => events.push(body));
  onStart(loader);
  const result = await loader.run();
  expect(JSON.parse(await readFile(parsed.resultFile, "utf8"))).toEqual(result);
  return { result, records: await readRequestLog(parsed.logFile), events };
}

test("a run without failures: every count agrees, nothing is void", async () => {
  await using server = await answeringServer();
  const vantages = ["new-york", "london", "sydney"].map((vantage) => ({
    vantage,
    host: `${vantage}.localhost`,
  }));
  const { result, records, events } = await load({
    url: server.url,
    durationMs: 600,
    warmUpMs: 120,
    vantages,
    postPercent: 10,
  });
  expect([result.planned, result.sent, result.ok, result.failedTotal]).toEqual([300, 300, 300, 0]);
  expect(result.failureBound).toBe(0.01);
  expect([result.isVoid, result.voidReasons]).toEqual([false, []]);
  expect(result.vantages.map(({ sent, sites }) => [sent, sites])).toEqual([
    [100, { ny1: 100 }],
    [100, { ny1: 100 }],
    [100, { ny1: 100 }],
  ]);
  const counts = Object.fromEntries(result.cohorts.map(({ cohort, sent }) => [cohort, sent]));
  expect(Math.abs(counts["fresh"]! - 150)).toBeLessThanOrEqual(3);
  expect(counts["fresh"]! + counts["keep-alive"]!).toBe(300);
  expect(records).toHaveLength(300);
  const posts = records.filter(({ method }) => method === "POST").length;
  expect(posts).toBeGreaterThanOrEqual(24);
  const methods = Object.fromEntries(
    result.methods!.map(({ method, sent, failed }) => [method, [sent, failed]]),
  );
  expect(methods).toEqual({ GET: [300 - posts, 0], POST: [posts, 0] });
  for (const record of records) {
    expect(record.sentNs!).toBeGreaterThanOrEqual(record.dueNs);
    expect(record.firstByteNs!).toBeGreaterThanOrEqual(record.sentNs!);
    expect(record.endNs!).toBeGreaterThanOrEqual(record.firstByteNs!);
    expect(record.connectNs === null).toBe(record.isReused);
    if (record.cohort === "fresh") expect(record.isReused).toBe(false);
  }
  expect(events[0]).toMatchObject({ kind: "load.started", rate: 500, planned: 300, startNs: result.startNs });
  expect(events.at(-1)).toMatchObject({
    kind: "load.finished",
    sent: 300,
    ok: 300,
    failed: 0,
    isVoid: false,
  });
  const windows = events.filter((event) => event.kind === "load.window");
  const sums = windows.reduce(
    (sum, { planned, sent, ok }) => [sum[0]! + planned, sum[1]! + sent, sum[2]! + ok],
    [0, 0, 0],
  );
  expect(sums).toEqual([300, 300, 300]);
});

test("keep-alive reuses its connections, fresh never does", async () => {
  await using server = await answeringServer();
  const { records } = await load({ url: server.url, durationMs: 400 });
  const fresh = records.filter(({ cohort }) => cohort === "fresh");
  const opened = records.filter(({ isReused }) => !isReused);
  expect(server.accepted).toBe(opened.length);
  expect(opened.length).toBeLessThan(records.length);
  expect(fresh.every(({ isReused }) => !isReused)).toBe(true);
});

test("a connection whose close was read is not used again", async () => {
  // It answers without announcing that it will close, then closes at once: a gateway's idle limit, only faster.
  await using server = await rawServer((socket) => {
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  });
  const { result } = await load({ url: server.url, rate: 20, durationMs: 500, freshPercent: 0 });
  expect([result.ok, result.failed]).toEqual([10, {}]);
});

test("an idle limit that the server announces is kept, with a margin", async () => {
  await using server = await rawServer((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok");
  });
  const { records } = await load({ url: server.url, freshPercent: 0 });
  expect(records.filter(({ isReused }) => isReused)).toEqual([]);
});

const FAILURES: readonly [reason: string, answer: (socket: Socket) => void][] = [
  ["status-502", (socket) => socket.write("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad")],
  ["status-404", (socket) => socket.write("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")],
  ["truncated", (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort")],
  [
    "truncated",
    (socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"),
  ],
  ["truncated", (socket) => socket.end("HTTP/1.1 200")],
  ["closed", (socket) => socket.end()],
  ["reset", (socket) => socket.resetAndDestroy()],
  ["malformed", (socket) => socket.write("HELLO\r\n\r\n")],
  ["timeout", () => undefined],
  ["timeout", (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")],
];

test.each(FAILURES)("a failure has a name: %s", async (reason, answer) => {
  await using server = await rawServer(answer);
  const { result, records, events } = await load({ url: server.url, timeoutMs: 250 });
  expect(result.failed).toEqual({ [reason]: 50 });
  expect([result.ok, result.failedTotal, result.failureBound, result.isVoid]).toEqual([0, 50, null, false]);
  expect(result.latency.p50).toBe(null);
  expect(records.every(({ error }) => error === reason)).toBe(true);
  const told = events.filter((event) => event.kind === "load.failed");
  expect(told.map((event) => [event.reason, event.vantage])).toEqual(
    Array.from({ length: 50 }, () => [reason, "new-york"]),
  );
});

test("nobody listens: refused", async () => {
  const { result } = await load({ url: `http://127.0.0.1:${await closedPort()}/` });
  expect(result.failed).toEqual({ refused: 50 });
});

test("chunked bodies are complete answers", async () => {
  await using server = await httpServer((_request, response) => {
    response.write("part one, ");
    response.end("part two");
  });
  const { result } = await load({ url: server.url });
  expect(result.ok).toBe(50);
});

test("a failed request names the node that answered", async () => {
  await using server = await rawServer((socket) => {
    socket.end("HTTP/1.1 200 OK\r\nx-edge-node: ny1-2\r\nx-edge-route: ny1\r\ncontent-length: 9\r\n\r\nhalf");
  });
  const { records } = await load({ url: server.url });
  expect(
    records.every(({ node, site, status }) => node === "ny1-2" && site === "ny1" && status === 200),
  ).toBe(true);
});

test("what is sent: the vantage's Host, the path asked for, a key of its own for each POST and no Idempotency-Key", async () => {
  const heads: string[] = [];
  await using server = await rawServer((socket, text) => {
    heads.push(text);
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  });
  await load({ url: `${server.url}page?a=b`, postPercent: 50, warmUpMs: 20 });
  const gets = heads.filter((head) => head.startsWith("GET /page?a=b HTTP/1.1\r\n"));
  const posts = heads.filter((head) => head.startsWith("POST /echo HTTP/1.1\r\n"));
  expect(gets.length + posts.length).toBe(60);
  expect(heads.every((head) => head.includes("\r\nhost: new-york.localhost:8080\r\n"))).toBe(true);
  const keys = posts.map((head) => /\r\nx-request-id: (\S+)\r\n/.exec(head)?.[1]);
  expect(new Set(keys).size).toBe(posts.length);
  expect(heads.some((head) => /idempotency-key/i.test(head))).toBe(false);
});

test("failures of the warm-up are told and not counted", async () => {
  let count = 0;
  await using server = await httpServer((_request, response) => {
    count += 1;
    response.statusCode = count <= 10 ? 503 : 200;
    response.end();
  });
  const { result, events } = await load({ url: server.url, warmUpMs: 20, freshPercent: 0 });
  expect([result.sent, result.failedTotal]).toEqual([50, 0]);
  expect(events).toContainEqual({
    kind: "process.log",
    process: "load",
    line: "failed in the warm-up: 10 status-503",
  });
});

test("void: sends lag behind the plan", async () => {
  await using server = await answeringServer();
  const { result } = await load({ url: server.url, lagGateMs: 0.000_1 });
  expect(result.isVoid).toBe(true);
  expect(result.voidReasons).toEqual([
    expect.stringMatching(/^send lag p99.9 is [\d.]+ ms, above the gate of 0.0001 ms$/),
  ]);
});

test("void: a planned request was not sent", async () => {
  await using server = await rawServer(() => undefined);
  const { result, records } = await load({ url: server.url, openMax: 8, timeoutMs: 1_000 });
  expect([result.planned, result.sent, result.failed]).toEqual([50, 8, { timeout: 8 }]);
  expect(result.voidReasons).toEqual(["42 planned requests were not sent: 8 were on their way (openMax)"]);
  expect(records.filter(({ error }) => error === "not-sent")).toHaveLength(42);
});

test("void: the request log is incomplete", async () => {
  const document = { resultFile: join(folder, "result.json"), logFile: "/dev/full" };
  await using server = await answeringServer();
  const parsed = parseLoadDocument({
    url: server.url,
    rate: 500,
    durationMs: 100,
    lagGateMs: 10_000,
    vantages: [{ vantage: "here", host: "here" }],
    ...document,
  });
  const result = await new Loader(parsed, "test", () => undefined).run();
  expect(result.sent).toBe(50);
  expect(result.voidReasons).toEqual([expect.stringMatching(/^the request log is incomplete: .*ENOSPC/)]);
});

test("an early stop: what was due until then is the plan, and all of it is there", async () => {
  let count = 0;
  let stop = (): void => undefined;
  await using server = await httpServer((_request, response) => {
    count += 1;
    if (count === 30) stop();
    response.end("ok");
  });
  const { result, records } = await load({ url: server.url, durationMs: 60_000 }, (loader) => {
    stop = () => loader.stop();
  });
  expect(result.planned).toBeGreaterThanOrEqual(30);
  expect(result.planned).toBeLessThan(30_000);
  expect([result.sent, result.ok, records.length]).toEqual([result.planned, result.planned, result.planned]);
  expect(result.isVoid).toBe(false);
});

async function nodeThatExecuted(keys: () => Record<string, number>, forgotten = 0): Promise<TestServer> {
  return httpServer((_request, response) => response.end(JSON.stringify({ keys: keys(), forgotten })));
}

test("duplicated: keys of this run that were executed more than once, over all nodes that can tell", async () => {
  const keys: string[] = [];
  await using server = await rawServer((socket, text) => {
    const key = /\r\nx-request-id: (\S+)\r\n/.exec(text)?.[1];
    if (key !== undefined) keys.push(key);
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  });
  const once = (): Record<string, number> => Object.fromEntries(keys.map((key) => [key, 1]));
  await using first = await nodeThatExecuted(() => ({ ...once(), [keys[0]!]: 2, "of-another-run": 9 }));
  await using second = await nodeThatExecuted(() => ({ [keys[1]!]: 1 }), 3);
  const gone = `http://127.0.0.1:${await closedPort()}`;
  const { result, events } = await load({
    url: server.url,
    postPercent: 20,
    executionUrls: [first.url, second.url, gone],
  });
  expect(keys.length).toBeGreaterThan(2);
  expect(result.duplicated).toBe(2);
  const lines = events.flatMap((event) => (event.kind === "process.log" ? [event.line] : []));
  expect(lines).toHaveLength(2);
  expect(lines.join("\n")).toContain(`${second.url} has forgotten 3 request keys`);
  expect(lines.join("\n")).toContain(`${gone} did not tell its executions`);
});
