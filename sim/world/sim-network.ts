/**
 * The network of a run: a router per site that holds its nodes' sessions and paths, and the Internet behind them, the
 * same code that serves in real time. Sessions are modelled, not spoken: what matters here is when one begins, when it
 * was last heard, and when it ends. So is BFD, which comes up with the session. Everything here runs as the actor
 * `network`.
 */
import type { Prng } from "#core/prng.ts";
import type { CatchmentFeedLine } from "#core/wire/catchment.ts";
import { Internet } from "#sim/anycast/internet.ts";
import { SitePaths } from "#sim/anycast/site-paths.ts";
import type { World } from "#sim/topology/world.ts";
import { ACTOR } from "./actors.ts";
import type { EventLoop } from "./event-loop.ts";
import type { ScenarioJournal } from "./scenario-journal.ts";

const SOURCE = "sim";
const US_PER_MS = 1000;

/** Between packets, before jitter, and how long none may come: to a router, and to a node. */
export interface BfdTimes {
  readonly intervalUs: number;
  readonly detectUs: number;
  readonly nodeDetectUs: number;
}

export interface NetworkOptions {
  readonly world: World;
  readonly prng: Prng;
  readonly holdUs: number;
  /** Undefined: no BFD. */
  readonly bfd: BfdTimes | undefined;
  /** Nodes of each site, in the router's order. */
  readonly nodesBySite: ReadonlyMap<string, readonly string[]>;
  readonly onFeed: (lines: readonly CatchmentFeedLine[]) => void;
}

interface Session {
  heardUs: number;
  bfdHeardUs: number;
  isBfdUp: boolean;
  /** Tells the node that the router has ended the session. */
  readonly tellNode: (reason: string) => void;
}

export class SimNetwork {
  readonly #loop: EventLoop;
  readonly #journal: ScenarioJournal;
  readonly #holdUs: number;
  readonly #bfd: BfdTimes | undefined;
  readonly #internet: Internet;
  readonly #paths = new Map<string, SitePaths>();
  readonly #siteOf = new Map<string, string>();
  readonly #sessions = new Map<string, Session>();

