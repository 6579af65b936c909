/** Bodies that break off half-way: gone on with from another node, byte for byte, or visibly aborted. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { ask, until, withStand, type FakeNode, type Stand } from "./stand.ts";

const SIZE = 300_000;
const BODY = Buffer.from(Array.from({ length: SIZE }, (_, index) => (index * 31 + (index >>> 8)) & 0xff));

interface Serving {
  readonly etag?: string;
  /** The connection is reset after so many bytes of this answer. */
  readonly breaksAfter?: number;
  /** Nothing more comes after so many bytes of this answer. */
  readonly stallsAfter?: number;
  readonly ignoresRange?: boolean;
}

/** What a file server does: ranges, conditions, a strong ETag. */
function serve(request: IncomingMessage, response: ServerResponse, serving: Serving): void {
  const { etag = '"v1"', breaksAfter, stallsAfter, ignoresRange = false } = serving;
  const ifMatch = request.headers["if-match"];
  if (ifMatch !== undefined && ifMatch !== etag) return void response.writeHead(412).end();
  const range = /^bytes=(\d+)-(\d*)$/.exec(ignoresRange ? "" : (request.headers.range ?? ""));
  const first = range === null ? 0 : Number(range[1]);
  const end = range === null || range[2] === "" ? SIZE : Number(range[2]) + 1;
  const fields = { etag, "accept-ranges": "bytes", "content-length": end - first };
  if (range === null) response.writeHead(200, fields);
  else response.writeHead(206, { ...fields, "content-range": `bytes ${first}-${end - 1}/${SIZE}` });
  const stopsAfter = breaksAfter ?? stallsAfter;
  if (stopsAfter === undefined) return void response.end(BODY.subarray(first, end));
  response.write(BODY.subarray(first, first + stopsAfter));
  if (breaksAfter !== undefined) setTimeout(() => request.socket.resetAndDestroy(), 20);
}

function all(nodes: readonly FakeNode[], serving: (count: number) => Serving): void {
  let count = 0;
  for (const node of nodes) {
    node.handler = (request, response) => serve(request, response, serving((count += 1)));
  }
}

function rangesAsked({ nodes }: Stand): string[] {
  const ranges = nodes.flatMap(({ seen }) =>
    seen.map(({ rawHeaders }) => rawHeaders[rawHeaders.indexOf("range") + 1]!),
  );
  return ranges.filter((range) => range.startsWith("bytes="));
}

test("a body that breaks off is gone on with elsewhere, byte for byte", async () => {
  await withStand({ sites: { ny1: 2 } }, async (stand) => {
    all(stand.nodes, (count) => (count === 1 ? { breaksAfter: 100_000 } : {}));
    const answer = await ask(stand.port);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(BODY)).toBe(true);
    expect(rangesAsked(stand)).toEqual([`bytes=100000-${SIZE - 1}`]);
    expect(stand.status().requests).toMatchObject({
      failed: 0,
      rescued: 1,
      retries: 1,
      resumes: 1,
      active: 0,
    });
    expect(stand.status().nodes.every(({ active }) => active === 0)).toBe(true);
  });
});

test("more breaks than attempts: what brings the client further is not counted against it", async () => {
  const retry = { attemptsMax: 2 };
  await withStand({ sites: { ny1: 3, la1: 3 }, document: { retry } }, async (stand) => {
    all(stand.nodes, (count) => (count <= 5 ? { breaksAfter: 40_000 } : {}));
    const answer = await ask(stand.port);
    expect(answer.body.equals(BODY)).toBe(true);
    expect(stand.status().requests).toMatchObject({ failed: 0, retries: 5, resumes: 1 });
  });
});

test("a stalled body is gone on with elsewhere", async () => {
  await withStand({ document: { resume: { stallTimeoutMs: 100 } } }, async (stand) => {
    all(stand.nodes, (count) => (count === 1 ? { stallsAfter: 1_000 } : {}));
    const answer = await ask(stand.port);
    expect(answer.body.equals(BODY)).toBe(true);
    expect(stand.status().requests).toMatchObject({ failed: 0, resumes: 1 });
    await until(() => stand.nodes.some(({ abandoned }) => abandoned === 1));
  });
});

