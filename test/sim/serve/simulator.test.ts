/**
 * The whole simulator over sockets: real nodes' announcers on one side, readers of the feed on the other, every port
 * taken from the kernel. Waits for facts, never for a time.
 */
import { request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { PassThrough } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { encodeMessage } from "#bgp/encode.ts";
import { parseIpv4, parsePrefix } from "#bgp/messages.ts";
import { EventChannel } from "#core/host/event-channel.ts";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { CatchmentFeedLine } from "#core/wire/catchment.ts";
import type { EventBody } from "#core/wire/events.ts";
import { Announcer } from "#edge-nodes/announcer.ts";
import { Cable } from "#edge-nodes/cable.ts";
import { FeedServer } from "#sim/serve/feed-server.ts";
import { Simulator } from "#sim/serve/simulator.ts";

const PREFIX = "203.0.113.0/24";
const NODE_AS = 65_001;
const ROUTER_AS = 64_500;

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

/** Things that happen, and promises of those that will. */
class Happenings<T> {
  readonly all: T[] = [];
  #waiting: { readonly isIt: (item: T) => boolean; readonly resolve: (item: T) => void }[] = [];

  add(item: T): void {
    this.all.push(item);
    for (const waiter of this.#waiting.filter(({ isIt }) => isIt(item))) waiter.resolve(item);
    this.#waiting = this.#waiting.filter(({ isIt }) => !isIt(item));
  }

  /** The first one so far, or the next to come. */
  until(isIt: (item: T) => boolean): Promise<T> {
    const found = this.all.find((item) => isIt(item));
    if (found !== undefined) return Promise.resolve(found);
    const { promise, resolve } = Promise.withResolvers<T>();
    this.#waiting.push({ isIt, resolve });
    return promise;
  }
}

async function startSimulator(
  sites: readonly string[] = ["ny1", "la1"],
): Promise<{ simulator: Simulator; events: Happenings<EventBody> }> {
  const events = new Happenings<EventBody>();
  const simulator = new Simulator(
    {
      process: "sim",
      seed: 5,
      host: "127.0.0.1",
      httpPort: 0,
      holdTimeS: 9,
      prefix: PREFIX,
      routers: sites.map((site, index) => ({
        site,
        port: 0,
        as: ROUTER_AS,
        bgpId: `10.0.${index}.254`,
        peers: [1, 2].map((number) => ({
          node: `${site}-${number}`,
          as: NODE_AS,
          bgpId: `10.0.${index}.${number}`,
        })),
      })),
    },
    (body) => events.add(body),
  );
  await simulator.start();
  cleanUps.push(() => simulator.stop("end of test"));
  return { simulator, events };
}

function startNode(simulator: Simulator, site: string, bgpId: string): Announcer {
  const output = new PassThrough().resume() as unknown as NodeJS.WriteStream;
  const announcer = new Announcer(
    `${site}-node`,
    {
      routerHost: "127.0.0.1",
      routerPort: simulator.routerPort(site)!,
      localAs: NODE_AS,
      routerAs: ROUTER_AS,
      bgpId,
      prefix: PREFIX,
      nextHop: "127.0.0.1",
      holdTimeS: 9,
      connectRetryMs: 25,
    },
    new Cable(),
    new EventChannel("node", output),
    () => undefined,
  );
  announcer.start();
  cleanUps.push(() => announcer.stop("end of test"));
  return announcer;
}

async function get(
  port: number,
  path: string,
  options: { headers?: Record<string, string>; method?: string } = {},
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const asked = request({ host: "127.0.0.1", port, path, agent: false, ...options }, resolve);
  asked.on("error", reject).end();
  cleanUps.push(() => asked.destroy());
  return promise;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return text;
}

async function readFeed(port: number): Promise<Happenings<CatchmentFeedLine>> {
  const lines = new Happenings<CatchmentFeedLine>();
  const response = await get(port, "/v1/catchments");
  const reader = new NdjsonReader(
    (value) => lines.add(value as CatchmentFeedLine),
    (error) => {
      throw error;
    },
  );
  response.on("data", (chunk: Buffer) => reader.push(chunk));
  response.on("error", () => undefined);
  await lines.until(({ type }) => type === "synced");
  return lines;
}

function isMove(vantage: string, to: string | null): (event: EventBody) => boolean {
  return (event) => event.kind === "vantage.moved" && event.vantage === vantage && event.to === to;
}

test("a node's session, announcement, drain and withdrawal become events of its site and moves of vantages", async () => {
  const { simulator, events } = await startSimulator();
  startNode(simulator, "la1", "10.0.1.1").announce();
  await events.until(isMove("new-york", "la1"));
  const node = startNode(simulator, "ny1", "10.0.0.2");
  node.announce();
  await events.until(isMove("new-york", "ny1"));
  expect(events.all).toContainEqual({
    kind: "router.session",
    site: "ny1",
    node: "ny1-2",
    state: "up",
    reason: "established",
  });
  expect(events.all).toContainEqual({
    kind: "site.announced",
    site: "ny1",
    nodes: ["ny1-2"],
    isGracefulShutdown: false,
  });

  events.all.length = 0;
  node.announceGraceful();
  await events.until(isMove("new-york", "la1"));
  node.withdraw("SIGTERM");
  node.stop("SIGTERM");
  await events.until((event) => event.kind === "router.session" && event.state === "down");
  await events.until((event) => event.kind === "site.withdrawn");
  expect(events.all.filter(({ kind }) => kind.startsWith("site."))).toEqual([
    { kind: "site.announced", site: "ny1", nodes: ["ny1-2"], isGracefulShutdown: true },
    { kind: "site.withdrawn", site: "ny1", reason: "ny1-2: withdrawn" },
  ]);
  expect(events.all.filter(isMove("new-york", null))).toEqual([]);
});

test("a node whose process dies is withdrawn when its socket closes", async () => {
  const { simulator, events } = await startSimulator();
  startNode(simulator, "la1", "10.0.1.1").announce();
  const dying = connect({ host: "127.0.0.1", port: simulator.routerPort("ny1")! });
  cleanUps.push(() => dying.destroy());
  const capabilities = [{ kind: "four-octet-as", as: NODE_AS }] as const;
  dying.write(
    encodeMessage({ type: "open", as: NODE_AS, holdTimeS: 9, bgpId: parseIpv4("10.0.0.1"), capabilities }),
  );
  dying.write(encodeMessage({ type: "keepalive" }));
  dying.write(
    encodeMessage({
      type: "update",
      withdrawn: [],
      announced: [parsePrefix(PREFIX)],
      attributes: { origin: 0, asPath: [{ kind: 2, ases: [NODE_AS] }], nextHop: 1 },
    }),
  );
  await events.until(isMove("new-york", "ny1"));
  dying.resetAndDestroy();
  await events.until((event) => event.kind === "site.withdrawn" && event.site === "ny1");
  await events.until(isMove("new-york", "la1"));
  const settled = await events.until((event) => event.kind === "routes.settled");
  expect(settled).toMatchObject({ kind: "routes.settled" });
});

test("an unknown node is refused by event, once, however often it tries", async () => {
  const { simulator, events } = await startSimulator();
  for (let attempt = 0; attempt < 3; attempt++) {
    const stranger = connect({ host: "127.0.0.1", port: simulator.routerPort("ny1")! });
    const { promise, resolve } = Promise.withResolvers<void>();
    stranger.on("close", () => resolve()).resume();
    stranger.end("GET / HTTP/1.1\r\nhost: router\r\n\r\n");
    await promise;
  }
  await events.until((event) => event.kind === "router.refused");
  expect(events.all.filter(({ kind }) => kind === "router.refused")).toEqual([
    { kind: "router.refused", site: "ny1", reason: "marker is not all ones" },
  ]);
});

test("the feed: hello, the state, synced, then changes; a reader that comes back gets the state anew", async () => {
  const { simulator, events } = await startSimulator();
  const lines = await readFeed(simulator.httpPort);
  const types = lines.all.map(({ type }) => type);
  expect(types[0]).toBe("hello");
  expect(types.filter((type) => type === "routes")).toHaveLength(14);
  expect(types.filter((type) => type === "announced")).toHaveLength(9);
  expect(lines.all.find(({ type }) => type === "synced")).toEqual({ type: "synced", revision: 1 });

  startNode(simulator, "ny1", "10.0.0.1").announce();
  startNode(simulator, "la1", "10.0.1.1").announce();
  const announced = await lines.until((line) => line.type === "announced" && line.nodes.length > 0);
  expect(announced).toMatchObject({ revision: 2 });
  await lines.until(
    (line) => line.type === "routes" && line.vantage === "new-york" && line.sites[0]?.site === "ny1",
  );
  await events.until((event) => event.kind === "routes.settled");
  await lines.until(({ type }) => type === "heartbeat");
  const revisions = lines.all.flatMap((line) => ("revision" in line ? [line.revision] : []));
  expect(revisions).toEqual([...revisions].sort((a, b) => a - b));

  const again = await readFeed(simulator.httpPort);
  const own = again.all.find((line) => line.type === "routes" && line.vantage === "new-york");
  expect(own).toMatchObject({
    sites: [
      { site: "ny1", rttUs: 3000 },
      { site: "la1", rttUs: 68_700 },
    ],
  });
  expect(again.all.find(({ type }) => type === "synced")).toEqual({
    type: "synced",
    revision: simulator.status().revision,
  });
});

test("a restarted simulator begins at revision 1 again", async () => {
  const first = await startSimulator();
  startNode(first.simulator, "ny1", "10.0.0.1").announce();
  await first.events.until(isMove("new-york", "ny1"));
  first.simulator.stop("SIGTERM");
  const second = await startSimulator();
  const lines = await readFeed(second.simulator.httpPort);
  expect(lines.all.at(-1)).toEqual({ type: "synced", revision: 1 });
});

test("a reader that does not read is dropped, the others are not", async () => {
  const dropped = Promise.withResolvers<number>();
  const server = new FeedServer(
    { state: () => [{ type: "synced", revision: 1 }], status: () => ({}), readerDropped: dropped.resolve },
    64 * 1024,
  );
  await server.listen("127.0.0.1", 0);
  cleanUps.push(() => server.close());
  const slow = await get(server.port, "/v1/catchments");
  slow.on("error", () => undefined).pause();
  const quick = await readFeed(server.port);
  const filler = "x".repeat(16 * 1024);
  const seen = { isDropped: false };
  const bytes = dropped.promise.then((count) => {
    seen.isDropped = true;
    return count;
  });
  // Until the kernel's buffers are full too; each line is awaited by the quick reader, so it never lags.
  for (let revision = 2; !seen.isDropped && revision < 10_000; revision++) {
    server.publish([{ type: "announced", revision, asOfNs: 0, site: filler, nodes: [] }]);
    await quick.until((line) => "revision" in line && line.revision === revision);
    quick.all.length = 0;
  }
  expect(await bytes).toBeGreaterThan(64 * 1024);
  expect(server.readerCount).toBe(1);
});

test.each([
  [421, "/v1/status", { headers: { host: "evil.example:80" } }, /HOST_REFUSED/],
  [403, "/v1/catchments", { headers: { origin: "http://evil.example" } }, /ORIGIN_REFUSED/],
  [405, "/v1/status", { method: "POST" }, /METHOD_REFUSED/],
  [404, "/v1/nothing", {}, /there are \/v1\/catchments and \/v1\/status/],
])("the server answers %i to what it must not serve", async (status, path, options, message) => {
  const { simulator } = await startSimulator();
  const response = await get(simulator.httpPort, path, options);
  expect(response.statusCode).toBe(status);
  expect(await textOf(response)).toMatch(message);
});

test("the status tells sites, sessions and vantages", async () => {
  const { simulator, events } = await startSimulator(["ny1"]);
  startNode(simulator, "ny1", "10.0.0.2").announce();
  await events.until(isMove("new-york", "ny1"));
  const response = await get(simulator.httpPort, "/v1/status");
  expect(response.headers["content-type"]).toBe("application/json");
  expect(JSON.parse(await textOf(response))).toMatchObject({
    schema: "anycastle.sim-status/v1",
    world: "default",
    sites: [
      {
        site: "ny1",
        isAnnounced: true,
        announcedNodes: ["ny1-2"],
        nodes: [
          { node: "ny1-1", session: "down", hasPath: false },
          { node: "ny1-2", session: "up", hasPath: true },
        ],
      },
    ],
  });
});

test("a configuration that cannot work is refused by name; a port that is taken names its router", async () => {
  const { simulator } = await startSimulator(["ny1"]);
  const router = {
    site: "ny1",
    port: simulator.routerPort("ny1")!,
    as: ROUTER_AS,
    bgpId: "10.0.0.254",
    peers: [],
  };
  const config = {
    process: "sim",
    seed: 1,
    host: "127.0.0.1",
    httpPort: 0,
    holdTimeS: 9,
    prefix: PREFIX,
    routers: [router],
  } as const;
  const make = (changes: Partial<ConstructorParameters<typeof Simulator>[0]>): Simulator =>
    new Simulator({ ...config, ...changes }, () => undefined);
  await expect(make({}).start()).rejects.toThrow(
    /the router of ny1 cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
  );
  expect(() => make({ prefix: "203.0.113.0" })).toThrow(/"203\.0\.113\.0" is no IPv4 prefix/);
  expect(() => make({ routers: [{ ...router, site: "ny2" }] })).toThrow(/no site "ny2"; it has ny1, la1/);
  expect(() => make({ routers: [router, router] })).toThrow(/ny1 has two routers/);
  expect(() => make({ routers: [{ ...router, bgpId: "10.0.0" }] })).toThrow(/"10\.0\.0" is no IPv4 address/);
});