  constructor(loop: EventLoop, journal: ScenarioJournal, options: NetworkOptions) {
    this.#loop = loop;
    this.#journal = journal;
    this.#holdUs = options.holdUs;
    this.#bfd = options.bfd;
    for (const [site, nodes] of options.nodesBySite) {
      this.#paths.set(site, new SitePaths(nodes));
      for (const node of nodes) this.#siteOf.set(node, site);
    }
    const clock = {
      nowUs: () => loop.nowUs,
      after: (ms: number, fn: () => void) => loop.after(ACTOR.network, ms * US_PER_MS, fn),
    };
    this.#internet = new Internet(options.world, options.prng, clock, {
      publish: options.onFeed,
      moved: ({ vantage, from, to, atUs }, revision) =>
        journal.emit(SOURCE, { kind: "vantage.moved", vantage, from, to, revision }, atUs),
      settled: (revision, durationMs, atUs) =>
        journal.emit(SOURCE, { kind: "routes.settled", revision, durationMs }, atUs),
    });
  }

  /** The site a vantage reaches now. */
  reached(vantage: string): string | null {
    return this.#internet.reached(vantage);
  }

  isAnnounced(site: string): boolean {
    return this.#internet.announcement(site) !== undefined;
  }

  established(node: string, tellNode: (reason: string) => void): void {
    const { nowUs } = this.#loop;
    const session: Session = { heardUs: nowUs, bfdHeardUs: nowUs, isBfdUp: false, tellNode };
    this.#sessions.set(node, session);
    this.#tellSession(node, "up", "established");
    this.#watch(node, session);
    if (this.#bfd === undefined) return;
    session.isBfdUp = true;
    this.#tellBfd(node, "up", "heard and is heard");
    this.#watchBfd(node, session, this.#bfd.detectUs);
  }

  /** A BFD packet. */
  bfdHeard(node: string): void {
    const session = this.#sessions.get(node);
    if (session !== undefined) session.bfdHeardUs = this.#loop.nowUs;
  }

  /** KEEPALIVE. */
  heard(node: string): void {
    const session = this.#sessions.get(node);
    if (session !== undefined) session.heardUs = this.#loop.nowUs;
  }

  announced(node: string, isGraceful: boolean): void {
    if (!this.#sessions.has(node)) return;
    this.heard(node);
    this.#pathsOf(node).stand(node, isGraceful);
    this.#changed(node, `${node} announced`);
  }

  withdrawn(node: string): void {
    if (!this.#sessions.has(node)) return;
    this.heard(node);
    this.#pathsOf(node).drop(node);
    this.#changed(node, `${node}: withdrawn`);
  }

  /** The node's end of the session is gone: FIN, RST or NOTIFICATION. */
  closed(node: string, reason: string): void {
    const session = this.#sessions.get(node);
    if (session === undefined) return;
    this.#sessions.delete(node);
    this.#pathsOf(node).drop(node);
    this.#tellSession(node, "down", reason);
    if (session.isBfdUp) this.#tellBfd(node, "down", "the BGP session ended");
    this.#changed(node, `${node}: ${reason}`);
  }

  /** Looks at the hold timer when it could run out first, and again when it was restarted meanwhile. */
  #watch(node: string, session: Session): void {
    const leftUs = session.heardUs + this.#holdUs - this.#loop.nowUs;
    this.#loop.after(ACTOR.network, leftUs, () => {
      if (this.#sessions.get(node) !== session) return;
      if (this.#loop.nowUs < session.heardUs + this.#holdUs) return this.#watch(node, session);
      this.closed(node, "hold timer expired");
      session.tellNode("peer sent NOTIFICATION 4/0");
    });
  }

  /** As `#watch`, for the detection time. */
  #watchBfd(node: string, session: Session, detectUs: number): void {
    const leftUs = session.bfdHeardUs + detectUs - this.#loop.nowUs;
    this.#loop.after(ACTOR.network, leftUs, () => {
      if (this.#sessions.get(node) !== session || !session.isBfdUp) return;
      const silentUs = this.#loop.nowUs - session.bfdHeardUs;
      if (silentUs < detectUs) return this.#watchBfd(node, session, detectUs);
      session.isBfdUp = false;
      const silentMs = silentUs / US_PER_MS;
      const reason = `nothing heard for ${Math.round(silentMs)} ms`;
      this.#tellBfd(node, "down", reason, silentMs);
      this.closed(node, `BFD down: ${reason}`);
      session.tellNode("peer sent NOTIFICATION 6/10");
    });
  }

  #tellBfd(node: string, state: "up" | "down", reason: string, detectMs: number | null = null): void {
    const site = this.#siteOf.get(node)!;
    this.#journal.emit(SOURCE, { kind: "bfd.session", node, site, by: "router", state, reason, detectMs });
  }

  #changed(node: string, reason: string): void {
    const site = this.#siteOf.get(node)!;
    const announcement = this.#pathsOf(node).announcement();
    this.#internet.set(site, announcement, (news) => {
      if (news === "withdrawn") this.#journal.emit(SOURCE, { kind: "site.withdrawn", site, reason });
      else {
        const { nodes, isGraceful: isGracefulShutdown } = announcement!;
        this.#journal.emit(SOURCE, { kind: "site.announced", site, nodes, isGracefulShutdown });
      }
    });
  }

  #tellSession(node: string, state: "up" | "down", reason: string): void {
    const site = this.#siteOf.get(node)!;
    this.#journal.emit(SOURCE, { kind: "router.session", site, node, state, reason });
  }

  #pathsOf(node: string): SitePaths {
    return this.#paths.get(this.#siteOf.get(node)!)!;
  }
}