test("the range a client asked for ends where it was to end", async () => {
  await withStand({}, async ({ nodes, port }) => {
    all(nodes, (count) => (count === 1 ? { breaksAfter: 1_000 } : {}));
    const answer = await ask(port, { headers: { range: "bytes=5000-25000", "if-none-match": '"v0"' } });
    expect([answer.status, answer.headers["content-range"]]).toEqual([206, `bytes 5000-25000/${SIZE}`]);
    expect(answer.body.equals(BODY.subarray(5_000, 25_001))).toBe(true);
  });
});

test("the last node left is asked again: its process may live on", async () => {
  await withStand({ sites: { ny1: 1 } }, async (stand) => {
    all(stand.nodes, (count) => (count === 1 ? { breaksAfter: 1_000 } : {}));
    expect((await ask(stand.port)).body.equals(BODY)).toBe(true);
  });
});

test("a node with another version is passed over for one with the same", async () => {
  await withStand({ sites: { ny1: 3 } }, async (stand) => {
    all(stand.nodes, (count) =>
      count === 1 ? { breaksAfter: 1_000 } : { etag: count === 2 ? '"v2"' : '"v1"' },
    );
    expect((await ask(stand.port)).body.equals(BODY)).toBe(true);
    expect(stand.status().requests).toMatchObject({ failed: 0, resumes: 1 });
  });
});

const ABORTED: readonly (readonly [string, (count: number) => Serving, Record<string, unknown>])[] = [
  ["no node has the same version", (count) => (count === 1 ? { breaksAfter: 1_000 } : { etag: '"v2"' }), {}],
  [
    "nodes that send the whole body again",
    (count) => (count === 1 ? { breaksAfter: 1_000 } : { ignoresRange: true }),
    {},
  ],
  ["a weak ETag", (count) => ({ etag: 'W/"v1"', ...(count === 1 ? { breaksAfter: 1_000 } : {}) }), {}],
  ["switched off", (count) => (count === 1 ? { breaksAfter: 1_000 } : {}), { resume: { isEnabled: false } }],
  [
    "a budget that is used up",
    (count) => (count === 1 ? { breaksAfter: 1_000 } : {}),
    { retry: { budgetRatio: 0, budgetPerSecond: 0 } },
  ],
  ["more breaks than allowed", () => ({ breaksAfter: 1_000 }), { resume: { resumesMax: 3 } }],
];

for (const [what, serving, document] of ABORTED) {
  test(`aborted, never ended cleanly: ${what}`, async () => {
    await withStand({ document }, async (stand) => {
      all(stand.nodes, serving);
      await expect(ask(stand.port)).rejects.toMatchObject({ code: "ECONNRESET" });
      expect(stand.status().requests).toMatchObject({ failed: 1, resumes: 0, active: 0 });
      expect(stand.status().nodes.every(({ active }) => active === 0)).toBe(true);
    });
  });
}

test("a client that stops reading is no stall of the node's", async () => {
  await withStand({ document: { resume: { stallTimeoutMs: 50 } } }, async (stand) => {
    const large = Buffer.alloc(32 * 1024 * 1024, "x");
    for (const node of stand.nodes) {
      node.handler = (_request, response) =>
        response.writeHead(200, { etag: '"large"', "content-length": large.length }).end(large);
    }
    const socket = connect(stand.port, "127.0.0.1");
    socket.pause();
    socket.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    await until(() => stand.nodes.some(({ seen }) => seen.length === 1));
    // Long enough for several looks at it: that nothing happens can only be waited for.
    await new Promise((resolve) => setTimeout(resolve, 400));
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
    socket.resume();
    await new Promise((resolve) => socket.on("end", resolve));
    expect(bytes).toBeGreaterThan(large.length);
    expect(stand.status().requests).toMatchObject({ failed: 0, retries: 0, resumes: 0 });
  });
});
