/**
 * The same calls to our relay and to the real Toxiproxy: same statuses, same bodies, same types, errors too. What is
 * left out of the comparison is named here and nowhere else.
 */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nowMs, sleep } from "#core/host/clock.ts";
import { call, startRelay, type Answer, type RelayServer } from "./relay-server.ts";
import { buildToxiproxy, startToxiproxy, type RealToxiproxy } from "./real-toxiproxy.ts";

type Call = readonly [
  method: string,
  path: string,
  body?: string | undefined,
  headers?: Record<string, string>,
];

let busy: Server;
let busyPort: number;
let relay: RelayServer;
let real: RealToxiproxy | undefined;
let why: string | undefined;

beforeAll(async () => {
  busy = createServer((socket) => socket.on("error", () => undefined).pipe(socket)).listen(0, "127.0.0.1");
  await once(busy, "listening");
  busyPort = (busy.address() as AddressInfo).port;
  relay = await startRelay();
  const built = buildToxiproxy();
  if ("why" in built) why = built.why;
  else real = await startToxiproxy(built.program);
}, 300_000);

afterAll(async () => {
  await relay.close();
  await real?.close();
  busy.close();
});

const MADE = JSON.stringify({ name: "a", listen: "127.0.0.1:0", upstream: "127.0.0.1:BUSY" });

