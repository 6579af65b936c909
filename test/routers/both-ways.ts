/** What FRR and GoBGP each have to show, as router of our node and as node of our router: session, prefix, goodbye. */
import { describe, expect, test, type TestContext } from "vitest";
import { CastMember, NODE_AS, PREFIX, PROJECT, startNode, startSimulator } from "./cast-member.ts";
import { Link, NODE_ADDRESS, type Side } from "./namespaces.ts";
import { needs } from "./needs.ts";
import { untilSeen, untilUnseen, type RealRouter } from "./real-router.ts";

const NODE = "ny1-1";
/** An UPDATE, Cease, or the end of the connection: each counts. */
const LEFT = /withdrawn|NOTIFICATION 6\/|closed by the node|ECONNRESET/;

export interface RouterFacts {
  readonly name: string;
  readonly programs: readonly string[];
  readonly start: (link: Link, side: Side, file: string) => Promise<RealRouter>;
  /** Of its configurations in `examples/`. */
  readonly folder: string;
  readonly suffix: string;
  /** The local preference that it gives a node which is about to leave. */
  readonly leavingPref: number;
}

export function bothWays({ name, programs, start, folder, suffix, leavingPref }: RouterFacts): void {
  describe(`${name} as the router of our node`, () => {
    async function stand(
      context: TestContext,
      holdTimeS = 9,
    ): Promise<{ link: Link; router: RealRouter; node: CastMember }> {
      needs(context, ...programs);
      const link = Link.open();
      const router = await start(link, "router", `${PROJECT}examples/${folder}/router.${suffix}`);
      const node = startNode(link, { holdTimeS });
      await untilSeen(router, PREFIX);
      return { link, router, node };
    }

    test("session and prefix, then SIGTERM: GRACEFUL_SHUTDOWN, withdrawal", async (context) => {
      const { router, node } = await stand(context);
      expect(await router.route(PREFIX)).toMatchObject({
        asPath: `${NODE_AS}`,
        nextHop: NODE_ADDRESS,
        communities: [],
      });
      node.program.kill("SIGTERM");
      const leaving = await untilSeen(router, PREFIX, ({ communities }) => communities.length > 0);
      expect(leaving).toMatchObject({ communities: ["65535:0"], localPref: leavingPref });
      await untilUnseen(router, PREFIX);
      expect(await node.program.exit).toEqual({ code: 0, signal: null });
    });

    test("SIGKILL: the end of the connection withdraws the prefix", async (context) => {
      const { router, node } = await stand(context);
      node.program.kill("SIGKILL");
      expect(await untilUnseen(router, PREFIX)).toBe(true);
    });

    test("a silent link: the hold timer withdraws the prefix", async (context) => {
      const { link, router, node } = await stand(context, 3);
      link.silence();
      expect(await untilUnseen(router, PREFIX)).toBe(true);
      await node.until("bgp.session", { state: "down", reason: "hold timer expired" });
    });

    test("ROUTE-REFRESH keeps session and prefix", async (context) => {
      const { router, node } = await stand(context);
      await router.refresh(NODE_ADDRESS);
      node.command({ do: "drain" }); // Said after the refresh, so heard after its answer.
      await untilSeen(router, PREFIX, ({ communities }) => communities.length > 0);
      expect(node.told("bgp.session")).toHaveLength(1);
    });
  });

  describe(`${name} as a node of our router`, () => {
    async function stand(
      context: TestContext,
      holdTimeS = 9,
    ): Promise<{ link: Link; peer: RealRouter; router: CastMember }> {
      needs(context, ...programs);
      const link = Link.open();
      const router = startSimulator(link, holdTimeS);
      await router.until("process.ready");
      const peer = await start(link, "node", `${PROJECT}examples/${folder}/node.${suffix}`);
      await router.until("router.session", { node: NODE, state: "up" });
      await peer.announce(PREFIX);
      await router.until("site.announced", { site: "ny1" });
      return { link, peer, router };
    }

    test("session and prefix, then a withdrawal over the living session", async (context) => {
      const { peer, router } = await stand(context);
      expect(router.told("site.announced")).toMatchObject([{ nodes: [NODE], isGracefulShutdown: false }]);
      await peer.withdraw(PREFIX);
      expect(await router.until("site.withdrawn")).toMatchObject({ reason: `${NODE}: withdrawn` });
      expect(router.told("router.session")).toHaveLength(1);
      expect(router.told("process.log")).toEqual([]);
    });

    test("SIGKILL: the end of the connection withdraws the site", async (context) => {
      const { peer, router } = await stand(context);
      peer.program.kill("SIGKILL");
      expect(await router.until("site.withdrawn")).toMatchObject({ site: "ny1" });
    });

    test("SIGTERM: its goodbye withdraws the site", async (context) => {
      const { peer, router } = await stand(context);
      peer.program.kill("SIGTERM");
      expect((await router.until("site.withdrawn")).reason).toMatch(LEFT);
    });

    test("a silent link: the hold timer withdraws the site", async (context) => {
      const { link, router } = await stand(context, 3);
      link.silence();
      expect(await router.until("site.withdrawn")).toMatchObject({ reason: `${NODE}: hold timer expired` });
    });
  });
}
