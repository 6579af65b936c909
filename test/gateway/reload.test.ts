/** A new configuration for a gateway that serves: nothing is lost, what is the same stays, what is wrong changes nothing. */
import { Agent } from "node:http";
import { expect, test } from "vitest";
import { parseGatewayConfig, type GatewayConfig } from "#gateway/config.ts";
import { changesOf } from "#gateway/reload/config-changes.ts";
import { ask, HEALTH_PATH, TOKEN, until, withStand, type Answer, type Stand } from "./stand.ts";

const FAST = { profile: "demo", path: HEALTH_PATH };

/** The stand's document with other nodes, and whatever else. */
function configOf({ nodes }: Stand, ids: readonly string[], rest: object = {}): GatewayConfig {
  const sites = [...new Set(nodes.filter(({ id }) => ids.includes(id)).map(({ site }) => site))];
  const parsed = parseGatewayConfig({
    listen: "127.0.0.1:0",
    admin: "127.0.0.1:0",
    sites: sites.map((site) => ({
      id: site,
      nodes: nodes
        .filter((node) => node.site === site && ids.includes(node.id))
        .map(({ id, url }) => ({ id, url })),
    })),
    health: FAST,
    ...rest,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.config;
}

function healthOf({ status }: Stand): string[] {
  return status().nodes.map(({ node, health }) => `${node} ${health}`);
}

test("a hundred reloads under load fail no request, and nodes come and go", async () => {
  await withStand({ sites: { ny1: 4 }, document: { health: FAST } }, async (stand) => {
    const { gateway, port } = stand;
    const agent = new Agent({ keepAlive: true, maxSockets: 10 });
    const answers: Answer[] = [];
    /** Nodes that answered requests which began and ended within the configuration in force. */
    let within: string[] = [];
    let configurations = 0;
    const over = new AbortController();
    const pump = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const before = configurations;
        const answer = await ask(port, { agent });
        answers.push(answer);
        // Between two configurations the nodes of either are right.
        if (before === configurations) within.push(String(answer.headers["x-edge-node"]));
      }
    };
    const pumps = Array.from({ length: 10 }, () => pump());
    for (let count = 0; count < 100; count++) {
      const [absent, newcomer] = count % 2 === 0 ? ["ny1-4", "ny1-1"] : ["ny1-1", "ny1-4"];
      const ids = stand.nodes.map(({ id }) => id).filter((id) => id !== absent);
      expect(gateway.reload(configOf(stand, ids)).isApplied).toBe(true);
      configurations += 1;
      within = [];
      // Now and then for as long as a new node needs to be proven.
      const isLong = count % 20 < 2;
      await until(() => within.length >= 5 && (!isLong || within.includes(newcomer)));
      expect(within).not.toContain(absent);
    }
    over.abort();
    await Promise.all(pumps);
    agent.destroy();
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(answers.map(({ headers }) => headers["x-edge-node"])).size).toBe(4);
    const { requests, nodes } = stand.status();
    expect(requests).toMatchObject({ failed: 0, active: 0, total: answers.length });
    expect(nodes.every(({ active }) => active === 0)).toBe(true);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('anycastle_config_reloads_total{result="applied"} 100');
  });
});

