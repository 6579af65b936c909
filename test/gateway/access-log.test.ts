/** A name and a line for each request. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseGatewayConfig } from "#gateway/config.ts";
import { AccessLog, type AccessLogOptions, type LoggedRequest } from "#gateway/telemetry/access-log.ts";
import { RequestIds } from "#gateway/telemetry/request-id.ts";
import { ask, reset, until, withStand, type Stand } from "./stand.ts";

const dir = mkdtempSync(join(tmpdir(), "anycastle-access-"));
afterAll(() => rmSync(dir, { recursive: true }));

interface Line {
  readonly level: string;
  readonly request_id: string;
  readonly success: boolean;
  readonly context: {
    readonly method: string;
    readonly path: string;
    readonly status: number;
    readonly outcome: string;
    readonly failure?: string;
    readonly bytes: number;
    readonly attempts: readonly { readonly node: string; readonly outcome: string; readonly hedge?: true }[];
  };
}

function linesOf(file: string): Line[] {
  const text = readFileSync(file, "utf8");
  return text === ""
    ? []
    : text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Line);
}

function logTo(file: string, rest: Partial<AccessLogOptions> = {}): AccessLog {
  const lines = { written: 0, dropped: 0 };
  return new AccessLog({ file, sampleSuccess: 1, isQueryLogged: false, version: "0", lines, ...rest });
}

function requestOf(requestId: string, rest: Partial<LoggedRequest> = {}): LoggedRequest {
  return {
    requestId,
    client: "c",
    vantage: "v",
    method: "GET",
    path: "/",
    status: 200,
    outcome: "ok",
    failure: undefined,
    durationMs: 1,
    bytes: 0,
    attempts: [],
    ...rest,
  };
}

function idsSeen({ nodes }: Stand): string[] {
  return nodes.flatMap(({ seen }) =>
    seen.map(({ rawHeaders }) => rawHeaders[rawHeaders.findIndex((name) => name === "x-request-id") + 1]!),
  );
}

test("a request has one name, to the node and to the client; a plain one of the client's is kept", async () => {
  await withStand({}, async (stand) => {
    const made = await ask(stand.port);
    const kept = await ask(stand.port, { headers: { "X-Request-Id": "order-17:a" } });
    const forged = await ask(stand.port, { headers: { "x-request-id": 'a b","x":"' } });
    const ids = [made, kept, forged].map(({ headers }) => headers["x-request-id"]);
    expect(ids[1]).toBe("order-17:a");
    expect(ids[0]).toMatch(/^[\w-]{8}-1$/);
    expect(ids[2]).toMatch(/^[\w-]{8}-2$/);
    expect(new Set(idsSeen(stand))).toEqual(new Set(ids));
    for (const node of stand.nodes) await node.kill();
    expect((await ask(stand.port, { headers: { "x-request-id": "lost" } })).headers["x-request-id"]).toBe(
      "lost",
    );
  });
});

test("a node's own name for it is not doubled, and with `requestId: false` nothing is added", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ nodes, port }) => {
    nodes[0]!.handler = (_request, response) => response.writeHead(200, { "x-request-id": "own" }).end();
    expect((await ask(port)).rawHeaders.filter((name) => name.toLowerCase() === "x-request-id").length).toBe(
      1,
    );
  });
  await withStand({ document: { requestId: false } }, async (stand) => {
    expect((await ask(stand.port)).headers["x-request-id"]).toBe(undefined);
    await ask(stand.port, { headers: { "x-request-id": "through" } });
    expect(idsSeen(stand)).toContain("through");
  });
});

test("ids: short and plain ones are kept, others are made, no two alike", () => {
  const ids = new RequestIds("gw");
  expect([ids.of("a"), ids.of("x".repeat(128))]).toEqual(["a", "x".repeat(128)]);
  expect([undefined, "", "x".repeat(129), "a\nb", "é"].map((given) => ids.of(given))).toEqual([
    "gw-1",
    "gw-2",
    "gw-3",
    "gw-4",
    "gw-5",
  ]);
});

test("a line tells what was asked, who answered and after what", async () => {
  const file = join(dir, "told.log");
  await withStand({ sites: { ny1: 1, la1: 1 }, document: { accessLog: { file } } }, async (stand) => {
    await ask(stand.port, { path: "/a?b=c", headers: { "x-request-id": "one" } });
    stand.node("ny1-1").handler = reset;
    await ask(stand.port, { headers: { "x-request-id": "two" } });
    stand.node("la1-1").handler = reset;
    await ask(stand.port, {
      method: "POST",
      body: "x",
      headers: { "content-length": "1", "x-request-id": "three" },
    });
  });
  const [one, two, three] = linesOf(file);
  expect(one).toMatchObject({
    level: "info",
    service: "anycastle-gateway",
    event_type: "request",
    request_id: "one",
    success: true,
    context: {
      client: "127.0.0.1",
      vantage: "default",
      method: "GET",
      path: "/a",
      status: 200,
      bytes: 6,
    },
  });
  expect(two).toMatchObject({
    level: "warn",
    success: true,
    context: {
      outcome: "rescued",
      attempts: [
        { node: "ny1-1", outcome: "reset" },
        { node: "la1-1", outcome: "answered" },
      ],
    },
  });
  expect(three).toMatchObject({
    level: "error",
    success: false,
    context: {
      status: 502,
      outcome: "failed",
      failure: expect.stringMatching(/^[CD]; cause=reset$/) as string,
    },
  });
});

test.each([
  ["is for the client and the node alone", {}, ["/a", "/b", "/c"]],
  [
    "is written where that is asked for",
    { isQueryLogged: true },
    ["/a?key=s3cret", "/b?", "/c?key=s3cret?d"],
  ],
])("a query %s: of requests that are answered, fail, or come from the cache", async (what, keys, paths) => {
  const file = join(dir, `${what}.log`);
  const document = { accessLog: { file, ...keys }, cache: {} };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    stand.node("ny1-1").handler = (_request, response) =>
      response.writeHead(200, { "cache-control": "max-age=60", "content-length": 0 }).end();
    for (let count = 0; count < 2; count++) await ask(stand.port, { path: "/a?key=s3cret" });
    stand.node("ny1-1").handler = reset;
    await ask(stand.port, { path: "/b?" });
    const lost = await ask(stand.port, { path: "/c?key=s3cret?d" });
    expect(`${lost.status} ${JSON.stringify(lost.headers)} ${lost.body.toString()}`).not.toContain("s3cret");
    for (const path of ["/metrics", "/stats", "/status", "/api/v1/why?path=/c?key=s3cret"]) {
      const page = await fetch(`${stand.gateway.adminUrl}${path}`);
      expect(await page.text()).not.toContain("s3cret");
    }
    const targets = stand.nodes.flatMap(({ seen }) => seen.map(({ url }) => url));
    expect(targets).toEqual(expect.arrayContaining(["/a?key=s3cret", "/b?", "/c?key=s3cret?d"]));
    expect(JSON.stringify(stand.events)).not.toContain("s3cret");
  });
  const [a, b, c] = paths;
  expect(linesOf(file).map(({ context }) => context.path)).toEqual([a, a, b, c]);
});

test("of successes a share, the same wherever the request passes; of everything else all", () => {
  const log = logTo("stdout", { sampleSuccess: 0.25 });
  const wanted = Array.from({ length: 4_000 }, (_, id) => log.wants(requestOf(`id-${id}`)));
  expect(Math.abs(wanted.filter(Boolean).length - 1_000)).toBeLessThan(120);
  expect(Array.from({ length: 4_000 }, (_, id) => log.wants(requestOf(`id-${id}`)))).toEqual(wanted);
  expect(
    Array.from({ length: 50 }, (_, id) => log.wants(requestOf(`id-${id}`, { outcome: "failed" }))).every(
      Boolean,
    ),
  ).toBe(true);
});

test("nothing a client sends begins a line of its own", async () => {
  const file = join(dir, "forged.log");
  const log = logTo(file);
  log.write(requestOf("a", { path: `/\n{"level":"info"}\r\u2028${"x".repeat(5_000)}` }));
  await log.close();
  const lines = linesOf(file);
  expect([lines.length, lines[0]!.context.path.length]).toEqual([1, 2_048]);
});

test("a reload opens the file again, and one that cannot be written costs lines only", async () => {
  const file = join(dir, "rotated.log");
  writeFileSync(file, "");
  await withStand({ sites: { ny1: 1 }, document: { accessLog: { file } } }, async (stand) => {
    await ask(stand.port);
    await until(() => linesOf(file).length === 1);
    renameSync(file, `${file}.1`);
    const { nodes } = stand;
    const parsed = parseGatewayConfig({
      listen: "127.0.0.1:0",
      admin: "127.0.0.1:0",
      sites: [{ id: "ny1", nodes: nodes.map(({ id, url }) => ({ id, url })) }],
      accessLog: { file },
    });
    if (!parsed.ok) throw new Error("the document is good");
    stand.gateway.reload(parsed.config);
    await ask(stand.port);
    await until(() => linesOf(file).length === 1);
    expect(linesOf(`${file}.1`).length).toBe(1);
    const without = { ...parsed.config, accessLog: undefined };
    expect(stand.gateway.reload(without).isApplied).toBe(true);
    expect(await (await fetch(`${stand.gateway.adminUrl}/metrics`)).text()).toContain(
      'anycastle_access_log_lines_total{result="written"} 2',
    );
  });
  const nowhere = { accessLog: { file: join(dir, "no", "such", "dir.log") } };
  await withStand({ document: nowhere }, async ({ gateway, port }) => {
    expect((await ask(port)).status).toBe(200);
    expect((await ask(port)).status).toBe(200);
    const metrics = async (): Promise<string> => (await fetch(`${gateway.adminUrl}/metrics`)).text();
    await until(async () =>
      (await metrics()).includes('anycastle_access_log_lines_total{result="dropped"} 2'),
    );
  });
});

test("a line counts as written when the disk has it", async () => {
  const lines = { written: 0, dropped: 0 };
  const full = logTo("/dev/full", { lines });
  full.write(requestOf("a"));
  full.write(requestOf("b"));
  await full.close();
  expect(lines).toEqual({ written: 0, dropped: 2 });
  const log = logTo(join(dir, "good.log"), { lines });
  log.write(requestOf("c"));
  await log.close();
  expect(lines).toEqual({ written: 1, dropped: 2 });
});

test("what was logged before a rotation is waited for, and a lost file is opened once", async () => {
  const file = join(dir, "moved.log");
  const lines = { written: 0, dropped: 0 };
  const log = logTo(file, { lines });
  for (let count = 0; count < 3; count++) {
    log.write(requestOf(`${count}`));
    log.reopen();
  }
  await log.close();
  const ids = linesOf(file).map((line) => line.request_id);
  expect([ids.toSorted(), lines.written]).toEqual([["0", "1", "2"], 3]);
});
