import { request, type IncomingHttpHeaders, type RequestOptions } from "node:http";
import { connect } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startNode, untilEvent, type Stand } from "./stand.ts";

let stand: Stand;

beforeAll(async () => {
  stand = await startNode();
  await untilEvent(stand.events, "node.serving", { state: "ready" });
});

afterAll(async () => {
  stand.node.terminate();
  await stand.left;
});

interface Answer {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function ask(
  path: string,
  options: RequestOptions = {},
  chunks: readonly string[] = [],
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asked = request(stand.url + path, { agent: false, ...options }, (response) => {
    buffer(response).then(
      (body) => resolve({ status: response.statusCode ?? 0, fields: response.headers, body }),
      reject,
    );
  });
  asked.on("error", reject);
  for (const chunk of chunks) asked.write(chunk);
  asked.end();
  return promise;
}

/** What comes back for these bytes until the node closes. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(stand.port, "127.0.0.1");
  socket.write(bytes);
  return text(socket);
}

test("a page says who made it", async () => {
  const { status, fields, body } = await ask("/any/page?x=1");
  expect(status).toBe(200);
  expect(fields).toMatchObject({ "x-edge-route": "ny1", "x-edge-node": "ny1-1" });
  expect(body.toString()).toBe("ny1-1 at ny1 served /any/page\n");
});

test("HEAD has the fields of GET and no body", async () => {
  const get = await ask("/");
  const head = await ask("/", { method: "HEAD" });
  expect(head.status).toBe(200);
  expect(head.body.length).toBe(0);
  expect(head.fields["content-length"]).toBe(get.fields["content-length"]);
});

test("If-Match lets only the body it names through", async () => {
  const own = '"bytes-200000"';
  for (const [field, status] of [
    [own, 206],
    [`"x", ${own}`, 206],
    ["*", 206],
    ['"bytes-1"', 412],
    [`W/${own}`, 412],
  ] as const) {
    const { status: got, body } = await ask("/bytes?size=200000", {
      headers: { "if-match": field, range: "bytes=7-9" },
    });
    expect([field, got, body.length]).toEqual([field, status, status === 206 ? 3 : 0]);
  }
});

test("the large body is the same whole however it is cut into ranges", async () => {
  const whole = await ask("/bytes?size=200000");
  expect(whole.body.length).toBe(200_000);
  expect(whole.fields).toMatchObject({ "accept-ranges": "bytes", etag: '"bytes-200000"' });
  const parts = [];
  for (const range of ["bytes=0-65530", "BYTES=65531-131071", "bytes=131072-"]) {
    const part = await ask("/bytes?size=200000", { headers: { range } });
    expect(part.status).toBe(206);
    parts.push(part.body);
  }
  expect(Buffer.concat(parts).equals(whole.body)).toBe(true);
  const suffix = await ask("/bytes?size=200000", { headers: { range: "bytes=-10" } });
  expect(suffix.fields["content-range"]).toBe("bytes 199990-199999/200000");
  expect(suffix.body.equals(whole.body.subarray(-10))).toBe(true);
});

test.each([
  ["a range behind the end", "size=100", { range: "bytes=100-" }, 416, "bytes */100"],
  ["no bytes of a suffix", "size=100", { range: "bytes=-0" }, 416, "bytes */100"],
  ["any range of nothing", "size=0", { range: "bytes=0-0" }, 416, "bytes */0"],
  ["a range that ends behind the end", "size=100", { range: "bytes=90-999" }, 206, "bytes 90-99/100"],
  ["a range that runs backwards", "size=100", { range: "bytes=9-1" }, 200, undefined],
  ["two ranges", "size=100", { range: "bytes=0-1,5-6" }, 200, undefined],
  ["another unit", "size=100", { range: "lines=0-1" }, 200, undefined],
  [
    "If-Range that holds",
    "size=100",
    { range: "bytes=0-9", "if-range": '"bytes-100"' },
    206,
    "bytes 0-9/100",
  ],
  ["If-Range of another body", "size=100", { range: "bytes=0-9", "if-range": '"bytes-99"' }, 200, undefined],
  [
    "If-Range with a weak tag",
    "size=100",
    { range: "bytes=0-9", "if-range": 'W/"bytes-100"' },
    200,
    undefined,
  ],
  ["a size that is none", "size=-1", {}, 400, undefined],
  ["a size above the largest", "size=9999999999", {}, 400, undefined],
] as const)("/bytes: %s", async (_name, query, headers, status, contentRange) => {
  const answer = await ask(`/bytes?${query}`, { headers });
  expect(answer.status).toBe(status);
  expect(answer.fields["content-range"]).toBe(contentRange);
  expect(answer.fields["x-edge-route"]).toBe("ny1");
});

