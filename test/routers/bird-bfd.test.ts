/** BFD with BIRD, both ways: up, silence found long before the hold time, and a goodbye that is no alarm. */
import { describe, expect, test, type TestContext } from "vitest";
import { Bird } from "./bird.ts";
import { CastMember, exampleNode, PREFIX, PROJECT, startNode, startSimulator } from "./cast-member.ts";
import { Link, NODE_ADDRESS, ROUTER_ADDRESS } from "./namespaces.ts";
import { needs } from "./needs.ts";
import { until } from "./program.ts";

/** Longer than any test waits: what ends a session here is BFD. */
const HOLD_TIME_S = 90;
/** Three intervals of 100 ms. */
const DETECTION_MS = 300;

interface Stand {
  readonly link: Link;
  readonly bird: Bird;
  readonly ours: CastMember;
}

function longHold(text: string): string {
  return text.replace("hold time 9;", `hold time ${HOLD_TIME_S};`);
}

async function untilBirdBfd(bird: Bird, peer: string, state: string): Promise<string> {
  const line = new RegExp(`^${peer.replaceAll(".", "\\.")} .*$`, "m");
  let seen = "";
  const look = async (): Promise<string | undefined> => {
    seen = await bird.ask("show", "bfd", "sessions");
    const found = line.exec(seen)?.[0];
    return found?.includes(state) === true ? found : undefined;
  };
  return until(`bird's BFD session with ${peer} to be ${state}`, look, 15_000, () => seen);
}

function holdTimers(bird: Bird): string[] {
  return bird.log().filter((line) => line.includes("Hold timer"));
}

