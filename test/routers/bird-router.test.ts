/** BIRD as the router of an edge node: what our node says is understood there, and every way to leave is noticed. */
import { expect, test, type TestContext } from "vitest";
import type { NodeBgpConfig } from "#core/wire/cast.ts";
import { Bird } from "./bird.ts";
import { CastMember, NODE_AS, PREFIX, PROJECT, startNode } from "./cast-member.ts";
import { Link, NODE_ADDRESS } from "./namespaces.ts";
import { needs, programPath } from "./needs.ts";
import { ask, until } from "./program.ts";

const CONFIG = `${PROJECT}examples/bird/router.conf`;

interface Stand {
  readonly link: Link;
  readonly bird: Bird;
  readonly node: CastMember;
}

/** A router and a node whose prefix is in the router's table. */
async function stand(
  context: TestContext,
  holdTimeS = 9,
  bgp: Partial<NodeBgpConfig> = {},
  edit?: (text: string) => string,
): Promise<Stand> {
  needs(context, "bird");
  const link = Link.open();
  const bird = await Bird.start(link, "router", CONFIG, edit);
  const node = startNode(link, { holdTimeS, ...bgp });
  await bird.untilRoute(PREFIX);
  return { link, bird, node };
}

test("the session is established and the prefix is in the table with the node's attributes", async (context) => {
  const { bird, node } = await stand(context);
  expect(await bird.ask("show", "protocols", "edge")).toMatch(/^edge +BGP +--- +up +.* Established/m);
  const { text, ...route } = (await bird.route(PREFIX))!;
  expect(route).toEqual({
    asPath: `${NODE_AS}`,
    nextHop: NODE_ADDRESS,
    origin: "IGP",
    localPref: 100,
    communities: [],
  });
  expect(text).toContain(`via ${NODE_ADDRESS} on cable`);
  await bird.untilLog(/Got END-OF-RIB/);
  await node.until("bgp.announced", { isGracefulShutdown: false });
  expect(bird.complaints()).toEqual([]);
});

test("SIGTERM: GRACEFUL_SHUTDOWN gives local preference 0, then the prefix is withdrawn, then Cease", async (context) => {
  const { bird, node } = await stand(context);
  node.program.kill("SIGTERM");
  const leaving = await bird.untilRoute(PREFIX, ({ communities }) => communities.length > 0);
  expect(leaving).toMatchObject({ communities: ["(65535,0)"], localPref: 0, asPath: `${NODE_AS}` });
  await bird.untilNoRoute(PREFIX);
  expect(await node.program.exit).toEqual({ code: 0, signal: null });
  // Shown by BIRD as RFC 9003 has it; the withdrawal came as an UPDATE before it, not with the end of the session.
  const goodbye = await bird.untilLog(/Received: /);
  expect(goodbye).toContain('edge: Received: Administrative shutdown: "SIGTERM"');
  const log = bird.log();
  expect(log.findIndex((line) => line.includes("removed [sole]"))).toBeLessThan(log.indexOf(goodbye));
  expect(bird.complaints()).toEqual(['<RMT> edge: Received: Administrative shutdown: "SIGTERM"']);
});

test("SIGKILL: the end of the connection withdraws the prefix", async (context) => {
  const { bird, node } = await stand(context);
  node.program.kill("SIGKILL");
  await bird.untilNoRoute(PREFIX);
  expect(await bird.untilLog(/edge: Error: Socket: |Connection closed/)).toMatch(/Connection closed|reset/);
});

test("a silent link: the hold timer withdraws the prefix, and nothing else does", async (context) => {
  const { link, bird, node } = await stand(context, 3);
  link.silence();
  await bird.untilNoRoute(PREFIX);
  expect(await bird.untilLog(/edge: Error: /)).toContain("Hold timer expired");
  // The node has lost its router by its own timer too, and says so.
  await node.until("bgp.session", { state: "down", reason: "hold timer expired" });
});

test("a link that was silent and heals: the node comes back by itself", async (context) => {
  const { link, bird, node } = await stand(context, 3);
  link.silence();
  await bird.untilNoRoute(PREFIX);
  await node.until("bgp.session", { state: "down" });
  const from = node.events.length;
  link.heal();
  await node.until("bgp.session", { state: "up" }, from);
  expect(await bird.untilRoute(PREFIX)).toMatchObject({ localPref: 100, communities: [] });
});

test("a connection into silence is given up and begun anew, so that a healed link is used at once", async (context) => {
  needs(context, "bird", "ss");
  const link = Link.open();
  link.silence();
  const bird = await Bird.start(link, "router", CONFIG);
  startNode(link);
  const ports = new Set<string>();
  const look = async (): Promise<true | undefined> => {
    const waiting = await ask([...link.enter("node"), programPath("ss")!, "-tnH", "state", "syn-sent"]);
    for (const [, port] of waiting.matchAll(/:(\d+) +\S+:179\b/g)) ports.add(port!);
    return ports.size >= 2 ? true : undefined;
  };
  await until("a second connection attempt", look, 20_000, () => [...ports].join(" "));
  link.heal();
  expect(await bird.untilRoute(PREFIX)).toMatchObject({ localPref: 100 });
});

