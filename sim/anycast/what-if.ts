/**
 * Every combination of sites up and down: who serves how much, which site suffers most from the loss of which others,
 * and what a capacity would not hold. One solve a combination; ties are left out here, because a load is a sum and a
 * sum of pairs hides more than it tells: shares are those of the chosen paths (lowest AS number).
 */
import { invariant } from "#core/assert.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { COMBINED_SITES_MAX } from "#sim/topology/limits.ts";
import { CatchmentSolver, type Source } from "./solve.ts";
import type { Weights } from "./weights.ts";

/** Combinations. */
const PROGRESS_EVERY = 64;

export interface WhatIf {
  readonly siteCount: number;
  readonly total: number;
  /**
   * Weight at each site in each combination: `loads[mask * siteCount + site]`; bit i of `mask` set: site i is up. A site
   * that is down has 0, and so has mask 0.
   */
  readonly loads: Float64Array;
}

/** Calls `onProgress` with combinations done, every `PROGRESS_EVERY`. */
export function solveAllCombinations(
  graph: AsGraph,
  sources: readonly Source[],
  weights: Weights,
  onProgress: (done: number, all: number) => void = () => undefined,
): WhatIf {
  const siteCount = sources.length;
  invariant(siteCount <= COMBINED_SITES_MAX, `at most ${COMBINED_SITES_MAX} sites are combined`);
  const solver = new CatchmentSolver(graph);
  const all = 2 ** siteCount;
  const loads = new Float64Array(all * siteCount);
  const siteAt = new Int32Array(graph.vertexCount).fill(-1);
  for (const [index, { vertex }] of sources.entries()) siteAt[vertex] = index;
  for (let mask = 1; mask < all; mask++) {
    const up = sources.filter((_, index) => (mask & (1 << index)) !== 0);
    const { site } = solver.solve(up);
    const base = mask * siteCount;
    for (let vertex = 0; vertex < site.length; vertex++) {
      const reached = site[vertex]!;
      if (reached !== -1) loads[base + siteAt[reached]!]! += weights[vertex]!;
    }
    if (mask % PROGRESS_EVERY === 0) onProgress(mask, all);
  }
  return { siteCount, total: weights.reduce((sum, weight) => sum + weight, 0), loads };
}

export interface WorstLoss {
  /** Positions of the sites that are lost. */
  readonly lost: readonly number[];
  /** Weight at the site afterwards. */
  readonly load: number;
}

/** The loss of `count` other sites that brings most to `site`; undefined when there are not as many others. */
export function worstLoss({ siteCount, loads }: WhatIf, site: number, count: number): WorstLoss | undefined {
  const all = 2 ** siteCount - 1;
  let worst: WorstLoss | undefined;
  for (let mask = 1; mask <= all; mask++) {
    if ((mask & (1 << site)) === 0 || bitCount(all & ~mask) !== count) continue;
    const load = loads[mask * siteCount + site]!;
    if (worst === undefined || load > worst.load) worst = { lost: bitsOf(all & ~mask), load };
  }
  return worst;
}

export interface Overload {
  readonly lost: readonly number[];
  readonly site: number;
  readonly load: number;
  readonly capacity: number;
}

/** Where the loss of up to `lossMax` sites brings more to a site than it holds; fewest losses first. */
export function findOverloads(
  { siteCount, loads }: WhatIf,
  capacities: readonly (number | undefined)[],
  lossMax: number,
): Overload[] {
  const all = 2 ** siteCount - 1;
  const found: Overload[] = [];
  for (let mask = 1; mask <= all; mask++) {
    const lost = bitsOf(all & ~mask);
    if (lost.length > lossMax) continue;
    for (const [site, capacity] of capacities.entries()) {
      const load = loads[mask * siteCount + site]!;
      if (capacity !== undefined && load > capacity) found.push({ lost, site, load, capacity });
    }
  }
  return found.sort((x, y) => x.lost.length - y.lost.length || y.load / y.capacity - x.load / x.capacity);
}

function bitCount(mask: number): number {
  return bitsOf(mask).length;
}

function bitsOf(mask: number): number[] {
  const bits: number[] = [];
  for (let left = mask; left !== 0; left &= left - 1) bits.push(31 - Math.clz32(left & -left));
  return bits;
}
