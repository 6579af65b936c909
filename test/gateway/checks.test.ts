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
