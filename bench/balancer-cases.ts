/**
 * What one choice costs: pick, take, observe and give back, for every algorithm and from a few nodes to ten thousand.
 * `lb.<algorithm>.ns` is the cost with ten thousand; the context has the others, so that a cost that grows is seen.
 */
import { nowMs } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import { ALGORITHMS, createBalancer, type Algorithm } from "#gateway/balancer/create-balancer.ts";
import { benchResult, median, type BenchResult } from "./results.ts";

const SIZES = [3, 100, 1_000, 10_000];
/** The least of it that a clock of milliseconds measures well. */
const PICKS = 100_000;
/** Held at a time, as a busy gateway does. */
const IN_FLIGHT = 64;
const NS_PER_MS = 1e6;

type Say = (line: string) => void;

export function pickCosts(rounds: number, say: Say): BenchResult[] {
  return ALGORITHMS.map((algorithm) => {
    const bySize = new Map(SIZES.map((size) => [size, samplesOf(algorithm, size, rounds)]));
    const medians = Object.fromEntries(SIZES.map((size) => [size, Math.round(median(bySize.get(size)!))]));
    say(`${algorithm}: ${SIZES.map((size) => `${medians[size]} ns of ${size}`).join(", ")}`);
    return benchResult(`lb.${algorithm}.ns`, "ns", bySize.get(SIZES.at(-1)!)!, {
      nodes: SIZES.at(-1),
      picks: PICKS,
      inFlight: IN_FLIGHT,
      medianNsByNodes: medians,
    });
  });
}

function samplesOf(algorithm: Algorithm, size: number, rounds: number): number[] {
  const members = Array.from({ length: size }, (_, node) => ({
    node,
    id: `node-${node}`,
    weight: 1 + (node % 3),
  }));
  const options = { algorithm, activeBias: 1, loadFactorPercent: 125 };
  const balancer = createBalancer(members, options, new Prng(1));
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
      const node = balancer.pick(isUp, request);
      balancer.take(node);
      held[place] = node;
    }
    return ((nowMs() - startMs) * NS_PER_MS) / PICKS;
  };
  // The first compiles it.
  round();
  return Array.from({ length: rounds }, round);
}
