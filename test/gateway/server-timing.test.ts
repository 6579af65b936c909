/** `Server-Timing`: who gets it, what it says, and where it must not be kept. */
import { expect, test } from "vitest";
import { HOST_CLOCK } from "#gateway/gateway-clock.ts";
import { timingText } from "#gateway/telemetry/server-timing.ts";
import { ask, reset, until, withStand } from "./stand.ts";

const ASKING = { "x-server-timing": "1" };

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

test.each([
  ["0", undefined],
  ["", undefined],
  ["1, 1", undefined],
])("asked for with %j it is not asked for", async (value, expected) => {
  await withStand({ sites: { ny1: 1 }, document: { serverTiming: "on-request" } }, async ({ port }) => {
    const { headers } = await ask(port, { headers: { "x-server-timing": value } });
    expect(headers["server-timing"]).toBe(expected);
  });
});

test("off, nobody gets it", async () => {
  await withStand({ sites: { ny1: 1 } }, async ({ port }) => {
    expect((await ask(port, { headers: ASKING })).headers["server-timing"]).toBe(undefined);
  });
});

test.each([
  [["127.0.0.1"], true],
  [["10.0.0.0/8"], false],
  [[], false],
])("on-trusted-request, with %j trusted", async (trustedProxies, isTold) => {
  const document = { serverTiming: "on-trusted-request", trustedProxies };
  await withStand({ sites: { ny1: 1 }, document }, async ({ port }) => {
    expect((await ask(port)).headers["server-timing"]).toBe(undefined);
    const { headers } = await ask(port, { headers: ASKING });
    expect(headers["server-timing"] !== undefined).toBe(isTold);
  });
});

test("when nobody answers it says how often it was tried", async () => {
  await withStand({ document: { serverTiming: "on-request" } }, async ({ nodes, port }) => {
    for (const node of nodes) node.handler = reset;
    const { headers, status } = await ask(port, { headers: ASKING });
    expect(status).toBe(502);
    expect(headers["server-timing"]).toMatch(/^gateway;dur=[\d.]+, attempts;desc="2"$/);
  });
});

test("time in line is told apart", async () => {
  let laterMs = 0;
  const clock = { ...HOST_CLOCK, nowMs: () => HOST_CLOCK.nowMs() + laterMs };
  const document = { serverTiming: "on-request", admission: { activeMax: 1, waitingMax: 1 } };
  await withStand({ sites: { ny1: 1 }, document, clock }, async ({ node, port }) => {
    const held: (() => void)[] = [];
    node("ny1-1").handler = (_request, response) => void held.push(() => node("ny1-1").answer(response));
    const first = ask(port);
    await until(() => held.length === 1);
    // One of two stands in line when the other one has been turned away.
    const rivals = [ask(port, { headers: ASKING }), ask(port, { headers: ASKING })];
    expect((await Promise.race(rivals)).status).toBe(503);
    laterMs = 1_000;
    held[0]!();
    await first;
    await until(() => held.length === 2);
    held[1]!();
    const [timing] = (await Promise.all(rivals)).flatMap(({ headers }) => headers["server-timing"] ?? []);
    const [, gatewayMs, waitMs] = /^gateway;dur=([\d.]+), wait;dur=([\d.]+), node;/.exec(timing!)!;
    expect(Number(waitMs)).toBeGreaterThanOrEqual(1_000);
    expect(Number(gatewayMs)).toBeLessThan(1_000);
  });
});

test("what one client asked for is not kept for others, the node's own neither", async () => {
  await withStand(
    { sites: { ny1: 1 }, document: { cache: {}, serverTiming: "on-request" } },
    async (stand) => {
      stand.node("ny1-1").handler = (_request, response) =>
        response.writeHead(200, { "cache-control": "max-age=60", "server-timing": "db;dur=5" }).end("kept");
      const asked = await ask(stand.port, { headers: ASKING });
      expect(asked.headers["server-timing"]).toContain("gateway;dur=");
      const hit = await ask(stand.port);
      expect(hit.headers["cache-status"]).toBe("anycastle; hit");
      expect(hit.headers["server-timing"]).toBe(undefined);
    },
  );
});

test("parts add up, and none is below nothing", () => {
  const node = { id: "a1", tookMs: 4 };
  expect(timingText({ totalMs: 10, waitMs: 5, attempts: 2, node })).toBe(
    'gateway;dur=1.0, wait;dur=5.0, node;desc="a1";dur=4.0, attempts;desc="2"',
  );
  expect(timingText({ totalMs: 3.99, waitMs: undefined, attempts: 1, node })).toBe(
    'gateway;dur=0.0, node;desc="a1";dur=4.0, attempts;desc="1"',
  );
});
