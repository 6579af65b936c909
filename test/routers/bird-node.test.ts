/** BIRD in the place of a node: our router hears what it says, and every way in which it leaves. */
import { expect, test, type TestContext } from "vitest";
import { GRACEFUL_SHUTDOWN, parseIpv4, parsePrefix } from "#bgp/messages.ts";
import { Bird } from "./bird.ts";
import { CastMember, NODE_AS, NODE_ID, PREFIX, PROJECT, ROUTER_AS, startSimulator } from "./cast-member.ts";
import { Link, NODE_ADDRESS, ROUTER_ADDRESS } from "./namespaces.ts";
import { needs } from "./needs.ts";
import { Program, until } from "./program.ts";

const CONFIG = `${PROJECT}examples/bird/node.conf`;
const NODE = "ny1-1";
const SITE = "ny1";

interface Stand {
  readonly link: Link;
  readonly bird: Bird;
  readonly router: CastMember;
}

/** The simulator has announced the site because BIRD has announced the prefix. */
async function stand(context: TestContext, holdTimeS = 9, edit?: (text: string) => string): Promise<Stand> {
  needs(context, "bird");
  const link = Link.open();
  const router = startSimulator(link, holdTimeS);
  await router.until("process.ready");
  const bird = await Bird.start(link, "node", CONFIG, edit);
  await router.until("site.announced", { site: SITE });
  return { link, bird, router };
}

/** What the router tells in its log of a peer's routes: nothing, when all is well. */
function remarks(router: CastMember): string[] {
  return router.told("process.log").map(({ line }) => line);
}

test("the session is established and the site is announced for BIRD's node", async (context) => {
  const { bird, router } = await stand(context);
  expect(await router.until("router.session", { node: NODE, state: "up" })).toMatchObject({ site: SITE });
  expect(router.told("site.announced")).toMatchObject([{ nodes: [NODE], isGracefulShutdown: false }]);
  expect(await bird.ask("show", "protocols", "site")).toMatch(/Established/);
  await router.until("vantage.moved", { to: SITE });
  expect(remarks(router)).toEqual([]);
  expect(bird.complaints()).toEqual([]);
});

test("a route that BIRD withdraws withdraws the site, over a living session", async (context) => {
  const { bird, router } = await stand(context);
  await bird.ask("disable", "service");
  expect(await router.until("site.withdrawn")).toMatchObject({ reason: `${NODE}: withdrawn` });
  expect(router.told("router.session")).toHaveLength(1);
  const from = router.events.length;
  await bird.ask("enable", "service");
  expect(await router.until("site.announced", {}, from)).toMatchObject({ nodes: [NODE] });
  expect(bird.complaints()).toEqual([]);
});

test("a protocol that is disabled: Cease withdraws the site, and enabling it brings it back", async (context) => {
  const { bird, router } = await stand(context);
  const from = router.events.length;
  await bird.ask("disable", "site");
  expect(await router.until("site.withdrawn")).toMatchObject({
    reason: `${NODE}: peer sent NOTIFICATION 6/2`,
  });
  await bird.ask("enable", "site");
  expect(await router.until("site.announced", {}, from)).toMatchObject({ nodes: [NODE] });
});

