/**
 * A node and its site's router over real sockets, BGP and BFD: what ends a session, what does not, and what comes back.
 * The node is in this process, so a slow box stalls both ends alike; everything that is waited for is an event.
 */
import { createSocket } from "node:dgram";
import { PassThrough } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { encodeBfd } from "#bgp/bfd/packet.ts";
import { EventChannel } from "#core/host/event-channel.ts";
import type { BfdConfig, NodeConfig, SimConfig } from "#core/wire/cast.ts";
import type { EventBody, EventKind } from "#core/wire/events.ts";
import { EdgeNode } from "#edge-nodes/edge-node.ts";
import { freePorts } from "#lab/ports.ts";
import { Simulator } from "#sim/serve/simulator.ts";

const HOST = "127.0.0.1";
const PREFIX = "203.0.113.0/24";
const NODE_AS = 65_001;
const ROUTER_AS = 64_500;
const HOLD_S = 60;
const NODE = "ny1-1";
const TIMERS = { desiredMinTxMs: 40, requiredMinRxMs: 40, detectMultiplier: 3 };

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

type EventOf<K extends EventKind> = Extract<EventBody, { kind: K }>;

/** Events as they come, and waits for one from now on. */
class Journal {
  readonly all: EventBody[] = [];
  #waiting: { readonly isIt: (event: EventBody) => boolean; readonly resolve: (event: EventBody) => void }[] =
    [];

  add(event: EventBody): void {
    this.all.push(event);
    const met = this.#waiting.filter(({ isIt }) => isIt(event));
    this.#waiting = this.#waiting.filter((waiting) => !met.includes(waiting));
    for (const { resolve } of met) resolve(event);
  }

  /** The first one from `from` on, which may still be to come. */
  async until<K extends EventKind>(kind: K, fields: Partial<EventOf<K>> = {}, from = 0): Promise<EventOf<K>> {
    const isIt = (event: EventBody): boolean =>
      event.kind === kind && Object.entries(fields).every(([name, value]) => Object(event)[name] === value);
    const seen = this.all.slice(from).find(isIt);
    if (seen !== undefined) return seen as EventOf<K>;
    return new Promise((resolve) =>
      this.#waiting.push({ isIt, resolve: (event) => resolve(event as EventOf<K>) }),
    );
  }

  of<K extends EventKind>(kind: K): EventOf<K>[] {
    return this.all.filter((event): event is EventOf<K> => event.kind === kind);
  }
}

interface Stand {
  readonly simulator: Simulator;
  readonly journal: Journal;
  readonly bfdPorts: { readonly router: number; readonly node: number };
  startNode(withBfd?: boolean): Promise<EdgeNode>;
}

async function stand(): Promise<Stand> {
  const [routerPort, nodePort] = (await freePorts(HOST, 2, "udp")) as [number, number];
  const journal = new Journal();
  const router: BfdConfig = { host: HOST, port: routerPort, ...TIMERS };
  const config: SimConfig = {
    process: "sim",
    seed: 5,
    host: HOST,
    httpPort: 0,
    holdTimeS: HOLD_S,
    prefix: PREFIX,
    routers: [
      {
        site: "ny1",
        port: 0,
        as: ROUTER_AS,
        bgpId: "10.0.0.254",
        bfd: router,
        peers: [
          {
            node: NODE,
            as: NODE_AS,
            bgpId: "10.0.0.1",
            bfd: { host: HOST, port: nodePort, sourcePort: nodePort },
          },
        ],
      },
    ],
  };
  const simulator = new Simulator(config, (body) => journal.add(body));
  await simulator.start();
  cleanUps.push(() => simulator.stop("end of test"));
  return {
    simulator,
    journal,
    bfdPorts: { router: routerPort, node: nodePort },
    startNode: (withBfd = true) =>
      startNode(simulator, journal, withBfd ? { routerPort, nodePort } : undefined),
  };
}

async function startNode(
  simulator: Simulator,
  journal: Journal,
  ports: { readonly routerPort: number; readonly nodePort: number } | undefined,
): Promise<EdgeNode> {
  const output = new PassThrough();
  let held = "";
  output.on("data", (chunk: Buffer) => {
    const lines = (held + chunk.toString()).split("\n");
    held = lines.pop()!;
    for (const line of lines) journal.add(JSON.parse(line) as EventBody);
  });
  const config: NodeConfig = {
    process: "node",
    node: NODE,
    site: "ny1",
    host: HOST,
    httpPort: 0,
    thinkTimeMs: 0,
    drain: { quietMs: 0, maxMs: 50 },
    bgp: {
      routerHost: HOST,
      routerPort: simulator.routerPort("ny1")!,
      localAs: NODE_AS,
      routerAs: ROUTER_AS,
      bgpId: "10.0.0.1",
      prefix: PREFIX,
      nextHop: "203.0.113.1",
      holdTimeS: HOLD_S,
      connectRetryMs: 25,
      ...(ports === undefined
        ? {}
        : {
            bfd: {
              host: HOST,
              port: ports.nodePort,
              ...TIMERS,
              router: { host: HOST, port: ports.routerPort, sourcePort: ports.routerPort },
            },
          }),
    },
  };
  const channel = new EventChannel(NODE, output as unknown as NodeJS.WriteStream);
  const node = new EdgeNode(config, channel, () => undefined);
  await node.start();
  cleanUps.push(() => node.terminate());
  return node;
}