/** In this order: each finds what those before it left. */
const CALLS: readonly Call[] = [
  ["GET", "/version"],
  ["GET", "/proxies"],
  ["GET", "/nothing"],
  ["GET", "/proxies/"],
  ["GET", "/proxies/a/"],
  ["PUT", "/proxies"],
  ["HEAD", "/version"],
  ["OPTIONS", "/proxies"],
  ["POST", "/version", "{}"],
  ["GET", "/proxies", undefined, { "user-agent": "Mozilla/5.0 (X11)" }],
  ["POST", "/reset", undefined, { "user-agent": "Mozilla/5.0 (X11)" }],
  ["GET", "/nothing", undefined, { "user-agent": "Mozilla/5.0 (X11)" }],
  // Bodies that are none, and fields that are not what they should be.
  ["POST", "/proxies"],
  ["POST", "/proxies", "  "],
  ["POST", "/proxies", "{}"],
  ["POST", "/proxies", "null"],
  ["POST", "/proxies", "[]"],
  ["POST", "/proxies", '"text"'],
  ["POST", "/proxies", "5"],
  ["POST", "/proxies", "true"],
  ["POST", "/proxies", '{"name":"a"'],
  ["POST", "/proxies", '{"name":1}'],
  ["POST", "/proxies", '{"name":{}}'],
  ["POST", "/proxies", '{"enabled":"yes","name":1}'],
  ["POST", "/proxies", '{"name":"a"}'],
  ["POST", "/proxies", '{"upstream":"127.0.0.1:9"}'],
  ["POST", "/proxies", '{"name":"","upstream":"x:1"}'],
  // Addresses.
  ["POST", "/proxies", '{"name":"a","upstream":"x:1","listen":"127.0.0.1"}'],
  ["POST", "/proxies", '{"name":"a","upstream":"x:1","listen":"127.0.0.1:99999"}'],
  ["POST", "/proxies", '{"name":"a","upstream":"x:1","listen":"127.0.0.1:BUSY"}'],
  ["GET", "/proxies"],
  ["POST", "/proxies", MADE],
  ["POST", "/proxies", MADE],
  [
    "POST",
    "/proxies",
    '{"NAME":"b","Upstream":"127.0.0.1:9","listen":"localhost:0","enabled":false,"more":[1]}',
  ],
  ["POST", "/proxies", '{"name":"c","upstream":"no such address","listen":"127.0.0.1:0","enabled":null}'],
  ["GET", "/proxies"],
  ["GET", "/proxies/a"],
  ["GET", "/proxies/z"],
  // Toxics: what is made, what is refused, in which order.
  ["GET", "/proxies/a/toxics"],
  ["GET", "/proxies/z/toxics"],
  ["POST", "/proxies/z/toxics", "{}"],
  ["POST", "/proxies/a/toxics"],
  ["POST", "/proxies/a/toxics", "null"],
  ["POST", "/proxies/a/toxics", "[]"],
  ["POST", "/proxies/a/toxics", "{}"],
  ["POST", "/proxies/a/toxics", '{"type":1}'],
  ["POST", "/proxies/a/toxics", '{"type":"x","stream":"x"}'],
  ["POST", "/proxies/a/toxics", '{"type":"x"}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","stream":""}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","stream":"Upstream","name":"case"}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","attributes":3}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","attributes":[]}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","toxicity":"x"}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","toxicity":true}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","toxicity":1e39}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","attributes":{"latency":"s"}}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","attributes":{"latency":1.5}}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","attributes":{"latency":1e3}}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","attributes":{"latency":99999999999999999999}}'],
  ["POST", "/proxies/a/toxics", '{"type":"slicer","attributes":{"delay":"x"}}'],
  ["POST", "/proxies/a/toxics", '{"type":"reset_peer","attributes":{"timeout":true}}'],
  ["POST", "/proxies/a/toxics", '{"type":"timeout","attributes":{"timeout":{}}}'],
  ["POST", "/proxies/a/toxics", '{"type":"slow_close","attributes":{"delay":[]}}'],
  ["POST", "/proxies/a/toxics", '{"type":"limit_data","attributes":{"bytes":0.5}}'],
  ["POST", "/proxies/a/toxics", '{"type":"bandwidth","attributes":{"rate":"fast"}}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","attributes":{"latency":10,"jitter":2}}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","attributes":{"latency":"x"}}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency"}'],
  ["POST", "/proxies/a/toxics", '{"type":"latency","stream":"upstream","toxicity":0.3,"attributes":null}'],
  [
    "POST",
    "/proxies/a/toxics",
    '{"type":"bandwidth","name":"slow","attributes":{"RATE":5},"stream":null,"toxicity":null}',
  ],
  ["POST", "/proxies/a/toxics", '{"type":"slow_close","attributes":{"delay":7}}'],
  ["POST", "/proxies/a/toxics", '{"type":"timeout","attributes":{"timeout":0}}'],
  ["POST", "/proxies/a/toxics", '{"type":"reset_peer","attributes":{"timeout":3}}'],
  [
    "POST",
    "/proxies/a/toxics",
    '{"type":"slicer","attributes":{"average_size":3,"size_variation":1,"delay":9}}',
  ],
  ["POST", "/proxies/a/toxics", '{"type":"limit_data","attributes":{"bytes":70000}}'],
  ["POST", "/proxies/a/toxics", '{"type":"noop","toxicity":-3,"attributes":{"any":1}}'],
  ["GET", "/proxies/a/toxics"],
  ["GET", "/proxies/a/toxics/slow"],
  ["GET", "/proxies/a/toxics/none"],
  ["GET", "/proxies/z/toxics/none"],
  ["PATCH", "/proxies/a/toxics/slow", '{"toxicity":0.25}'],
  ["POST", "/proxies/a/toxics/slow", '{"attributes":{"rate":6},"name":"x","stream":"upstream"}'],
  ["PATCH", "/proxies/a/toxics/slow", "{}"],
  ["PATCH", "/proxies/a/toxics/slow", "null"],
  ["PATCH", "/proxies/a/toxics/slow"],
  ["PATCH", "/proxies/a/toxics/slow", "[]"],
  ["PATCH", "/proxies/a/toxics/slow", '{"toxicity":"x"}'],
  ["PATCH", "/proxies/a/toxics/slow", '{"attributes":5}'],
  ["PATCH", "/proxies/a/toxics/slow", '{"attributes":{"rate":"x"}}'],
  ["PATCH", "/proxies/a/toxics/none"],
  ["PATCH", "/proxies/z/toxics/none"],
  ["PUT", "/proxies/a/toxics/slow", "{}"],
  ["GET", "/proxies/a"],
  ["DELETE", "/proxies/a/toxics/slow"],
  ["DELETE", "/proxies/a/toxics/slow"],
  ["DELETE", "/proxies/z/toxics/slow"],
  // Changes of a proxy.
  ["PATCH", "/proxies/z", "{}"],
  ["PATCH", "/proxies/a", "{}"],
  ["PATCH", "/proxies/a"],
  ["PATCH", "/proxies/a", "[]"],
  ["PATCH", "/proxies/a", '{"enabled":"false"}'],
  ["PATCH", "/proxies/a", '{"listen":"bad"}'],
  ["PATCH", "/proxies/a", '{"listen":"bad","upstream":"127.0.0.1:7","enabled":false}'],
  ["POST", "/proxies/a", '{"name":"other","enabled":false}'],
  ["GET", "/proxies/a"],
  ["PATCH", "/proxies/a", '{"enabled":true}'],
  ["PATCH", "/proxies/a", '{"upstream":"127.0.0.1:10"}'],
  // Alone from here on: a reset that fails at one has come to the others or not, as Go's map has it.
  ["DELETE", "/proxies/b"],
  ["DELETE", "/proxies/c"],
  ["PATCH", "/proxies/a", '{"listen":"127.0.0.1:BUSY"}'],
  ["GET", "/proxies/a"],
  ["POST", "/reset"],
  ["PATCH", "/proxies/a", '{"listen":"127.0.0.1:0","enabled":false}'],
  ["POST", "/proxies", '{"name":"b","upstream":"127.0.0.1:9","listen":"localhost:0","enabled":false}'],
  ["POST", "/reset", "anything"],
  ["GET", "/proxies"],
  // Many at once.
  ["POST", "/populate"],
  ["POST", "/populate", "{}"],
  ["POST", "/populate", "null"],
  ["POST", "/populate", "[]"],
  ["POST", "/populate", "[1]"],
  ["POST", "/populate", "[null]"],
  ["POST", "/populate", '[{"name":1}]'],
  ["POST", "/populate", '[{"name":"a","upstream":"x:1","enabled":3}]'],
  ["POST", "/populate", '[{"name":"a","upstream":"x:1"},{"name":"d"}]'],
  ["POST", "/populate", '[{"name":"d","upstream":"x:1","listen":"127.0.0.1:0"},{"upstream":"x:1"}]'],
  ["GET", "/proxies/d"],
  ["POST", "/populate", `[${MADE},{"name":"d","upstream":"x:1","listen":"127.0.0.1:0","enabled":false}]`],
  ["POST", "/proxies/d/toxics", '{"type":"latency"}'],
  ["POST", "/populate", '[{"name":"d","upstream":"x:1","listen":"127.0.0.1:0"}]'],
  [
    "POST",
    "/populate",
    '[{"name":"e","upstream":"x:1","listen":"127.0.0.1:0"},{"name":"f","upstream":"x:1","listen":"127.0.0.1:BUSY"},{"name":"g","upstream":"x:1"}]',
  ],
  ["GET", "/proxies"],
  ["DELETE", "/proxies/a"],
  ["DELETE", "/proxies/a"],
];