test("a range is for GET only", async () => {
  const head = await ask("/bytes?size=100", { method: "HEAD", headers: { range: "bytes=0-9" } });
  expect([head.status, head.fields["content-length"]]).toEqual([200, "100"]);
});

test("the echo gives the body back, of known length and chunked", async () => {
  const known = await ask(
    "/echo",
    { method: "POST", headers: { "content-length": 5, "content-type": "text/x-test" } },
    ["hello"],
  );
  expect(known.body.toString()).toBe("hello");
  expect(known.fields).toMatchObject({ "content-length": "5", "content-type": "text/x-test" });
  const chunked = await ask("/echo", { method: "PUT" }, ["he", "llo", " ", "you"]);
  expect(chunked.body.toString()).toBe("hello you");
  expect(chunked.fields["transfer-encoding"]).toBe("chunked");
  const empty = await ask("/echo");
  expect([empty.status, empty.body.length]).toEqual([200, 0]);
});

test("the slow answer takes its time", async () => {
  const startedMs = performance.now();
  const answer = await ask("/slow?ms=60");
  expect(answer.status).toBe(200);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(59);
});

test("executions count what may not be repeated, by key, and forget when asked", async () => {
  await ask("/executions", { method: "DELETE" });
  for (const key of ["a", "b", "a"]) {
    await ask("/echo", { method: "POST", headers: { "idempotency-key": key } }, ["x"]);
  }
  await ask("/page", { method: "POST", headers: { "x-request-id": "c" } });
  await ask("/page", { headers: { "x-request-id": "d" } });
  const report: unknown = JSON.parse((await ask("/executions")).body.toString());
  expect(report).toEqual({ keys: { a: 2, b: 1, c: 1 }, forgotten: 0 });
  const cleared: unknown = JSON.parse((await ask("/executions", { method: "DELETE" })).body.toString());
  expect(cleared).toEqual({ keys: {}, forgotten: 0 });
});

test("what nobody waits for is not executed", async () => {
  const away = await startNode({ thinkTimeMs: 30 });
  const socket = connect(away.port, "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nhost: x\r\nidempotency-key: gone\r\ncontent-length: 0\r\n\r\n", () =>
    socket.destroy(),
  );
  await new Promise((resolve) => socket.on("close", resolve));
  // Asked later with the same think time, so answered after the other would have been.
  await new Promise((resolve) => request(`${away.url}/later`, { agent: false }, resolve).end());
  const report = await new Promise<string>((resolve, reject) => {
    request(`${away.url}/executions`, { agent: false }, (response) => {
      text(response).then(resolve, reject);
    }).end();
  });
  expect(JSON.parse(report)).toEqual({ keys: {}, forgotten: 0 });
  away.node.terminate();
  await away.left;
});

test("every health path answers for a ready node", async () => {
  for (const path of ["/health", "/health/live", "/health/ready", "/ready"]) {
    expect([path, (await ask(path)).status]).toEqual([path, 200]);
  }
  const full: unknown = JSON.parse((await ask("/health")).body.toString());
  expect(full).toMatchObject({
    status: "healthy",
    components: [{ name: "http", status: "healthy", message: "ready" }],
    uptime: expect.stringMatching(/^\d+h\d+m\d+s$/),
  });
});

test.each([
  ["no HTTP", "rubbish\r\n\r\n", 400],
  ["a head that is too long", `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ["no Host", "GET / HTTP/1.1\r\nconnection: close\r\n\r\n", 400],
  ["a target that is no URL", "OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 400],
  ["a foreign expectation", "GET / HTTP/1.1\r\nhost: x\r\nexpect: tea\r\nconnection: close\r\n\r\n", 417],
  ["CONNECT", "CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n", 405],
] as const)("an error names site and node too: %s", async (_name, bytes, status) => {
  const answer = await raw(bytes);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(answer.toLowerCase()).toContain("x-edge-route: ny1\r\n");
  expect(answer.toLowerCase()).toContain("x-edge-node: ny1-1\r\n");
});

test("rubbish behind a request whose answer is under way is not answered into it", async () => {
  const answer = await raw("GET /bytes?size=10000000 HTTP/1.1\r\nhost: x\r\n\r\nrubbish\r\n\r\n");
  expect(answer.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1);
});
