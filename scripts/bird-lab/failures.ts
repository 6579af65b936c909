/**
 * What is broken, in the lab and in the simulator: each kind does to daemons and cables what its acts do to the engine.
 * Some kinds the simulator's delays are fitted on, the others it predicts.
 */
import type { Prng } from "#core/prng.ts";
import type { Act } from "#sim/change/acts.ts";
import { drawDetectionUs, type Detection } from "#sim/change/detection.ts";
import { protocolOf } from "./bird-config.ts";
import type { Network } from "./network.ts";
import { linkBetween, type LabLink, type LabRouter, type LabTopology } from "./topology.ts";

export interface Failure {
  readonly kind: string;
  /** Whether its times helped to choose the simulator's delays. */
  readonly isFitted: boolean;
  /** Name of a router that says nothing of itself meanwhile. */
  readonly silent?: string;
  /** Of the simulator, in order of time. */
  acts(topology: LabTopology, draws: Draws): Act[];
  break(network: Network): Promise<void> | void;
  mend(network: Network): Promise<void> | void;
}

/** What is drawn for one run. */
export interface Draws {
  readonly prng: Prng;
  /** How long an end of a session takes to find out that it is gone, µs: as long as for a message. */
  noticeUs(): number;
}

export const BFD: Detection = { kind: "bfd", multiplier: 3, intervalUs: 100_000 };
/**
 * A session that was restarted waits for BIRD's connect delay of 1 s, which it shortens at random by up to a quarter
 * (RFC 4271 §10 has the same jitter for other timers).
 */
const BACK_US = [750_000, 1_000_000] as const;

export const FAILURES: readonly Failure[] = [
  {
    kind: "site withdraws",
    isFitted: true,
    acts: (topology) => [{ atUs: 0, kind: "withdraw", vertex: routerOf(topology, "ny").vertex }],
    break: async (network) => void (await network.ask(routerOf(network.topology, "ny"), "disable origin")),
    mend: async (network) => void (await network.ask(routerOf(network.topology, "ny"), "enable origin")),
  },
  {
    kind: "site's cable pulled",
    isFitted: false,
    acts: (topology, draws) => closing(topology, linkBetween(topology, "ny", "as64621"), draws),
    break: (network) => network.setLink(linkBetween(network.topology, "ny", "as64621"), "down"),
    mend: (network) => network.setLink(linkBetween(network.topology, "ny", "as64621"), "up"),
  },
  {
    kind: "site's router killed",
    isFitted: false,
    silent: "ny",
    acts: (topology, draws) => dying(topology, routerOf(topology, "ny"), draws),
    break: (network) => network.signal(routerOf(network.topology, "ny"), "SIGKILL"),
    mend: (network) => network.start(routerOf(network.topology, "ny")),
  },
  {
    kind: "site's router frozen",
    isFitted: true,
    silent: "ny",
    acts: (topology, draws) =>
      closing(topology, linkBetween(topology, "ny", "as64621"), draws, drawDetectionUs(BFD, draws.prng)),
    break: (network) => network.signal(routerOf(network.topology, "ny"), "SIGSTOP"),
    mend: (network) => network.signal(routerOf(network.topology, "ny"), "SIGCONT"),
  },
  {
    kind: "graceful shutdown",
    isFitted: true,
    acts: (topology) => announcing(topology, "ny", 0, true),
    break: (network) => network.announce(routerOf(network.topology, "ny"), { prepends: 0, isGraceful: true }),
    mend: (network) => network.announce(routerOf(network.topology, "ny"), { prepends: 0, isGraceful: false }),
  },
  {
    kind: "three prepends more",
    isFitted: false,
    acts: (topology) => announcing(topology, "la", 3, false),
    break: (network) =>
      network.announce(routerOf(network.topology, "la"), { prepends: 3, isGraceful: false }),
    mend: (network) => network.announce(routerOf(network.topology, "la"), { prepends: 0, isGraceful: false }),
  },
  {
    kind: "session with a tier-1 ended",
    isFitted: true,
    acts: (topology, draws) => closing(topology, linkBetween(topology, "as64622", "as64612"), draws),
    break: async (network) => {
      const link = linkBetween(network.topology, "as64622", "as64612");
      await network.ask(routerOf(network.topology, "as64622"), `disable ${protocolOf(link)}`);
    },
    mend: async (network) => {
      const link = linkBetween(network.topology, "as64622", "as64612");
      await network.ask(routerOf(network.topology, "as64622"), `enable ${protocolOf(link)}`);
    },
  },
  {
    kind: "cable of a tier-1 pulled",
    isFitted: false,
    acts: (topology, draws) => closing(topology, linkBetween(topology, "as64621", "as64611"), draws),
    break: (network) => network.setLink(linkBetween(network.topology, "as64621", "as64611"), "down"),
    mend: (network) => network.setLink(linkBetween(network.topology, "as64621", "as64611"), "up"),
  },
  {
    kind: "carrier's router killed",
    isFitted: false,
    silent: "as64623",
    acts: (topology, draws) => dying(topology, routerOf(topology, "as64623"), draws),
    break: (network) => network.signal(routerOf(network.topology, "as64623"), "SIGKILL"),
    mend: (network) => network.start(routerOf(network.topology, "as64623")),
  },
  {
    kind: "session of a site reset",
    isFitted: true,
    acts: (topology, draws) => {
      const link = linkBetween(topology, "la", "as64622");
      const backUs = draws.prng.integer(...BACK_US);
      const { graph } = topology;
      return [...closing(topology, link, draws), { atUs: backUs, kind: "open", slot: slotOf(graph, link) }];
    },
    break: async (network) => {
      const link = linkBetween(network.topology, "la", "as64622");
      await network.ask(routerOf(network.topology, "la"), `restart ${protocolOf(link)}`);
    },
    mend: () => undefined,
  },
];

export function routerOf({ routers }: LabTopology, name: string): LabRouter {
  const router = routers.find((each) => each.name === name);
  if (router === undefined) throw new Error(`the lab has no router ${name}`);
  return router;
}

/** Each end finds out by itself. */
function closing({ graph }: LabTopology, link: LabLink, draws: Draws, afterUs = 0): Act[] {
  const slot = slotOf(graph, link);
  return [slot, graph.reverse[slot]!]
    .map((end): Act => ({ atUs: afterUs + draws.noticeUs(), kind: "close", slot: end }))
    .sort((x, y) => x.atUs - y.atUs);
}

/**
 * The kernel closes the sockets of a killed process one after the other, in any order here; each time a neighbour wakes
 * up and finds out, as if of a message. What the dead router itself thinks of its sessions nobody hears.
 */
function dying({ graph, links }: LabTopology, { vertex }: LabRouter, draws: Draws): Act[] {
  const neighbors = draws.prng.shuffle(links.filter(({ a, b }) => a === vertex || b === vertex));
  let atUs = 0;
  return neighbors.map((link): Act => {
    atUs += draws.noticeUs();
    const slot = slotOf(graph, link);
    return { atUs, kind: "close", slot: link.a === vertex ? graph.reverse[slot]! : slot };
  });
}

function slotOf({ offsets, neighbors }: LabTopology["graph"], { a, b }: LabLink): number {
  return offsets[a]! + neighbors.subarray(offsets[a], offsets[a + 1]).indexOf(b);
}

function announcing({ sites }: LabTopology, name: string, prepends: number, isGraceful: boolean): Act[] {
  const { vertex } = sites.find(({ site }) => site === name)!;
  return [{ atUs: 0, kind: "announce", vertex, marks: { prepends, isGraceful } }];
}