test("SIGTERM: BIRD's goodbye withdraws the site", async (context) => {
  const { bird, router } = await stand(context);
  bird.program.kill("SIGTERM");
  expect((await router.until("site.withdrawn")).reason).toMatch(/withdrawn|NOTIFICATION 6\//);
  expect(await router.until("router.session", { state: "down" })).toMatchObject({ node: NODE });
});

test("SIGKILL: the end of the connection withdraws the site", async (context) => {
  const { bird, router } = await stand(context);
  bird.program.kill("SIGKILL");
  expect(await router.until("site.withdrawn")).toMatchObject({ site: SITE });
  expect(await router.until("router.session", { state: "down" })).toMatchObject({ node: NODE });
});

test("a silent link: the hold timer withdraws the site", async (context) => {
  const { link, router } = await stand(context, 3);
  link.silence();
  expect(await router.until("site.withdrawn")).toMatchObject({ reason: `${NODE}: hold timer expired` });
});

test("a frozen BIRD is withdrawn by the hold timer, and is believed again when it wakes", async (context) => {
  const { bird, router } = await stand(context, 3);
  bird.program.kill("SIGSTOP");
  expect(await router.until("site.withdrawn")).toMatchObject({ reason: `${NODE}: hold timer expired` });
  const from = router.events.length;
  bird.program.kill("SIGCONT");
  expect(await router.until("site.announced", {}, from)).toMatchObject({ nodes: [NODE] });
});

test("GRACEFUL_SHUTDOWN from BIRD keeps the site announced and flags it", async (context) => {
  const { router } = await stand(context, 9, (text) =>
    text.replace(
      "export where source = RTS_STATIC;",
      "export filter { bgp_community.add((65535, 0)); accept; };",
    ),
  );
  expect(router.told("site.announced")).toMatchObject([{ nodes: [NODE], isGracefulShutdown: true }]);
  expect(remarks(router)).toEqual([]);
});

test("a BIRD with another identifier is refused by name, and nothing is announced", async (context) => {
  needs(context, "bird");
  const link = Link.open();
  const router = startSimulator(link, 9);
  await router.until("process.ready");
  const bird = await Bird.start(link, "node", CONFIG, (text) =>
    text.replace(`router id ${NODE_ID}`, "router id 10.9.9.9"),
  );
  expect((await router.until("router.refused")).reason).toContain("BGP identifier 10.9.9.9");
  expect(await bird.untilLog(/Received: /)).toContain("Bad BGP identifier");
  expect(router.told("site.announced")).toEqual([]);
});

interface Heard {
  readonly kind: string;
  readonly asOctets?: number;
  readonly announced?: readonly unknown[];
  readonly attributes?: Record<string, unknown>;
  readonly remarks?: readonly string[];
}

/** What our codec makes of the route that BIRD sends. */
async function heardFrom(
  context: TestContext,
  edit: (text: string) => string,
): Promise<{ readonly up: Heard; readonly update: Heard; readonly bird: Bird }> {
  needs(context, "bird");
  const link = Link.open();
  const heard: Heard[] = [];
  const listener = new Program(
    link,
    "router",
    [
      process.execPath,
      `${PROJECT}test/routers/listener.ts`,
      ROUTER_ADDRESS,
      "179",
      `${ROUTER_AS}`,
      ROUTER_ADDRESS,
      `${NODE_AS}`,
    ],
    (line) => heard.push(JSON.parse(line) as Heard),
  );
  const find = (what: string, isIt: (line: Heard) => boolean): Promise<Heard> =>
    until(
      what,
      () => heard.find(isIt),
      15_000,
      () => listener.lines.join("\n"),
    );
  await find("the listener", ({ kind }) => kind === "listening");
  const bird = await Bird.start(link, "node", CONFIG, edit);
  const up = await find("the session", ({ kind }) => kind === "up");
  const update = await find("the route", ({ kind, announced }) => kind === "update" && announced!.length > 0);
  return { up, update, bird };
}

const ATTRIBUTES = `export filter {
  bgp_med = 77;
  bgp_origin = ORIGIN_EGP;
  bgp_path.prepend(4200000001);
  bgp_path.prepend(65010);
  bgp_community.add((65535, 0));
  bgp_community.add((64501, 7));
  bgp_ext_community.add((rt, 64501, 100));
  bgp_large_community.add((4200000001, 5, 6));
  accept;
};`;

function withAttributes(text: string): string {
  return text.replace("export where source = RTS_STATIC;", ATTRIBUTES);
}

const EXPECTED = {
  origin: 1,
  // BIRD puts its own AS in front when it sends.
  asPath: [{ kind: 2, ases: [NODE_AS, 65_010, 4_200_000_001] }],
  nextHop: parseIpv4(NODE_ADDRESS),
  med: 77,
  communities: [((64_501 << 16) | 7) >>> 0, GRACEFUL_SHUTDOWN],
  largeCommunities: [[4_200_000_001, 5, 6]],
  // Extended communities (RFC 4360) are carried unread: a route target of AS 64501.
  unknown: [{ flags: 0xc0, type: 16, value: "0002fbf500000064" }],
};

test("MED, AS4 path, communities, large and extended communities are read as BIRD sent them", async (context) => {
  const { up, update, bird } = await heardFrom(context, withAttributes);
  expect(up.asOctets).toBe(4);
  expect(update.announced).toEqual([parsePrefix(PREFIX)]);
  const { communities, ...attributes } = update.attributes!;
  expect({ ...attributes, communities: (communities as number[]).toSorted((a, b) => a - b) }).toEqual(
    EXPECTED,
  );
  expect(update.remarks).toEqual([]);
  expect(bird.complaints()).toEqual([]);
});

test("from a BIRD without 4-octet ASes the true path comes out of AS4_PATH", async (context) => {
  const { up, update, bird } = await heardFrom(context, (text) =>
    withAttributes(text).replace("hold time 9;", "hold time 9;\n  enable as4 off;"),
  );
  expect(up.asOctets).toBe(2);
  expect(update.attributes).toMatchObject({ asPath: EXPECTED.asPath, med: 77 });
  expect(update.remarks).toEqual([]);
  expect(bird.complaints()).toEqual([]);
});