test("a frozen node is withdrawn by the hold timer, and announces again when it wakes", async (context) => {
  const { bird, node } = await stand(context, 3);
  node.program.kill("SIGSTOP");
  await bird.untilNoRoute(PREFIX);
  expect(await bird.untilLog(/edge: Error: /)).toContain("Hold timer expired");
  node.program.kill("SIGCONT");
  expect(await bird.untilRoute(PREFIX)).toMatchObject({ localPref: 100, communities: [] });
});

test("a pulled cable: the router notices at once, whatever the hold time", async (context) => {
  const { link, bird } = await stand(context);
  link.pull();
  await bird.untilNoRoute(PREFIX);
  expect(bird.log().filter((line) => line.includes("Hold timer"))).toEqual([]);
});

test("a node that is no longer ready withdraws over a living session, and announces again when it is", async (context) => {
  const { link, bird, node } = await stand(context);
  link.setLoopback("down");
  await bird.untilNoRoute(PREFIX);
  await node.until("node.serving", { state: "unready" });
  expect(await bird.ask("show", "protocols", "edge")).toMatch(/Established/);
  link.setLoopback("up");
  await bird.untilRoute(PREFIX);
  expect(node.told("bgp.session").map(({ state }) => state)).toEqual(["up"]);
  expect(bird.complaints()).toEqual([]);
});

test("a drained node leaves with GRACEFUL_SHUTDOWN, keeps its session, and comes back clean", async (context) => {
  const { bird, node } = await stand(context);
  node.command({ do: "drain" });
  await bird.untilRoute(PREFIX, ({ localPref }) => localPref === 0);
  await bird.untilNoRoute(PREFIX);
  node.command({ do: "undrain" });
  expect(await bird.untilRoute(PREFIX)).toMatchObject({ localPref: 100, communities: [] });
  expect(bird.complaints()).toEqual([]);
});

test("ROUTE-REFRESH: the router asks again and gets the same route", async (context) => {
  const { bird, node } = await stand(context);
  const from = bird.log().length - 1;
  await bird.ask("reload", "in", "edge");
  await bird.untilLog(/Sending ROUTE-REFRESH/, from);
  await bird.untilLog(/Got UPDATE/, from);
  expect(await bird.route(PREFIX)).toMatchObject({ localPref: 100 });
  expect(node.told("bgp.session")).toHaveLength(1);
  expect(bird.complaints()).toEqual([]);
});

test("a router that is shut down and started again gets the prefix back by itself", async (context) => {
  const { bird, node } = await stand(context);
  await bird.ask("disable", "edge", '"maintenance"');
  await node.until("bgp.session", { state: "down" });
  const from = node.events.length;
  await bird.ask("enable", "edge");
  await node.until("bgp.session", { state: "up" }, from);
  expect(await bird.untilRoute(PREFIX)).toMatchObject({ localPref: 100, communities: [] });
});

test("a router that is killed and started again gets the prefix back by itself", async (context) => {
  const { link, bird, node } = await stand(context);
  bird.program.kill("SIGKILL");
  await node.until("bgp.session", { state: "down" });
  const again = await Bird.start(link, "router", CONFIG);
  expect(await again.untilRoute(PREFIX)).toMatchObject({ localPref: 100, communities: [] });
});

test("a node of a 4-octet AS", async (context) => {
  const { bird } = await stand(context, 9, { localAs: 4_200_000_001 }, (text) =>
    text.replace(`as ${NODE_AS}`, "as 4200000001"),
  );
  expect(await bird.route(PREFIX)).toMatchObject({ asPath: "4200000001" });
  expect(bird.complaints()).toEqual([]);
});

test("a router without 4-octet ASes is spoken to with two octets", async (context) => {
  const { bird } = await stand(context, 9, {}, (text) =>
    text.replace("passive yes;", "passive yes;\n  enable as4 off;"),
  );
  expect(await bird.ask("show", "protocols", "all", "edge")).toMatch(/Session: +external\n/);
  expect(await bird.route(PREFIX)).toMatchObject({ asPath: `${NODE_AS}` });
  expect(bird.complaints()).toEqual([]);
});

test("a node of the wrong AS gets the router's OPEN error and is not heard", async (context) => {
  needs(context, "bird");
  const link = Link.open();
  const bird = await Bird.start(link, "router", CONFIG);
  const node = startNode(link, { localAs: 64_999 });
  await node.until("process.ready");
  await bird.untilLog(/edge: Error: Bad peer AS/);
  expect(await bird.route(PREFIX)).toBeUndefined();
  expect(node.told("bgp.session")).toEqual([]);
});
