/**
 * The simulator as a running thing: the routers of all sites, the Internet behind them, and the feed that tells the
 * gateway. Nobody tells it that a node died; it sees BGP sessions end, as the Internet does.
 */
import { parseIpv4, parsePrefix } from "#bgp/messages.ts";
import { UserError } from "#core/errors.ts";
import type { Timer } from "#core/host/clock.ts";
import { randomSeed } from "#core/host/random.ts";
import { watchStalls } from "#core/host/stalls.ts";
import { Prng } from "#core/prng.ts";
import type { BfdConfig, RouterConfig, SimConfig } from "#core/wire/cast.ts";
import type { EventBody } from "#core/wire/events.ts";
import { SIM_STATUS_SCHEMA, type SimStatus } from "#core/wire/sim-status.ts";
import { defaultWorld } from "#sim/topology/default-world.ts";
import { worldOf } from "#sim/topology/live-world.ts";
import type { World } from "#sim/topology/world.ts";
import { FeedServer } from "./feed-server.ts";
import { Internet } from "#sim/anycast/internet.ts";
import { Refusals } from "./refusals.ts";
import { RouterBfd } from "./router-bfd.ts";
import { RouterListener } from "./router-listener.ts";
import { HOST_CLOCK } from "./sim-clock.ts";
import type { SiteAnnouncement } from "#sim/anycast/site-paths.ts";
import { SiteRouter } from "./site-router.ts";

const NS_PER_US = 1000;
/** Standing still for longer is an event, and not held against the nodes (BFD). */
const STALL_MS = 50;

/** Where events go; `atNs` when one happened earlier than now. */
export type EmitEvent = (body: EventBody, atNs?: number) => void;

export class Simulator {
  readonly #config: SimConfig;
  readonly #world: World;
  readonly #emit: EmitEvent;
  readonly #internet: Internet;
  readonly #feed: FeedServer;
  readonly #listeners: readonly RouterListener[];
  /** Of the routers that have one, by site. */
  readonly #bfd = new Map<string, RouterBfd>();
  #stallTimer: Timer | undefined;
  #isStopping = false;