describe("BIRD as the router of our node", () => {
  async function stand(context: TestContext): Promise<Stand> {
    needs(context, "bird");
    const link = Link.open();
    const bird = await Bird.start(link, "router", `${PROJECT}examples/bird/router.conf`, longHold);
    const ours = startNode(link, { holdTimeS: HOLD_TIME_S, bfd: exampleNode().bgp!.bfd! });
    await bird.untilRoute(PREFIX);
    await ours.until("bfd.session", { by: "node", state: "up" });
    await untilBirdBfd(bird, NODE_ADDRESS, "Up");
    return { link, bird, ours };
  }

  test("both sides are up, with the interval and the detection time that were asked for", async (context) => {
    const { bird } = await stand(context);
    // Agreed on by poll and final once both are up: 100 ms, three times.
    expect(await untilBirdBfd(bird, NODE_ADDRESS, "0.100")).toMatch(/ Up .* 0\.100 +0\.300$/);
    expect(bird.complaints()).toEqual([]);
  });

  test("a silent link: both sides find it, and the prefix is withdrawn before the hold time", async (context) => {
    const { link, bird, ours } = await stand(context);
    link.silence();
    const alarm = await ours.until("bfd.session", { by: "node", state: "down" });
    expect(alarm.detectMs).toBeGreaterThanOrEqual(DETECTION_MS);
    await bird.untilNoRoute(PREFIX);
    await bird.untilLog(/edge: BFD session down/);
    expect(await ours.until("bgp.session", { state: "down" })).toMatchObject({
      reason: `BFD down: ${alarm.reason}`,
    });
    expect(holdTimers(bird)).toEqual([]);
  });

  test("the link heals: BGP and BFD come back by themselves", async (context) => {
    const { link, bird, ours } = await stand(context);
    link.silence();
    await bird.untilNoRoute(PREFIX);
    await ours.until("bgp.session", { state: "down" });
    const from = ours.events.length;
    link.heal();
    await bird.untilRoute(PREFIX);
    await ours.until("bfd.session", { by: "node", state: "up" }, from);
    expect(await untilBirdBfd(bird, NODE_ADDRESS, "Up")).toContain(NODE_ADDRESS);
  });

  test("a frozen node: BIRD withdraws by BFD, and takes it back when it wakes", async (context) => {
    const { bird, ours } = await stand(context);
    ours.program.kill("SIGSTOP");
    await bird.untilNoRoute(PREFIX);
    await bird.untilLog(/edge: BFD session down/);
    ours.program.kill("SIGCONT");
    expect(await bird.untilRoute(PREFIX)).toMatchObject({ localPref: 100 });
  });

  test("a drained node switches its BFD off, and has both again when it is back", async (context) => {
    const { bird, ours } = await stand(context);
    ours.command({ do: "drain" });
    await bird.untilNoRoute(PREFIX);
    await ours.until("bfd.session", { by: "node", state: "admin-down" });
    const from = ours.events.length;
    // BIRD takes AdminDown for a failure and ends the session; the node is drained by then, and comes back by itself.
    await bird.untilLog(/CTL received from 198\.51\.100\.2 \[AdminDown/);
    ours.command({ do: "undrain" });
    expect(await bird.untilRoute(PREFIX)).toMatchObject({ localPref: 100, communities: [] });
    await ours.until("bfd.session", { by: "node", state: "up" }, from);
  });

  test("SIGTERM with BFD: goodbye, withdrawal and Cease come before BFD is switched off", async (context) => {
    const { bird, ours } = await stand(context);
    ours.program.kill("SIGTERM");
    await bird.untilRoute(PREFIX, ({ localPref }) => localPref === 0);
    await bird.untilNoRoute(PREFIX);
    expect(await ours.program.exit).toEqual({ code: 0, signal: null });
    await bird.untilLog(/Received: /);
    // BIRD drops its BFD session with the BGP session, and may note a last packet of ours for it.
    expect(bird.complaints().filter((line) => !line.includes("unknown session id"))).toEqual([
      '<RMT> edge: Received: Administrative shutdown: "SIGTERM"',
    ]);
    // Not an error to BIRD: a node that is started again is let in at once.
    expect(bird.log().filter((line) => line.includes("due to errors"))).toEqual([]);
  });
});

describe("BIRD as a node of our router", () => {
  const NODE = "ny1-1";

  async function stand(context: TestContext): Promise<Stand> {
    needs(context, "bird");
    const link = Link.open();
    const ours = startSimulator(link, HOLD_TIME_S, true);
    await ours.until("process.ready");
    const bird = await Bird.start(link, "node", `${PROJECT}examples/bird/node.conf`, longHold);
    await ours.until("site.announced");
    await ours.until("bfd.session", { by: "router", node: NODE, state: "up" });
    await untilBirdBfd(bird, ROUTER_ADDRESS, "Up");
    return { link, bird, ours };
  }

  test("both sides are up, with the interval and the detection time that were asked for", async (context) => {
    const { bird } = await stand(context);
    expect(await untilBirdBfd(bird, ROUTER_ADDRESS, "0.100")).toMatch(/ Up .* 0\.100 +0\.300$/);
    expect(bird.complaints()).toEqual([]);
  });

  test("a silent link: the site is withdrawn by BFD", async (context) => {
    const { link, bird, ours } = await stand(context);
    link.silence();
    const alarm = await ours.until("bfd.session", { by: "router", state: "down" });
    expect(alarm.detectMs).toBeGreaterThanOrEqual(DETECTION_MS);
    expect(await ours.until("site.withdrawn")).toMatchObject({
      reason: `${NODE}: BFD down: ${alarm.reason}`,
    });
    await bird.untilLog(/BFD session down/);
    expect(holdTimers(bird)).toEqual([]);
  });

  test("a frozen BIRD: the site is withdrawn by BFD, and comes back when it wakes", async (context) => {
    const { bird, ours } = await stand(context);
    bird.program.kill("SIGSTOP");
    await ours.until("bfd.session", { by: "router", state: "down" });
    await ours.until("site.withdrawn");
    const from = ours.events.length;
    bird.program.kill("SIGCONT");
    expect(await ours.until("site.announced", {}, from)).toMatchObject({ nodes: [NODE] });
    await ours.until("bfd.session", { by: "router", state: "up" }, from);
  });

  test("a BIRD whose BFD is switched off without a word is a silence that BFD finds", async (context) => {
    const { bird, ours } = await stand(context);
    await bird.ask("disable", "bfd1");
    const alarm = await ours.until("bfd.session", { by: "router", state: "down" });
    expect(alarm.detectMs).toBeGreaterThanOrEqual(DETECTION_MS);
    // Without BFD the session comes back and stays: BFD that was never up is no reason to end it.
    const from = ours.events.indexOf(alarm);
    expect(await ours.until("site.announced", {}, from)).toMatchObject({ nodes: [NODE] });
  });
});