/** What must be the same. A port that was any free one is another one; `Logger` is a slip that we leave out. */
function comparable({ status, headers, body }: Answer): object {
  const text = body
    .replaceAll('"Logger":{},', "")
    .replaceAll(`:${busyPort}`, ":BUSY")
    .replaceAll(/127\.0\.0\.1:\d{4,5}/g, "127.0.0.1:ANY")
    // In any case of letters; it answers as it was written, and we as it is called.
    .replaceAll('"stream":"Upstream"', '"stream":"upstream"')
    .replace(/"version": "[^"]+"/, '"version": "…"');
  return {
    status,
    type: headers["content-type"],
    sniffing: headers["x-content-type-options"],
    hasRequestId: headers["x-toxiproxy-request-id"] !== undefined,
    body: text,
  };
}

test("every call has the answer that the real Toxiproxy gives", { timeout: 120_000 }, async (context) => {
  if (real === undefined) return context.skip(why);
  for (const [method, path, body, headers] of CALLS) {
    const filled = body?.replaceAll("BUSY", String(busyPort));
    const expected = await call(real.port, method, path, filled, headers);
    const ours = await call(relay.port, method, path, filled, headers);
    expect({ call: [method, path, body], ...comparable(ours) }).toEqual({
      call: [method, path, body],
      ...comparable(expected),
    });
  }
});

test("broken syntax has the same status and the same beginning; only the words about it are other ones", async (context) => {
  if (real === undefined) return context.skip(why);
  for (const body of ["hello", "{name:1}", '{"name":"a",}', "[1,]", '{"a":tru}']) {
    for (const { port } of [real, relay]) {
      const answer = await call(port, "POST", "/proxies", body);
      expect([body, answer.status, JSON.parse(answer.body)]).toEqual([
        body,
        400,
        { error: expect.stringMatching(/^bad request body: invalid character '.'/) as string, status: 400 },
      ]);
    }
  }
});

