/**
 * The best k of m sites, by two measures: the worst case of the load, and the round-trip time.
 *
 *     load   the most that one site may get when any one of the k is lost, plus what then has no route at all; so a
 *            choice that reaches few is not a good one. Never below total / (k - 1): somebody has to take it.
 *     time   mean over the ASes that have a place, from the nearest to the farthest of the equally good sites, judged
 *            by the farthest. Never below the mean time to the nearest of all m.
 *
 * All choices are tried while there are few enough combinations; beyond, choices grow by one site at a time, always by
 * the one that makes the best choice of that size (forward greedy), and the floors say how much that may have missed.
 */
import { invariant } from "#core/assert.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import type { RttTable } from "./rtt-table.ts";
import { SCENARIOS_MAX, ScenarioSolver } from "./scenario-solver.ts";
import type { Source } from "./solve.ts";
import { bitCount, bitsOf, isHeavier, loadOf, type Load } from "./what-if.ts";
import type { Weights } from "./weights.ts";

/** Combinations that are solved to try all choices: half a minute on the whole Internet. */
export const COMBINATIONS_MAX = 25_000;
/** Choices that are told of each measure. */
const TOLD_MAX = 5;
const US_PER_MS = 1_000;

export interface BestSitesQuestion {
  readonly graph: AsGraph;
  /** The m sites. */
  readonly sources: readonly Source[];
  readonly weights: Weights;
  /** How many of them are to be chosen. */
  readonly count: number;
  /** Absent: the measure by time is left out. */
  readonly rtts?: RttTable;
  /** Combinations solved so far. */
  readonly onProgress?: (done: number) => void;
  /** Tests lower it. */
  readonly combinationsMax?: number;
}

export interface WorstCase {
  /** Position of the site that is lost; undefined where only one was chosen. */
  readonly lost: number | undefined;
  /** Position of the site that then has most; undefined where nobody has a route. */
  readonly site: number | undefined;
  readonly load: Load;
  /** Weight without a route then. */
  readonly unreachable: number;
}

/** Mean over who has a place, ms: to the nearest, and to the farthest, of the sites that are equally good. */
export interface RttMean {
  readonly nearestMs: number;
  readonly farthestMs: number;
  /** Share of the placed weight without a route: no time is in the means for it. */
  readonly unreachable: number;
}

export interface SiteChoice {
  /** Positions, ascending. */
  readonly sites: readonly number[];
  readonly worst: WorstCase;
  readonly rtt: RttMean | undefined;
}

export interface BestSites {
  readonly method: "exact" | "forward greedy";
  /** Choices that were compared. */
  readonly compared: number;
  readonly total: number;
  /** Best first; those of the other measure in `byTime`. */
  readonly byLoad: readonly SiteChoice[];
  readonly byTime: readonly SiteChoice[];
  /** No choice has a worst case (load and unreachable) below this. */
  readonly loadFloor: number;
  /** No choice has a mean time below this, ms; undefined without places. */
  readonly timeFloorMs: number | undefined;
}

export function findBestSites(question: BestSitesQuestion): BestSites {
  const { sources, count, weights, rtts, combinationsMax = COMBINATIONS_MAX } = question;
  invariant(count >= 1 && count <= sources.length, `${count} of ${sources.length} sites`);
  const combinations = binomial(sources.length, count) + binomial(sources.length, count - 1);
  const isExact = combinations <= combinationsMax;
  const tried = new Combinations(question);
  const choices = isExact ? tried.choicesOf(subsets(sources.length, count)) : undefined;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    method: isExact ? "exact" : "forward greedy",
    byLoad: best(choices ?? grow(tried, question, compareLoad), compareLoad),
    byTime: rtts === undefined ? [] : best(choices ?? grow(tried, question, compareTime), compareTime),
    compared: tried.compared,
    total,
    loadFloor: total / Math.max(1, count - 1),
    timeFloorMs: rtts === undefined ? undefined : floorMs(rtts, weights),
  };
}

type Compare = (x: SiteChoice, y: SiteChoice) => number;

function best(choices: readonly SiteChoice[], compare: Compare): SiteChoice[] {
  return choices.toSorted(compare).slice(0, TOLD_MAX);
}

/** Of the last size; each size is one site more than the best of the size before. */
function grow(tried: Combinations, { sources, count }: BestSitesQuestion, compare: Compare): SiteChoice[] {
  let choices: SiteChoice[] = [];
  let mask = 0;
  for (let size = 1; size <= count; size++) {
    const masks = sources.map((_, site) => mask | (1 << site)).filter((next) => next !== mask);
    choices = tried.choicesOf(masks);
    mask = choices.toSorted(compare)[0]!.sites.reduce((sum, site) => sum | (1 << site), 0);
  }
  return choices;
}

function compareLoad(x: SiteChoice, y: SiteChoice): number {
  const byWorst = costOf(x) - costOf(y);
  return byWorst || x.worst.load.certain - y.worst.load.certain || comparePositions(x, y);
}

function costOf({ worst }: SiteChoice): number {
  return worst.load.atMost + worst.unreachable;
}

function compareTime(x: SiteChoice, y: SiteChoice): number {
  const byReach = x.rtt!.unreachable - y.rtt!.unreachable;
  return byReach || x.rtt!.farthestMs - y.rtt!.farthestMs || comparePositions(x, y);
}

