/**
 * Every combination of sites up and down: who serves how much, which site suffers most from the loss of which others,
 * and what a capacity would not hold. Thirty-two combinations a pass. A load is a pair, as every share is: what is at
 * the site by every equally good path, and what is there by some. The worst is judged by the second, for whoever plans
 * must expect it.
 */
import { invariant } from "#core/assert.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { COMBINED_SITES_MAX } from "#sim/topology/limits.ts";
import { SCENARIOS_MAX, ScenarioSolver, type ScenarioLoads } from "./scenario-solver.ts";
import type { Source } from "./solve.ts";
import type { Weights } from "./weights.ts";

/**
 * Weight at each site in each combination: `[mask * siteCount + site]`; bit i of `mask` set: site i is up. A site that
 * is down has 0, and so has mask 0.
 */
export interface WhatIf extends ScenarioLoads {
  readonly siteCount: number;
  readonly total: number;
}

/** Weight at a site: what is there whatever the ties, and what may be. */
export interface Load {
  readonly certain: number;
  readonly atMost: number;
  /** Between the two: ties go to the lowest AS number. */
  readonly chosen: number;
}

/** Calls `onProgress` with combinations done, after each pass. */
export function solveAllCombinations(
  graph: AsGraph,
  sources: readonly Source[],
  weights: Weights,
  onProgress: (done: number, all: number) => void = () => undefined,
): WhatIf {
  const siteCount = sources.length;
  invariant(siteCount <= COMBINED_SITES_MAX, `at most ${COMBINED_SITES_MAX} sites are combined`);
  const solver = new ScenarioSolver(
    graph,
    sources.map(({ vertex }) => vertex),
  );
  const all = 2 ** siteCount;
  const certain = new Float64Array(all * siteCount);
  const atMost = new Float64Array(all * siteCount);
  const chosen = new Float64Array(all * siteCount);
  for (let first = 0; first < all; first += SCENARIOS_MAX) {
    const count = Math.min(SCENARIOS_MAX, all - first);
    solver.solve(
      Array.from({ length: count }, (_, offset) =>
        sources.filter((_source, index) => ((first + offset) & (1 << index)) !== 0),
      ),
    );
    const loads = solver.loads(weights, count);
    certain.set(loads.certain, first * siteCount);
    atMost.set(loads.atMost, first * siteCount);
    chosen.set(loads.chosen, first * siteCount);
    onProgress(first + count, all);
  }
  return { siteCount, total: weights.reduce((sum, weight) => sum + weight, 0), certain, atMost, chosen };
}

/** What a site carries when the sites of a mask are up. */
export function loadAt({ siteCount, ...loads }: WhatIf, mask: number, site: number): Load {
  return loadOf(loads, mask * siteCount + site);
}

export function loadOf({ certain, atMost, chosen }: ScenarioLoads, at: number): Load {
  return { certain: certain[at]!, atMost: atMost[at]!, chosen: chosen[at]! };
}

export interface WorstLoss {
  /** Positions of the sites that are lost. */
  readonly lost: readonly number[];
  /** At the site afterwards. */
  readonly load: Load;
}

/** The loss of `count` other sites that may bring most to `site`; undefined when there are not as many others. */
export function worstLoss(whatIf: WhatIf, site: number, count: number): WorstLoss | undefined {
  const all = 2 ** whatIf.siteCount - 1;
  let worst: WorstLoss | undefined;
  for (let mask = 1; mask <= all; mask++) {
    if ((mask & (1 << site)) === 0 || bitCount(all & ~mask) !== count) continue;
    const load = loadAt(whatIf, mask, site);
    if (worst === undefined || isHeavier(load, worst.load)) worst = { lost: bitsOf(all & ~mask), load };
  }
  return worst;
}

export function isHeavier(load: Load, than: Load): boolean {
  return load.atMost > than.atMost || (load.atMost === than.atMost && load.certain > than.certain);
}

export interface Overload {
  readonly lost: readonly number[];
  readonly site: number;
  readonly load: Load;
  readonly capacity: number;
  /** Too much even if every tie falls elsewhere. */
  readonly isCertain: boolean;
}

/** Where the loss of up to `lossMax` sites may bring more to a site than it holds; fewest losses first. */
export function findOverloads(
  whatIf: WhatIf,
  capacities: readonly (number | undefined)[],
  lossMax: number,
): Overload[] {
  const all = 2 ** whatIf.siteCount - 1;
  const found: Overload[] = [];
  for (let mask = 1; mask <= all; mask++) {
    const lost = bitsOf(all & ~mask);
    if (lost.length > lossMax) continue;
    for (const [site, capacity] of capacities.entries()) {
      const load = loadAt(whatIf, mask, site);
      if (capacity === undefined || load.atMost <= capacity) continue;
      found.push({ lost, site, load, capacity, isCertain: load.certain > capacity });
    }
  }
  return found.sort(
    (x, y) => x.lost.length - y.lost.length || y.load.atMost / y.capacity - x.load.atMost / x.capacity,
  );
}

export function bitCount(mask: number): number {
  let count = 0;
  for (let left = mask; left !== 0; left &= left - 1) count += 1;
  return count;
}

/** Positions of the bits that are set, ascending. */
export function bitsOf(mask: number): number[] {
  const bits: number[] = [];
  for (let left = mask; left !== 0; left &= left - 1) bits.push(31 - Math.clz32(left & -left));
  return bits;
}
