/** BFD in the configurations of a node and of a simulator that no lab starts: what `{}` means, and what is refused. */
import { expect, test } from "vitest";
import { nodeConfigOf, nodeSchema } from "#edge-nodes/config.ts";
import { simConfigOf, simSchema } from "#sim/serve/config.ts";

function node(bgp: Record<string, unknown>): unknown {
  return { id: "ny1-1", bgp: { router: "198.51.100.1:179", nextHop: "198.51.100.2", ...bgp } };
}

function sim(listen: string, router: Record<string, unknown>): unknown {
  const peer = { node: "ny1-1", as: 64_501, bgpId: "10.0.0.1", bfd: { address: "198.51.100.2" } };
  return { listen, routers: [{ site: "ny1", port: 179, ...router, peers: [peer] }] };
}

function problemsOf(parsed: {
  readonly error?: { readonly issues: readonly { path: unknown[] }[] };
}): string[] {
  return (parsed.error?.issues ?? []).map(({ path }) => path.join("."));
}

const TIMERS = { desiredMinTxMs: 100, requiredMinRxMs: 100, detectMultiplier: 3 };

test("a node without `bfd` has none; with `{}` it has the ports of RFC 5881 and 3 x 100 ms", () => {
  expect(nodeConfigOf(nodeSchema.parse(node({}))).bgp!.bfd).toBeUndefined();
  expect(nodeConfigOf(nodeSchema.parse(node({ bfd: {} }))).bgp!.bfd).toEqual({
    host: "198.51.100.2",
    port: 3784,
    sourcePort: 49_152,
    ...TIMERS,
    router: { host: "198.51.100.1", port: 3784 },
  });
});

test("a router that is named needs an address for BFD", () => {
  const named = { router: "router.example:179", bfd: {} };
  expect(problemsOf(nodeSchema.safeParse(node(named)))).toEqual(["bgp.bfd.router"]);
  const config = nodeSchema.parse(node({ ...named, bfd: { router: "198.51.100.9" } }));
  expect(nodeConfigOf(config).bgp!.bfd!.router).toEqual({ host: "198.51.100.9", port: 3784 });
});

test("a simulator's router speaks BFD from the host of `listen` to the peers that have it", () => {
  const config = simConfigOf(simSchema.parse(sim("198.51.100.1:8083", { bfd: { intervalMs: 50 } })), 1);
  expect(config.routers[0]!.bfd).toEqual({
    host: "198.51.100.1",
    port: 3784,
    sourcePort: 49_152,
    ...TIMERS,
    desiredMinTxMs: 50,
    requiredMinRxMs: 50,
  });
  expect(config.routers[0]!.peers[0]!.bfd).toEqual({ host: "198.51.100.2", port: 3784 });
});

test.each(["0.0.0.0:8083", "localhost:8083", "[::1]:8083"])(
  "from %s it has to be told which address",
  (listen) => {
    expect(problemsOf(simSchema.safeParse(sim(listen, { bfd: {} })))).toEqual(["routers.0.bfd.address"]);
    expect(simSchema.safeParse(sim(listen, { bfd: { address: "198.51.100.1" } })).success).toBe(true);
  },
);

test("times and multipliers outside their ranges are refused by name", () => {
  const bfd = { intervalMs: 5, detectMultiplier: 256, port: 0 };
  expect(problemsOf(nodeSchema.safeParse(node({ bfd }))).toSorted()).toEqual([
    "bgp.bfd.detectMultiplier",
    "bgp.bfd.intervalMs",
    "bgp.bfd.port",
  ]);
});