function comparePositions(x: SiteChoice, y: SiteChoice): number {
  for (const [at, site] of x.sites.entries()) if (site !== y.sites[at]) return site - (y.sites[at] ?? -1);
  return 0;
}

const NOTHING: Load = { certain: 0, atMost: 0, chosen: 0 };

interface Heaviest {
  readonly site: number | undefined;
  readonly load: Load;
  readonly unreachable: number;
}

/** Combinations of sites that are up, each solved once. */
class Combinations {
  compared = 0;
  readonly #question: BestSitesQuestion;
  readonly #solver: ScenarioSolver;
  readonly #heaviest = new Map<number, Heaviest>();
  readonly #rtts = new Map<number, RttMean>();
  readonly #total: number;

  constructor(question: BestSitesQuestion) {
    this.#question = question;
    this.#solver = new ScenarioSolver(
      question.graph,
      question.sources.map(({ vertex }) => vertex),
    );
    this.#total = question.weights.reduce((sum, weight) => sum + weight, 0);
    this.#heaviest.set(0, { site: undefined, load: NOTHING, unreachable: this.#total });
  }

  /** `masks`: the sites of each choice as bits. */
  choicesOf(masks: readonly number[]): SiteChoice[] {
    this.compared += masks.length;
    const needed = new Set(masks.flatMap((mask) => [mask, ...lossesOf(mask)]));
    this.#solve([...needed].filter((mask) => !this.#heaviest.has(mask)));
    return masks.map((mask) => ({
      sites: bitsOf(mask),
      worst: this.#worstOf(mask),
      rtt: this.#rtts.get(mask),
    }));
  }

  #worstOf(mask: number): WorstCase {
    if (bitCount(mask) === 1) return { lost: undefined, ...this.#heaviest.get(mask)! };
    let worst: WorstCase | undefined;
    for (const left of lossesOf(mask)) {
      const next = { lost: 31 - Math.clz32(mask & ~left), ...this.#heaviest.get(left)! };
      const more = next.load.atMost + next.unreachable;
      if (worst === undefined || more > worst.load.atMost + worst.unreachable) worst = next;
    }
    return worst!;
  }

  #solve(masks: readonly number[]): void {
    const { sources, weights, onProgress } = this.#question;
    for (let first = 0; first < masks.length; first += SCENARIOS_MAX) {
      const batch = masks.slice(first, first + SCENARIOS_MAX);
      this.#solver.solve(batch.map((mask) => sources.filter((_source, site) => ((mask >>> site) & 1) === 1)));
      const loads = this.#solver.loads(weights, batch.length);
      for (const [index, mask] of batch.entries()) {
        const base = index * sources.length;
        let site: number | undefined;
        let load = NOTHING;
        let reached = 0;
        for (const position of sources.keys()) {
          const next = loadOf(loads, base + position);
          reached += next.chosen;
          if (isHeavier(next, load)) [site, load] = [position, next];
        }
        this.#heaviest.set(mask, { site, load, unreachable: this.#total - reached });
        const rtt = this.#rttOf(index);
        if (rtt !== undefined) this.#rtts.set(mask, rtt);
      }
      onProgress?.(this.#heaviest.size - 1);
    }
  }

  #rttOf(scenario: number): RttMean | undefined {
    const { rtts, weights } = this.#question;
    if (rtts === undefined) return undefined;
    let nearest = 0;
    let farthest = 0;
    let reached = 0;
    let total = 0;
    for (const vertex of rtts.placed) {
      const weight = weights[vertex]!;
      total += weight;
      let least = Infinity;
      let most = 0;
      for (let left = this.#solver.tiesOf(vertex, scenario); left !== 0; left &= left - 1) {
        const us = rtts.rttUs(vertex, 31 - Math.clz32(left & -left));
        least = Math.min(least, us);
        most = Math.max(most, us);
      }
      if (least === Infinity) continue;
      reached += weight;
      nearest += weight * least;
      farthest += weight * most;
    }
    return {
      nearestMs: nearest / reached / US_PER_MS,
      farthestMs: farthest / reached / US_PER_MS,
      unreachable: total === 0 ? 0 : (total - reached) / total,
    };
  }
}

/** One site less, each in turn. */
function lossesOf(mask: number): number[] {
  return bitsOf(mask).map((site) => mask & ~(1 << site));
}

/** All masks with `count` of `size` bits set, ascending. */
function subsets(size: number, count: number): number[] {
  if (count === 0) return [0];
  const found: number[] = [];
  for (let top = count - 1; top < size; top++) {
    for (const below of subsets(top, count - 1)) found.push(below | (1 << top));
  }
  return found;
}

function binomial(size: number, count: number): number {
  let product = 1;
  for (let each = 1; each <= count; each++) product = (product * (size - count + each)) / each;
  return Math.round(product);
}

/** Everybody who has a place at the nearest of all sites. */
function floorMs(rtts: RttTable, weights: Weights): number {
  let sum = 0;
  let total = 0;
  for (const vertex of rtts.placed) {
    let least = Infinity;
    for (let site = 0; site < rtts.siteCount; site++) least = Math.min(least, rtts.rttUs(vertex, site));
    sum += weights[vertex]! * least;
    total += weights[vertex]!;
  }
  return sum / total / US_PER_MS;
}
