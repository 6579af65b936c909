/**
 * What one choice costs: pick, take, observe and give back, for every algorithm and from a few nodes to ten thousand.
 * `lb.<algorithm>.ns` is the cost with ten thousand; the context has the others, so that a cost that grows is seen, and what
 * ten thousand cost in zones (a third of them in the gateway's own, for half of the traffic, so that each choice draws its side), in two
 * subsets, and in both.
 */
import { nowMs } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import { WHOLE, type Balancer } from "#gateway/balancer/balancer.ts";
import { ALGORITHMS, createBalancer, isHashing, type Algorithm } from "#gateway/balancer/create-balancer.ts";
import { SitePool } from "#gateway/balancer/site-pool.ts";
import { benchResult, median, type BenchResult } from "./results.ts";

const SIZES = [3, 100, 1_000, 10_000];
const LARGEST = 10_000;
const ZONES = ["a", "b", "c"];
const SUBSETS = 2;
/** The least of it that a clock of milliseconds measures well. */
const PICKS = 100_000;
/** Held at a time, as a busy gateway does. */
const IN_FLIGHT = 64;
const NS_PER_MS = 1e6;

type Say = (line: string) => void;

export function pickCosts(rounds: number, say: Say): BenchResult[] {
  return ALGORITHMS.map((algorithm) => {
    const bySize = new Map(SIZES.map((size) => [size, samplesOf(algorithm, size, rounds, ALL_ALIKE)]));
    const medians = Object.fromEntries(SIZES.map((size) => [size, Math.round(median(bySize.get(size)!))]));
    say(`${algorithm}: ${SIZES.map((size) => `${medians[size]} ns of ${size}`).join(", ")}`);
    const parts = Object.fromEntries(
      PARTS.map(([name, parting]) => [
        name,
        Math.round(median(samplesOf(algorithm, LARGEST, rounds, parting))),
      ]),
    );
    say(`${algorithm}, ${LARGEST}: ${PARTS.map(([name]) => `${parts[name]} ns with ${name}`).join(", ")}`);
    return benchResult(`lb.${algorithm}.ns`, "ns", bySize.get(LARGEST)!, {
      nodes: LARGEST,
      picks: PICKS,
      inFlight: IN_FLIGHT,
      medianNsByNodes: medians,
      medianNsByParts: parts,
    });
  });
}

interface Parting {
  readonly hasZones: boolean;
  readonly hasSubsets: boolean;
}

const ALL_ALIKE: Parting = { hasZones: false, hasSubsets: false };
const PARTS: readonly (readonly [name: string, parting: Parting])[] = [
  ["zones", { hasZones: true, hasSubsets: false }],
  ["subsets", { hasZones: false, hasSubsets: true }],
  ["both", { hasZones: true, hasSubsets: true }],
];

function balancerOf(algorithm: Algorithm, size: number, { hasSubsets, hasZones }: Parting): Balancer {
  const members = Array.from({ length: size }, (_, node) => ({
    node,
    id: `node-${node}`,
    weight: 1 + (node % 3),
    // Not by weight: every third node is as heavy as the next third one.
    zone: hasZones ? ZONES[Math.floor(node / 3) % ZONES.length] : undefined,
    subsets: hasSubsets ? [Math.floor(node / 9) % SUBSETS] : [],
  }));
  const options = { algorithm, activeBias: 1, loadFactorPercent: 125 };
  const prng = new Prng(1);
  if (!hasSubsets && !hasZones) return createBalancer(members, options, prng);
  return new SitePool(members, {
    subsetCount: SUBSETS,
    own: hasZones ? { id: "a", factorPercent: 140, trafficPercent: 50, nodesMin: 1 } : undefined,
    hasMarks: false,
    hasKeys: isHashing(algorithm),
    isHealthy: () => true,
    wholeWeight: (node) => members[node]!.weight,
    makeBalancer: (group) => createBalancer(group, options, prng),
    prng: prng.fork("zones"),
  });
}

function samplesOf(algorithm: Algorithm, size: number, rounds: number, parting: Parting): number[] {
  const balancer = balancerOf(algorithm, size, parting);
  const held = new Int32Array(IN_FLIGHT).fill(-1);
  const request = { excluded: [], nowMs: 0, key: 0 };
  const isUp = (): boolean => true;
  const round = (): number => {
    const startMs = nowMs();
    for (let count = 0; count < PICKS; count++) {
      const place = count % IN_FLIGHT;
      const done = held[place]!;
      if (done >= 0) {
        balancer.observed?.(done, 5 + (count % 20), count);
        balancer.giveBack(done);
      }
      request.nowMs = count;
      request.key = Math.imul(count, 0x9e37_79b1) >>> 0;
      const node = balancer.pick(isUp, request, parting.hasSubsets ? count % SUBSETS : WHOLE);
      balancer.take(node);
      held[place] = node;
    }
    return ((nowMs() - startMs) * NS_PER_MS) / PICKS;
  };
  // The first compiles it.
  round();
  return Array.from({ length: rounds }, round);
}
