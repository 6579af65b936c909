/** Active checks over sockets: what is asked, what passes, how a connection alone is checked. */
import { expect, test } from "vitest";
import { parseGatewayConfig } from "#gateway/config.ts";
import { ask, hang, until, withStand, type Stand } from "./stand.ts";

const FAST = { profile: "demo", path: "/health/ready" };

function healthOf({ status }: Stand): string[] {
  return status().nodes.map(({ health }) => health);
}

test("statuses and a text decide what passes", async () => {
  const health = { ...FAST, path: "/state", statuses: ["200", "418-419"], bodyContains: "all is well" };
  await withStand({ sites: { ny1: 3 }, document: { health } }, async (stand) => {
    const answers = [
      [418, "hm, all is well here"],
      [200, "all is lost"],
      [204, ""],
    ] as const;
    for (const [index, node] of stand.nodes.entries()) {
      node.handler = (_request, response) => response.writeHead(answers[index]![0]).end(answers[index]![1]);
    }
    await until(() => healthOf(stand).join() === "healthy,unhealthy,unhealthy");
    expect(stand.status().nodes[1]!.lastCheck).toMatch(/^200 in .*, without the text$/);
  });
});

test("a text beyond 64 KiB is not found", async () => {
  const health = { ...FAST, path: "/state", bodyContains: "end" };
  await withStand({ sites: { ny1: 2 }, document: { health } }, async (stand) => {
    stand.nodes[0]!.handler = (_request, response) => response.end(`${"x".repeat(60_000)}end`);
    stand.nodes[1]!.handler = (_request, response) => response.end(`${"x".repeat(70_000)}end`);
    await until(() => !healthOf(stand).includes("unproven"));
    expect(healthOf(stand)).toEqual(["healthy", "unhealthy"]);
  });
});

test("HEAD, and a connection of its own for each check", async () => {
  const health = { ...FAST, path: "/state", method: "HEAD", isConnectionReused: false };
  await withStand({ sites: { ny1: 1 }, document: { health } }, async (stand) => {
    const [node] = stand.nodes;
    await until(() => node!.seen.length >= 4);
    expect(new Set(node!.seen.map(({ method }) => method))).toEqual(new Set(["HEAD"]));
    expect(node!.connections).toBeGreaterThanOrEqual(4);
  });
});

test("tcp: whoever accepts a connection passes, whoever does not fails", async () => {
  const health = { profile: "demo", kind: "tcp" };
  await withStand({ sites: { ny1: 2 }, document: { health } }, async (stand) => {
    for (const node of stand.nodes) node.handler = hang;
    await until(() => healthOf(stand).join() === "healthy,healthy");
    await stand.node("ny1-2").kill();
    await until(() => healthOf(stand)[1] === "unhealthy");
    expect(stand.status().nodes[1]!.lastCheck).toBe("ECONNREFUSED");
    expect(stand.nodes.map(({ seen }) => seen.length)).toEqual([0, 0]);
  });
});

test("a node that answers with errors is taken out; requests go on", async () => {
  const document = { health: FAST, retry: { statuses: [] } };
  await withStand({ sites: { ny1: 2 }, document }, async (stand) => {
    await until(() => healthOf(stand).join() === "healthy,healthy");
    stand.node("ny1-1").handler = (_request, response) => response.writeHead(503).end();
    const statuses: number[] = [];
    for (let count = 0; count < 20; count++) statuses.push((await ask(stand.port)).status);
    expect(statuses.filter((status) => status === 503).length).toBe(5);
    expect(healthOf(stand)).toEqual(["ejected", "healthy"]);
    expect(stand.events).toContainEqual(
      expect.objectContaining({ node: "ny1-1", to: "ejected", reason: "5 gateway errors in a row" }),
    );
  });
});

test("a node whose checks fail comes back by a client's request that it answers; nobody else is sent there", async () => {
  const health = { ...FAST, path: "/state" };
  const document = { health, outlier: { probeIntervalMs: 50 } };
  await withStand({ sites: { ny1: 2 }, document }, async (stand) => {
    const { events, node, nodes, port } = stand;
    const answers = ({ id }: { readonly id: string }, state: number): void => {
      const each = node(id);
      each.handler = (request, response) =>
        request.url === "/state" ? void response.writeHead(state).end() : each.answer(response);
    };
    for (const each of nodes) answers(each, 200);
    await until(() => healthOf(stand).join() === "healthy,healthy");
    answers({ id: "ny1-1" }, 500);
    await until(() => healthOf(stand)[0] === "unhealthy");
    const isBack = (): boolean =>
      events.some((event) => "reason" in event && event.reason === "a probe was answered");
    let posts = 0;
    while (!isBack()) {
      // A request that may not be repeated is nobody's probe.
      const post = await ask(port, { method: "POST", body: "x", headers: { "content-length": "1" } });
      posts += Number(!isBack() && post.headers["x-edge-node"] === "ny1-1");
      expect((await ask(port)).status).toBe(200);
    }
    expect(posts).toBe(0);
  });
});

test("a node that fails more than its share, or is slower than its neighbours, is taken out at the interval's end", async () => {
  const outlier = { intervalMs: 1_000, requestsMin: 5, failurePercent: 40, shareMaxPercent: 100 };
  await withStand(
    { sites: { ny1: 3 }, document: { health: FAST, outlier: { ...outlier, latencyFactor: 5 } } },
    async (stand) => {
      const { events, node, port } = stand;
      await until(() => healthOf(stand).join() === "healthy,healthy,healthy");
      let count = 0;
      node("ny1-1").handler = (_request, response) => {
        count += 1;
        if (count % 2 === 0) response.writeHead(503).end();
        else node("ny1-1").answer(response);
      };
      const slow = node("ny1-2");
      slow.handler = (_request, response) => void setTimeout(() => slow.answer(response), 60);
      const reasons = (): string[] =>
        events.flatMap((event) =>
          event.kind === "gateway.node" && event.to === "ejected" ? [event.reason] : [],
        );
      while (reasons().length < 1) await Promise.all(Array.from({ length: 6 }, () => ask(port)));
      expect(reasons()[0]).toMatch(/^\d\d\.\d % of \d+ attempts failed$/);
      while (reasons().length < 2) await Promise.all(Array.from({ length: 6 }, () => ask(port)));
      expect(reasons()[1]).toMatch(/^answers take [\d.]+ ms, those of its site's others [\d.]+ ms$/);
      expect(healthOf(stand)[2]).toBe("healthy");
    },
  );
});

test.each([
  [{ statuses: ["300-200"] }, 'health.statuses.0: "300-200" ends before it begins'],
  [{ kind: "tcp", bodyContains: "x" }, "health.bodyContains: a tcp check reads nothing: use"],
  [{ method: "HEAD", bodyContains: "x" }, "health.bodyContains: the answer to HEAD has no body"],
  [{ statuses: ["2xx"] }, 'health.statuses.0: must be a status or a range of them, "204" or "200-299"'],
])("%j is refused", (health, expected) => {
  const parsed = parseGatewayConfig({
    sites: [{ id: "a", nodes: [{ id: "a-1", url: "http://127.0.0.1:1" }] }],
    health,
  });
  const issues = parsed.ok ? [] : parsed.issues.map(({ path, message }) => `${path}: ${message}`);
  expect(issues).toContainEqual(expect.stringContaining(expected));
});