test("what both know stays: connections, health, an operator's drain; the rest is the file's", async () => {
  await withStand({ sites: { ny1: 3 }, document: { health: FAST } }, async (stand) => {
    const { gateway, node, port } = stand;
    await until(() => healthOf(stand).every((text) => text.endsWith(" healthy")));
    await node("ny1-1").kill();
    await until(() => healthOf(stand)[0] !== "ny1-1 healthy");
    await fetch(`${gateway.adminUrl}/nodes/ny1-2/drain`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: "{}",
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask(port, { agent });
    const before = healthOf(stand);
    const { attempts } = stand.status().nodes[2]!;
    const { seen } = node("ny1-3");
    const asked = seen.length;
    gateway.reload(configOf(stand, ["ny1-1", "ny1-2", "ny1-3"], { hedge: { isEnabled: false } }));
    expect(healthOf(stand)).toEqual(before);
    const connections = node("ny1-3").connections;
    await ask(port, { agent });
    agent.destroy();
    expect(seen.length).toBe(asked + 1);
    expect(stand.status().nodes[2]!.attempts).toBe(attempts + 1);
    // The checker opens one of its own; requests go on over the one that was there.
    expect(node("ny1-3").connections - connections).toBeLessThanOrEqual(1);
  });
});

test("an open request ends on the node that the new configuration does not have", async () => {
  await withStand({ sites: { ny1: 2 } }, async (stand) => {
    const finish: (() => void)[] = [];
    for (const node of stand.nodes) {
      node.handler = (_request, response) => void finish.push(() => node.answer(response));
    }
    const asked = ask(stand.port);
    await until(() => finish.length === 1);
    const gone = stand.nodes.find(({ seen }) => seen.length === 1)!;
    const left = stand.nodes.find(({ id }) => id !== gone.id)!;
    stand.gateway.reload(configOf(stand, [left.id]));
    finish[0]!();
    expect((await asked).headers["x-edge-node"]).toBe(gone.id);
    for (const node of stand.nodes) node.handler = (_request, response) => node.answer(response);
    for (let count = 0; count < 4; count++) {
      expect((await ask(stand.port)).headers["x-edge-node"]).toBe(left.id);
    }
    expect(gone.seen.length).toBe(1);
    expect(stand.status().nodes.map(({ node }) => node)).toEqual([left.id]);
  });
});

test("what an old request finds out is known to the new configuration", async () => {
  await withStand({ sites: { ny1: 1, la1: 1 } }, async (stand) => {
    const node = stand.node("ny1-1");
    let die: () => void = () => undefined;
    node.handler = (request) => void (die = () => request.socket.resetAndDestroy());
    const asked = ask(stand.port);
    await until(() => node.seen.length === 1);
    stand.gateway.reload(configOf(stand, ["ny1-1", "la1-1"], { health: { path: HEALTH_PATH } }));
    die();
    expect((await asked).headers["x-edge-route"]).toBe("la1");
    expect(healthOf(stand)[0]).toBe("ny1-1 ejected");
  });
});

test("what needs other sockets is refused whole, and told", async () => {
  await withStand({ sites: { ny1: 2 } }, async (stand) => {
    const config = configOf(stand, ["ny1-1"], { admin: "off", limits: { headerBytesMax: 2_048 } });
    const result = stand.gateway.reload(config);
    expect(result).toMatchObject({
      isApplied: false,
      reason: "admin, limits.headerBytesMax cannot change while it runs: restart the gateway",
    });
    expect(stand.status().nodes.length).toBe(2);
    expect(stand.events).toContainEqual(
      expect.objectContaining({ kind: "gateway.reload", isApplied: false }),
    );
    const metrics = await (await fetch(`${stand.gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain("anycastle_config_last_reload_successful 0");
  });
});

test("changes are told by path, nodes by id whatever their place", () => {
  const site = (...nodes: object[]): object => ({ sites: [{ id: "ny1", nodes }], health: { intervalMs: 5 } });
  expect(
    changesOf(site({ id: "a", weight: 1 }, { id: "b", weight: 1 }), {
      ...site({ id: "c", weight: 1 }, { id: "b", weight: 2 }),
      health: { intervalMs: 6 },
    }),
  ).toEqual([
    { path: "sites.ny1.nodes.a", before: '{"id":"a","weight":1}', after: undefined },
    { path: "sites.ny1.nodes.b.weight", before: "1", after: "2" },
    { path: "sites.ny1.nodes.c", before: undefined, after: '{"id":"c","weight":1}' },
    { path: "health.intervalMs", before: "5", after: "6" },
  ]);
  expect(changesOf(site({ id: "a" }, { id: "b" }), site({ id: "b" }, { id: "a" }))).toEqual([]);
  // What JSON would call empty.
  const limits = (...rates: [string, number][]): object => ({ rates: new Map(rates), sites: new Set([1]) });
  expect(changesOf(limits(["a", 1], ["b", 1]), { ...limits(["a", 2]), sites: new Set([1, 2]) })).toEqual([
    { path: "rates.a", before: "1", after: "2" },
    { path: "rates.b", before: "1", after: undefined },
    { path: "sites", before: "[1]", after: "[1,2]" },
  ]);
});
