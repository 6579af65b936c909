import { expect, test } from "vitest";
import { planCast, type CastSettings } from "#lab/cast-plan.ts";

const SETTINGS: CastSettings = {
  seed: 1,
  mode: "anycast",
  nodesPerSite: 2,
  holdTimeS: 9,
  bfd: { intervalMs: 100, multiplier: 3 },
  thinkTimeMs: 0,
  drain: { quietMs: 0, maxMs: 0 },
  gatewayHost: "127.0.0.1",
  gatewayPort: 8080,
};

test("each node and its router know each other's BFD by the port it sends from, and no port is used twice", async () => {
  const { nodes, sim } = await planCast(SETTINGS);
  const ports = new Set<number>();
  for (const { node, site, bgp } of nodes) {
    const router = sim.routers.find((candidate) => candidate.site === site)!;
    const own = bgp!.bfd!;
    ports.add(own.port).add(router.bfd!.port);
    expect(own.router).toEqual({ host: "127.0.0.1", port: router.bfd!.port, sourcePort: router.bfd!.port });
    expect(router.peers.find((peer) => peer.node === node)!.bfd).toEqual({
      host: "127.0.0.1",
      port: own.port,
      sourcePort: own.port,
    });
  }
  expect(ports.size).toBe(18 + 9);
});

test("a router misses a node after 3 x 100 ms; a node is slower to miss the process that holds all routers", async () => {
  const { nodes, sim } = await planCast(SETTINGS);
  const timers = { desiredMinTxMs: 100, requiredMinRxMs: 100 };
  expect(nodes[0]!.bgp!.bfd).toMatchObject({ ...timers, detectMultiplier: 3 });
  expect(sim.routers[0]!.bfd).toMatchObject({ ...timers, detectMultiplier: 10 });
});

test("without BFD nobody is told of it", async () => {
  const { nodes, sim } = await planCast({ ...SETTINGS, bfd: undefined });
  expect(nodes.some(({ bgp }) => bgp?.bfd !== undefined)).toBe(false);
  expect(
    sim.routers.some(({ bfd, peers }) => bfd !== undefined || peers.some((peer) => peer.bfd !== undefined)),
  ).toBe(false);
});