  constructor(config: SimConfig, emit: EmitEvent) {
    const world = config.world === undefined ? defaultWorld() : worldOf(config.world);
    checkConfig(config, world);
    this.#config = config;
    this.#world = world;
    this.#emit = emit;
    this.#internet = new Internet(world, new Prng(config.seed), HOST_CLOCK, {
      publish: (lines) => this.#feed.publish(lines),
      moved: ({ vantage, from, to, atUs }, revision) =>
        emit({ kind: "vantage.moved", vantage, from, to, revision }, atUs * NS_PER_US),
      settled: (revision, durationMs, atUs) =>
        emit({ kind: "routes.settled", revision, durationMs }, atUs * NS_PER_US),
    });
    this.#feed = new FeedServer({
      state: () => this.#internet.board.state(),
      status: () => this.status(),
      readerDropped: (bytes) => this.#log(`a reader of the feed was dropped ${bytes} bytes behind`),
    });
    this.#listeners = config.routers.map((router) => new RouterListener(this.#newRouter(router)));
  }

  /** Resolves when nodes and gateways can connect. */
  async start(): Promise<void> {
    this.#stallTimer = watchStalls(STALL_MS, (durationMs) => this.#stalled(durationMs));
    await Promise.all(this.#listeners.map((listener) => listener.listen(this.#config.host)));
    await Promise.all([...this.#bfd.values()].map((bfd) => bfd.listen()));
    await this.#feed.listen(this.#config.host, this.#config.httpPort);
  }

  /** Sends Cease to the nodes and ends the feed. */
  stop(reason: string): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#stallTimer?.cancel();
    this.#internet.stop();
    this.#feed.close();
    // First, so that the nodes know the end of their sessions for a goodbye.
    for (const bfd of this.#bfd.values()) bfd.close(reason);
    for (const listener of this.#listeners) listener.close(reason);
  }

  get httpPort(): number {
    return this.#feed.port;
  }

  routerPort(site: string): number | undefined {
    return this.#listeners.find(({ router }) => router.config.site === site)?.port;
  }

  status(): SimStatus {
    return {
      schema: SIM_STATUS_SCHEMA,
      world: this.#world.name,
      seed: this.#config.seed,
      revision: this.#internet.board.revision,
      prefix: this.#config.prefix,
      readers: this.#feed.readerCount,
      sites: this.#listeners.map(({ router, port }) => {
        const { site, peers } = router.config;
        const bfd = this.#bfd.get(site);
        const bfdPort = bfd?.port;
        const announcement = router.announcement();
        return {
          site,
          port,
          ...(bfdPort === undefined ? {} : { bfdPort }),
          isAnnounced: announcement !== undefined,
          isGracefulShutdown: announcement?.isGraceful ?? false,
          announcedNodes: announcement?.nodes ?? [],
          nodes: peers.map(({ node }) => {
            const bfdState = bfd?.state(node);
            const session = router.sessionState(node);
            return {
              node,
              session,
              ...(bfdState === undefined ? {} : { bfd: bfdState }),
              hasPath: router.hasPath(node),
            };
          }),
        };
      }),
      vantages: this.#world.vantages.map(({ vantage }) => ({
        vantage,
        site: this.#internet.reached(vantage),
      })),
    };
  }

  #newRouter(config: RouterConfig): SiteRouter {
    const { site } = config;
    const refusals = new Refusals((reason) => this.#emit({ kind: "router.refused", site, reason }));
    const refused = (reason: string): void => refusals.note(reason, HOST_CLOCK.nowMs());
    const router = new SiteRouter(
      config,
      { prefix: parsePrefix(this.#config.prefix), holdTimeS: this.#config.holdTimeS },
      HOST_CLOCK,
      {
        session: (node, state, reason) => {
          this.#emit({ kind: "router.session", site, node, state, reason });
          if (state === "down") this.#bfd.get(site)?.sessionEnded(node);
        },
        refused,
        remark: (node, text) => this.#log(`${node}: ${text}`),
        changed: (announcement, reason) => this.#changed(site, announcement, reason),
      },
    );
    if (config.bfd !== undefined) this.#bfd.set(site, this.#newBfd(router, config.bfd, refused));
    return router;
  }

  #newBfd(router: SiteRouter, config: BfdConfig, discarded: (reason: string) => void): RouterBfd {
    const { site, peers } = router.config;
    return new RouterBfd(config, peers, HOST_CLOCK, new Prng(randomSeed()), {
      discarded,
      news: (node, { state, reason, detectMs, isAlarm }) => {
        if (this.#isStopping) return;
        this.#emit({ kind: "bfd.session", node, site, by: "router", state, reason, detectMs });
        if (isAlarm) router.bfdDown(node, reason);
      },
    });
  }

  #stalled(durationMs: number): void {
    for (const bfd of this.#bfd.values()) bfd.stalled(durationMs);
    this.#emit({ kind: "stall", process: "sim", durationMs: Math.round(durationMs) });
  }

  #changed(site: string, announcement: SiteAnnouncement | undefined, reason: string): void {
    // While stopping, the end of our own sessions is no news about the nodes.
    if (this.#isStopping) return;
    const atNs = HOST_CLOCK.nowUs() * NS_PER_US;
    this.#internet.set(site, announcement, (news) => {
      if (news === "withdrawn") this.#emit({ kind: "site.withdrawn", site, reason }, atNs);
      else {
        const { nodes, isGraceful: isGracefulShutdown } = announcement!;
        this.#emit({ kind: "site.announced", site, nodes, isGracefulShutdown }, atNs);
      }
    });
  }

  #log(line: string): void {
    this.#emit({ kind: "process.log", process: "sim", line });
  }
}

function checkConfig(config: SimConfig, world: World): void {
  const sites = world.sites.map(({ site }) => site);
  const seen = new Set<string>();
  for (const { site, bgpId, peers } of config.routers) {
    if (!sites.includes(site))
      refuse(`world ${world.name} has no site "${site}"; it has ${sites.join(", ")}`);
    if (seen.has(site)) refuse(`site ${site} has two routers`);
    seen.add(site);
    for (const id of [bgpId, ...peers.map((peer) => peer.bgpId)]) attempt(() => parseIpv4(id));
    const identities = new Set(peers.map((peer) => `${peer.as}/${peer.bgpId}`));
    if (identities.size < peers.length) refuse(`two peers of ${site} have the same AS and BGP identifier`);
  }
  attempt(() => parsePrefix(config.prefix));
}

function attempt(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(why: string): never {
  throw new UserError("SIM_CONFIG", `the simulator's configuration: ${why}`);
}
