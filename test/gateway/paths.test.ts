/** Path patterns over sockets: pools, limits, repeats, the cache. */
import { expect, test } from "vitest";
import { ask, reset, until, withStand, type Stand } from "./stand.ts";

const POST = { method: "POST", body: "x", headers: { "content-length": "1" } };

async function siteOf({ port }: Stand, path: string): Promise<string> {
  const { headers, status } = await ask(port, { path });
  return `${status} ${String(headers["x-edge-route"])}`;
}

test("a pattern's requests are asked at its sites alone, others as ever; `why` tells", async () => {
  const document = { paths: [{ id: "files", match: ["/files/**"], sites: ["la1"] }] };
  await withStand({ sites: { ny1: 1, la1: 1 }, document }, async (stand) => {
    expect([await siteOf(stand, "/"), await siteOf(stand, "/files/a?b")]).toEqual(["200 ny1", "200 la1"]);
    await stand.node("la1-1").kill();
    expect((await ask(stand.port, { path: "/files/a" })).status).toBe(502);
    expect(await siteOf(stand, "/")).toBe("200 ny1");
    expect(stand.node("ny1-1").seen.every(({ url }) => url === "/")).toBe(true);
    const why = await fetch(`${stand.gateway.adminUrl}/api/v1/why?path=/files/x`);
    expect(await why.json()).toMatchObject({ pattern: "files", sites: [{ site: "la1" }] });
  });
});

test("a limit of its own: 429 with its own reason, and nobody else is touched", async () => {
  const rateLimit = { requestsPerSecond: 0.1, burst: 2 };
  const document = { paths: [{ id: "search", match: ["/search"], rateLimit }] };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    const statuses: number[] = [];
    for (let count = 0; count < 3; count++)
      statuses.push((await ask(stand.port, { path: "/search" })).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await ask(stand.port)).status).toBe(200);
    const metrics = await (await fetch(`${stand.gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('anycastle_admission_refused_total{reason="path-rate"} 1');
    // A reload gives no new burst.
    stand.gateway.reload({ ...stand.config, hasRequestId: false });
    expect((await ask(stand.port, { path: "/search" })).status).toBe(429);
  });
});

test("repeats of what may have been executed only where its nodes tell them apart", async () => {
  const document = { paths: [{ id: "orders", match: ["/orders"], retryNonIdempotent: true }] };
  await withStand({ sites: { ny1: 2 }, document }, async (stand) => {
    stand.node("ny1-1").handler = reset;
    expect((await ask(stand.port, { ...POST, path: "/orders" })).status).toBe(200);
    expect(stand.nodes.map(({ seen }) => seen.length)).toEqual([1, 1]);
  });
  await withStand({ sites: { ny1: 2 }, document }, async (stand) => {
    stand.node("ny1-1").handler = reset;
    expect((await ask(stand.port, { ...POST, path: "/other" })).status).toBe(502);
  });
});

test("hedged or kept in the cache only where it should be", async () => {
  const paths = [{ id: "live", match: ["/live"], isHedged: false, isCached: false }];
  const hedge = { initialDelayMs: 20, floorMs: 10 };
  await withStand({ sites: { ny1: 2 }, document: { paths, hedge, cache: {} } }, async (stand) => {
    for (const node of stand.nodes) {
      node.handler = (_request, response) => {
        response.writeHead(200, { "cache-control": "max-age=60" }).end("x");
      };
    }
    for (const path of ["/live", "/live", "/kept", "/kept"]) await ask(stand.port, { path });
    expect(stand.nodes.flatMap(({ seen }) => seen.map(({ url }) => url)).toSorted()).toEqual([
      "/kept",
      "/live",
      "/live",
    ]);
    const held: (() => void)[] = [];
    for (const node of stand.nodes) {
      node.handler = (_request, response) => void held.push(() => node.answer(response));
    }
    const live = ask(stand.port, { path: "/live" });
    const other = ask(stand.port, { path: "/other" });
    // One of each, and one hedge.
    await until(() => held.length === 3);
    for (const finish of held) finish();
    expect([(await live).status, (await other).status]).toEqual([200, 200]);
    expect(stand.nodes.flatMap(({ seen }) => seen).filter(({ url }) => url === "/live").length).toBe(3);
  });
});
