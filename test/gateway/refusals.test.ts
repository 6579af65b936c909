/**
 * Requests that are no requests: each is answered with its status, the connection is closed, and nothing of it, nor
 * of what is smuggled behind it, reaches a node (RFC 9112 §3, §5, §6, §7; RFC 9110 §7.2).
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, speak, startStand, type Seen, type Stand } from "./stand.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
const WARM = "/warm";
let stand: Stand;

function reached(): Seen[] {
  return stand.nodes.flatMap(({ seen }) => seen).filter(({ url }) => url !== WARM);
}

beforeAll(async () => {
  stand = await startStand();
  // With a connection to each node that is open already, a request that slipped through would be there at once.
  for (let count = 0; count < 4; count++) await ask(stand.port, { path: WARM });
});
afterAll(() => stand.close());

function head(line: string, ...fields: string[]): string {
  return `${[line, ...fields].join("\r\n")}\r\n\r\n`;
}

const GET = "GET / HTTP/1.1";
const POST = "POST / HTTP/1.1";
const HOST = "Host: x";

const CASES: readonly (readonly [what: string, status: number, bytes: string])[] = [
  ["no Host", 400, head(GET)],
  ["empty Host", 400, head(GET, "Host:")],
  ["two Hosts", 400, head(GET, HOST, "Host: y")],
  ["the same Host twice", 400, head(GET, HOST, HOST)],
  ["Host with a path", 400, head(GET, "Host: x/y")],
  ["Host with userinfo", 400, head(GET, "Host: u@x")],
  ["Host with a comma list", 400, head(GET, "Host: x, y")],
  ["Host with a space", 400, head(GET, "Host: x y")],
  ["Host with a port that is none", 400, head(GET, "Host: x:http")],
  ["authority of the target with userinfo", 400, head("GET http://u@x/ HTTP/1.1", HOST)],
  ["a target without a slash", 400, head("GET foo HTTP/1.1", HOST)],
  ["* with GET", 400, head("GET * HTTP/1.1", HOST)],
  ["a fragment in the target", 400, head("GET /#a HTTP/1.1", HOST)],
  ["bytes in the target that no URI has", 400, head("GET /<a> HTTP/1.1", HOST)],
  ["a foreign scheme", 400, head("GET ftp://x/ HTTP/1.1", HOST)],
  ["CONNECT", 405, head("CONNECT x:80 HTTP/1.1", "Host: x:80")],
  ["TRACE", 405, head("TRACE / HTTP/1.1", HOST)],
  [
    "Content-Length with Transfer-Encoding",
    400,
    `${head(POST, HOST, "Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\n`,
  ],
  [
    "Transfer-Encoding with Content-Length",
    400,
    `${head(POST, HOST, "Transfer-Encoding: chunked", "Content-Length: 4")}0\r\n\r\n`,
  ],
  ["two Content-Lengths", 400, `${head(POST, HOST, "Content-Length: 1", "Content-Length: 2")}ab`],
  ["the same Content-Length twice", 400, `${head(POST, HOST, "Content-Length: 1", "Content-Length: 1")}a`],
  ["a list of Content-Lengths", 400, `${head(POST, HOST, "Content-Length: 1, 1")}a`],
  ["a signed Content-Length", 400, `${head(POST, HOST, "Content-Length: +1")}a`],
  ["a Content-Length with a leading zero", 400, `${head(POST, HOST, "Content-Length: 01")}a`],
  ["a hexadecimal Content-Length", 400, `${head(POST, HOST, "Content-Length: 0x1")}a`],
  ["a Content-Length beyond all numbers", 400, head(POST, HOST, "Content-Length: 99999999999999999999999")],
  ["chunked named twice", 400, `${head(POST, HOST, "Transfer-Encoding: chunked, chunked")}0\r\n\r\n`],
  ["chunked that is not last", 400, `${head(POST, HOST, "Transfer-Encoding: chunked, gzip")}0\r\n\r\n`],
  [
    "another transfer coding under chunked",
    501,
    `${head(POST, HOST, "Transfer-Encoding: gzip, chunked")}0\r\n\r\n`,
  ],
  ["chunked in disguise", 400, `${head(POST, HOST, "Transfer-Encoding: \u000bchunked")}0\r\n\r\n`],
  ["space before the colon", 400, `${head(POST, HOST, "Content-Length : 4")}abcd`],
  ["a folded field", 400, head(GET, HOST, "X-A: 1", " folded")],
  ["a field before which there is space", 400, head(GET, " X-A: 1", HOST)],
  ["a NUL in a value", 400, head(GET, HOST, "X-A: a\u0000b")],
  ["a bare CR in a value", 400, head(GET, HOST, "X-A: a\rb")],
  ["a field without a name", 400, head(GET, HOST, ": x")],
  ["a name that is no token", 400, head(GET, HOST, "X(A: 1")],
  ["bare LF as line end", 400, "GET / HTTP/1.1\nHost: x\n\n"],
  ["another major version", 505, head("GET / HTTP/3.7", HOST)],
  ["a method that is no token", 400, head("G(T / HTTP/1.1", HOST)],
  ["a head that is too large", 431, head(GET, HOST, `X-A: ${"a".repeat(20_000)}`)],
  ["OPTIONS *", 501, head("OPTIONS * HTTP/1.1", HOST)],
];

for (const [what, status, bytes] of CASES) {
  test(`${what}: ${status}, closed, and no node is asked`, async () => {
    // The socket closes by itself: `speak` returns on the gateway's close only.
    const text = await speak(stand.port, bytes + SMUGGLED);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text.match(/HTTP\/1\.1 \d{3}/g)?.length).toBe(1);
    expect(text.toLowerCase()).toContain("connection: close");
    expect(reached()).toEqual([]);
  });
}

for (const [what, chunk] of [
  ["a signed chunk size", "+1\r\na\r\n"],
  ["a chunk size with 0x", "0x1\r\na\r\n"],
  ["a chunk whose data runs on", "1\r\nab\r\n"],
  ["a chunk size that overflows", "fffffffffffffffff\r\na\r\n"],
  ["bare LF in chunk framing", "1\na\n"],
] as const) {
  test(`${what}: nothing of it is taken for a request, and the request is not passed on as complete`, async () => {
    const own = await startStand();
    const text = await speak(
      own.port,
      `${head(POST, HOST, "Transfer-Encoding: chunked")}${chunk}0\r\n\r\n${SMUGGLED}`,
    );
    expect(text.match(/HTTP\/1\.1 200/g)).toBe(null);
    expect(own.nodes.flatMap(({ seen }) => seen)).toEqual([]);
    await own.close();
  });
}

test("a body that is shorter than it said is never passed on as complete", async () => {
  const own = await startStand();
  const { connect } = await import("node:net");
  const socket = connect(own.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.end(`${head(POST, HOST, "Content-Length: 10")}short`);
  await new Promise<void>((resolve) => socket.on("close", () => resolve()));
  expect(own.nodes.flatMap(({ seen }) => seen)).toEqual([]);
  await own.close();
});

test("refusals are counted, and are no failures", () => {
  const { requests } = stand.status();
  expect(requests).toMatchObject({ total: CASES.length + 4, failed: 0, active: 0 });
});

test("what comes behind `Connection: close` is no request", async () => {
  const text = await speak(stand.port, head("GET /last HTTP/1.1", HOST, "Connection: close") + SMUGGLED);
  expect(text.match(/HTTP\/1\.1 200/g)?.length).toBe(1);
  expect(reached().map(({ url }) => url)).toEqual(["/last"]);
});

test("absolute-form replaces Host; an empty line before a request is ignored", async () => {
  const text = await speak(
    stand.port,
    `\r\n${head("GET http://new-york.localhost/a?b HTTP/1.1", "Host: other", "Connection: close")}`,
  );
  expect(text).toMatch(/^HTTP\/1\.1 200 /);
  const seen = reached().find(({ url }) => url !== "/last");
  expect(seen!.url).toBe("/a?b");
  expect(seen!.rawHeaders).toContain("new-york.localhost");
  expect(seen!.rawHeaders).not.toContain("other");
});