test("the same families of metrics, with the same labels", async (context) => {
  if (real === undefined) return context.skip(why);
  const families: string[][] = [];
  for (const { port } of [real, relay]) {
    const made = await call(
      port,
      "POST",
      "/proxies",
      `{"name":"m","listen":"127.0.0.1:0","upstream":"127.0.0.1:${busyPort}"}`,
    );
    const { listen } = JSON.parse(made.body) as { listen: string };
    await echo(Number(listen.split(":")[1]));
    const text = await untilCounted(port);
    const lines = text
      .split("\n")
      .filter((line) => line.startsWith("toxiproxy_") && line.includes('proxy="m"'));
    families.push(
      lines
        .map((line) => line.replaceAll(/127\.0\.0\.1:\d+/g, "ANY"))
        .map((line) =>
          line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(",").sort().join(",")}}`),
        )
        .sort(),
    );
  }
  expect(families[1]).toEqual(families[0]);
  expect(families[1]).toHaveLength(4);
});

interface Behaviour {
  readonly toxic: object;
  /** What the client sends, 50 ms after each other where there is more than one. */
  readonly sends: readonly string[];
  /** Then the toxic is removed. */
  readonly isRemoved?: true;
}

/** The server echoes. What the client has at its end must be the same, and how its connection ends. */
const BEHAVIOURS: readonly Behaviour[] = [
  { toxic: { type: "limit_data", attributes: { bytes: 7 } }, sends: ["0123456789"] },
  { toxic: { type: "limit_data", attributes: { bytes: 7 } }, sends: ["012", "345", "678", "9"] },
  { toxic: { type: "limit_data", attributes: { bytes: 0 } }, sends: ["a"] },
  { toxic: { type: "limit_data", stream: "upstream", attributes: { bytes: 3 } }, sends: ["ab", "cd"] },
  { toxic: { type: "timeout", attributes: { timeout: 120 } }, sends: ["a", "b", "c"] },
  { toxic: { type: "timeout", stream: "upstream", attributes: { timeout: 120 } }, sends: ["a"] },
  { toxic: { type: "timeout", attributes: { timeout: 0 } }, sends: ["a", "b"], isRemoved: true },
  { toxic: { type: "reset_peer", attributes: { timeout: 0 } }, sends: ["a"] },
  { toxic: { type: "reset_peer", attributes: { timeout: 60 } }, sends: ["a", "b"] },
];

test.for(BEHAVIOURS)("the same bytes and the same end: $toxic $sends", async (behaviour, context) => {
  if (real === undefined) return context.skip(why);
  const seen: object[] = [];
  for (const { port } of [real, relay]) seen.push(await ending(port, behaviour));
  expect(seen[1]).toEqual(seen[0]);
});

/** For both, so that the law is the same one. */
test.for([
  { toxic: { type: "latency", attributes: { latency: 150 } }, bytes: 10, atLeastMs: 150 },
  { toxic: { type: "bandwidth", attributes: { rate: 20 } }, bytes: 6_000, atLeastMs: 280 },
  { toxic: { type: "slicer", attributes: { average_size: 10, delay: 20_000 } }, bytes: 160, atLeastMs: 300 },
])("no byte is early: $toxic", async ({ toxic, bytes, atLeastMs }, context) => {
  if (real === undefined) return context.skip(why);
  for (const { port } of [real, relay]) {
    const listen = await proxyWith(port, toxic);
    const startMs = nowMs();
    expect(await echoed(listen, bytes)).toBe(bytes);
    expect(nowMs() - startMs).toBeGreaterThanOrEqual(atLeastMs);
  }
});

/** The port of a new proxy before the echo. */
async function proxyWith(port: number, toxic: object): Promise<number> {
  await call(port, "DELETE", "/proxies/t");
  const order = { name: "t", listen: "127.0.0.1:0", upstream: `127.0.0.1:${busyPort}` };
  const made = await call(port, "POST", "/proxies", JSON.stringify(order));
  expect(
    (await call(port, "POST", "/proxies/t/toxics", JSON.stringify({ ...toxic, name: "it" }))).status,
  ).toBe(200);
  return Number((JSON.parse(made.body) as { listen: string }).listen.split(":")[1]);
}

async function ending(port: number, { toxic, sends, isRemoved }: Behaviour): Promise<object> {
  const socket = connect({ port: await proxyWith(port, toxic), host: "127.0.0.1", noDelay: true });
  let text = "";
  let error: string | undefined;
  socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
  socket.on("error", ({ code }: NodeJS.ErrnoException) => (error = code));
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  for (const send of sends) {
    if (!socket.destroyed) socket.write(send);
    await Promise.race([sleep(50), closed]);
  }
  if (isRemoved) await call(port, "DELETE", "/proxies/t/toxics/it");
  await closed;
  return { text, isReset: error === "ECONNRESET" };
}

async function echoed(port: number, bytes: number): Promise<number> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.write("x".repeat(bytes));
  let count = 0;
  for await (const part of socket) {
    count += (part as Buffer).length;
    if (count >= bytes) break;
  }
  return count;
}

async function echo(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.write("hello");
  await once(socket, "data");
  socket.end();
  await once(socket, "close");
}

/** The real one counts when a connection has ended, a moment after its client saw that. */
async function untilCounted(port: number): Promise<string> {
  for (;;) {
    const { body } = await call(port, "GET", "/metrics");
    if ((body.match(/proxy="m".* 5$/gm) ?? []).length === 4) return body;
  }
}
