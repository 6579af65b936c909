/**
 * Fits the delays of the lab's routers to the kinds of failure that may be looked at, and judges the others by them. Tried
 * is a grid, whole: three numbers, none of them from anywhere else.
 */
import {
  distribution,
  judge,
  misfit,
  timingOf,
  type Delays,
  type Distribution,
  type TimeVerdict,
} from "./compare.ts";
import { FAILURES, type Failure } from "./failures.ts";
import { predict } from "./predict.ts";
import type { LabTopology } from "./topology.ts";

const MEANS_MS = [
  0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10,
];
const LEAST_SHARES = [0.1, 0.3, 0.5, 0.7];
const TEARDOWNS_MS = [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1];
const RUNS_FITTED = 40;
const RUNS_JUDGED = 400;
const US_PER_MS = 1_000;

export type RealTimes = (kind: string) => Distribution;

export function fitDelays(topology: LabTopology, realOf: RealTimes): Delays {
  const fitted = FAILURES.filter(({ isFitted }) => isFitted);
  let best: Delays = { meanMs: MEANS_MS[0]!, leastShare: LEAST_SHARES[0]!, teardownMs: 0 };
  let least = Infinity;
  for (const meanMs of MEANS_MS) {
    for (const leastShare of LEAST_SHARES) {
      for (const teardownMs of TEARDOWNS_MS) {
        const delays = { meanMs, leastShare, teardownMs };
        const sum = misfit(
          fitted.map((failure) => [
            realOf(failure.kind),
            simulatedTimes(topology, failure, delays, RUNS_FITTED),
          ]),
        );
        if (sum < least) [best, least] = [delays, sum];
      }
    }
  }
  return best;
}

export function judgeTimes(topology: LabTopology, delays: Delays, realOf: RealTimes): TimeVerdict[] {
  return FAILURES.map((failure) => {
    const simulated = simulatedTimes(topology, failure, delays, RUNS_JUDGED);
    return judge(failure.kind, failure.isFitted, realOf(failure.kind), simulated);
  });
}

/** From the first change of a best path to the last. */
function simulatedTimes(topology: LabTopology, failure: Failure, delays: Delays, runs: number): Distribution {
  const timing = timingOf(delays);
  return distribution(
    Array.from({ length: runs }, (_, seed) => predict(topology, failure, timing, seed).spreadUs / US_PER_MS),
  );
}