async function bothUp(journal: Journal, from = 0): Promise<void> {
  await Promise.all([
    journal.until("bfd.session", { by: "router", state: "up" }, from),
    journal.until("bfd.session", { by: "node", state: "up" }, from),
    journal.until("site.announced", {}, from),
  ]);
}

test("silence on the wire withdraws the site by BFD, long before the hold timer, and both sessions come back", async () => {
  const { simulator, journal, startNode } = await stand();
  const node = await startNode();
  await bothUp(journal);
  node.command({ do: "cut", what: "bgp" });
  const [byRouter, byNode, withdrawn] = await Promise.all([
    journal.until("bfd.session", { by: "router", state: "down" }),
    journal.until("bfd.session", { by: "node", state: "down" }),
    journal.until("site.withdrawn"),
  ]);
  expect(byRouter.detectMs).toBeGreaterThanOrEqual(3 * TIMERS.requiredMinRxMs);
  expect(byNode.detectMs).toBeGreaterThanOrEqual(3 * TIMERS.requiredMinRxMs);
  expect(withdrawn.reason).toMatch(/^ny1-1: BFD down: nothing heard for \d+ ms$/);
  expect(simulator.status().sites[0]!.nodes[0]).toMatchObject({ session: "down", bfd: "down" });

  const from = journal.all.length;
  node.command({ do: "restore" });
  await bothUp(journal, from);
  expect(simulator.status().sites[0]!.nodes[0]).toMatchObject({ session: "up", bfd: "up" });
});

test("a clean goodbye is Cease, then AdminDown, and no alarm", async () => {
  const { journal, startNode } = await stand();
  const node = await startNode();
  await bothUp(journal);
  node.terminate();
  // Cease first: a router that takes AdminDown for a failure (BIRD) would else never hear of a goodbye.
  await journal.until("router.session", { state: "down", reason: "peer sent NOTIFICATION 6/2" });
  await journal.until("bfd.session", { by: "node", state: "admin-down" });
  expect(journal.of("bfd.session").filter(({ detectMs }) => detectMs !== null)).toEqual([]);
  expect(journal.of("router.session").at(-1)!.reason).not.toContain("BFD");
});

test("a drained node's BFD is switched off, its BGP session stays, and undrain brings BFD back", async () => {
  const { simulator, journal, startNode } = await stand();
  const node = await startNode();
  await bothUp(journal);
  node.command({ do: "drain" });
  const off = await journal.until("bfd.session", { by: "router", state: "admin-down" });
  expect(off.reason).toBe("the neighbor was switched off");
  expect(simulator.status().sites[0]!.nodes[0]).toMatchObject({ session: "up", bfd: "down" });
  const from = journal.all.length;
  node.command({ do: "undrain" });
  await bothUp(journal, from);
});

test("a stopping simulator says goodbye to the nodes", async () => {
  const { simulator, journal, startNode } = await stand();
  await startNode();
  await bothUp(journal);
  const from = journal.all.length;
  simulator.stop("SIGTERM");
  const heard = await journal.until("bfd.session", { by: "node" }, from);
  expect(heard).toMatchObject({ state: "admin-down", reason: "the neighbor was switched off" });
  await journal.until("bgp.session", { state: "down" }, from);
});

test("a node without BFD keeps its session: BFD that never came up is no reason to end it", async () => {
  const { simulator, journal, startNode } = await stand();
  await startNode(false);
  await journal.until("site.announced");
  expect(simulator.status().sites[0]!.nodes[0]).toMatchObject({ session: "up", bfd: "down" });
  expect(journal.of("bfd.session")).toEqual([]);
});

test("a packet from a stranger ends nothing; it is told once", async () => {
  const { journal, startNode, bfdPorts } = await stand();
  await startNode();
  await bothUp(journal);
  const stranger = createSocket("udp4");
  cleanUps.push(() => stranger.close());
  const down = encodeBfd({
    state: "down",
    diagnostic: 0,
    isPoll: false,
    isFinal: false,
    isControlPlaneIndependent: false,
    isDemand: false,
    detectMultiplier: 3,
    myDiscriminator: 1,
    yourDiscriminator: 0,
    desiredMinTxUs: 1,
    requiredMinRxUs: 1,
    requiredMinEchoRxUs: 0,
  });
  for (let count = 0; count < 10; count++) stranger.send(down, bfdPorts.router, HOST);
  const refused = await journal.until("router.refused");
  expect(refused.reason).toMatch(/^BFD from 127\.0\.0\.1:\d+: no session for it$/);
  expect(journal.of("router.refused").length).toBe(1);
  expect(journal.of("bfd.session").filter(({ state }) => state !== "up")).toEqual([]);
});

test("a router that cannot have its BFD port says so", async () => {
  const { bfdPorts } = await stand();
  const taken: SimConfig = {
    process: "sim",
    seed: 5,
    host: HOST,
    httpPort: 0,
    holdTimeS: HOLD_S,
    prefix: PREFIX,
    routers: [
      {
        site: "ny1",
        port: 0,
        as: ROUTER_AS,
        bgpId: "10.0.0.254",
        bfd: { host: HOST, port: bfdPorts.router, ...TIMERS },
        peers: [{ node: NODE, as: NODE_AS, bgpId: "10.0.0.1" }],
      },
    ],
  };
  const second = new Simulator(taken, () => undefined);
  cleanUps.push(() => second.stop("end of test"));
  await expect(second.start()).rejects.toMatchObject({ code: "DATAGRAM_PORT" });
});
