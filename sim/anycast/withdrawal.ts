/**
 * One site goes, and the network finds out: played message by message, seen from every AS that the site served.
 *
 *     failure ---- detection ---- withdrawal spreads, MRAI by MRAI ---- everybody has another site
 *        wrong: packets still go to the site that is gone
 *        lost:  some AS on the way has no route;  looping: they go in a circle
 *        right: they arrive at a site that is up
 *
 * Where packets go is followed hop by hop through what each AS has chosen at that moment, because the path an AS
 * believes in may be gone behind its next hop. It is looked at on a grid that is fine at first and coarse later; times of
 * whole ASes (`convergedUs`) come from the events themselves. The service has been announced for long: where everybody
 * goes before the failure is solved, not played.
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import { PropagationEngine, type EngineObserver, type EngineOptions } from "#sim/propagation/engine.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import type { Catchment, Source } from "./solve.ts";
import { countFates } from "#sim/propagation/fates.ts";
import type { Weights } from "./weights.ts";

const GRID_FIRST_US = 10_000;
const GRID_GROWTH = 1.1;
const NONE = -1;

export interface WithdrawalPlan {
  readonly graph: AsGraph;
  readonly sources: readonly Source[];
  /** The catchment of all sources. */
  readonly solved: Catchment;
  /** Position of the source that goes. */
  readonly lost: number;
  /** From the failure to the withdrawal at the site's own router, µs. */
  readonly detectionUs: number;
  readonly timing: EngineOptions;
  readonly weights: Weights;
}

/** Weight of those the site served, by what becomes of their packets. */
export interface GridPoint {
  /** Since the failure, µs. */
  readonly atUs: number;
  readonly right: number;
  readonly wrong: number;
  readonly lost: number;
  readonly looping: number;
}

export interface Withdrawal {
  /** Weight that the site served. */
  readonly affected: number;
  readonly affectedAses: number;
  readonly grid: readonly GridPoint[];
  /** Since the failure, µs, by quantile of the affected weight: nobody of it changes his site later. */
  readonly convergedUs: ReadonlyMap<number, number>;
  /** Weight times seconds in which packets went nowhere, wrong site included. */
  readonly blackholeSeconds: number;
  readonly loopSeconds: number;
  readonly announcements: number;
  readonly withdrawals: number;
}

export const QUANTILES = [0.5, 0.8, 0.9, 0.95, 1] as const;

/** `watch` is told of what happens in this run, before anybody else. */
export function playWithdrawal(
  plan: WithdrawalPlan,
  prng: Prng,
  watch?: (engine: PropagationEngine) => EngineObserver,
): Withdrawal {
  const { graph, sources, solved, lost, detectionUs, timing, weights } = plan;
  const gone = sources[lost];
  invariant(gone !== undefined && sources.length > 1, "a site that goes, and another that stays");
  const siteOf = new Int32Array(graph.vertexCount).fill(NONE);
  const changedUs = new Float64Array(graph.vertexCount);
  const engine: PropagationEngine = new PropagationEngine(graph, timing, prng, {
    onBestChange: (vertex, atUs) => {
      watcher?.onBestChange?.(vertex, atUs);
      const site = engine.siteOf(vertex) ?? NONE;
      if (site === siteOf[vertex]) return;
      siteOf[vertex] = site;
      changedUs[vertex] = atUs;
    },
    // Only for who asks: it is a call for each of 150,000 messages.
    ...(watch === undefined
      ? {}
      : { onArrived: (slot: number, path: number, atUs: number) => watcher?.onArrived?.(slot, path, atUs) }),
  });
  const watcher = watch?.(engine);
  engine.adopt(sources, solved);
  siteOf.set(solved.site);
  const served = solved.site;
  const affected: number[] = [];
  // The site itself is gone and needs nobody.
  for (const [vertex, site] of served.entries()) {
    if (site === gone.vertex && vertex !== gone.vertex) affected.push(vertex);
  }
  const before = { ...engine.counts };
  const look = (atUs: number): GridPoint => ({
    atUs,
    ...countFates(engine, affected, weights, (vertex) => vertex === gone.vertex),
  });
  const grid: GridPoint[] = [look(0)];
  for (const atUs of gridUs(detectionUs)) {
    engine.advance(atUs);
    if (atUs === detectionUs) engine.withdraw(gone.vertex, atUs);
    grid.push(look(atUs));
    if (atUs > detectionUs && engine.nextDueUs() === Infinity) break;
  }
  return {
    affected: affected.reduce((sum, vertex) => sum + weights[vertex]!, 0),
    affectedAses: affected.length,
    grid,
    convergedUs: quantiles(affected, changedUs, weights),
    blackholeSeconds: integrate(grid, ({ lost: nowhere, wrong }) => nowhere + wrong),
    loopSeconds: integrate(grid, ({ looping }) => looping),
    announcements: engine.counts.announcements - before.announcements,
    withdrawals: engine.counts.withdrawals - before.withdrawals,
  };
}

/** The detection itself, and from there on steps that grow. Ends with the caller's patience. */
function* gridUs(detectionUs: number): Generator<number> {
  yield detectionUs;
  for (let stepUs = GRID_FIRST_US; ; stepUs = Math.ceil(stepUs * GRID_GROWTH)) yield detectionUs + stepUs;
}

function quantiles(
  affected: readonly number[],
  changedUs: Float64Array,
  weights: Weights,
): Map<number, number> {
  const ordered = [...affected].sort((x, y) => changedUs[x]! - changedUs[y]!);
  const total = ordered.reduce((sum, vertex) => sum + weights[vertex]!, 0);
  const result = new Map<number, number>();
  let sum = 0;
  for (const vertex of ordered) {
    sum += weights[vertex]!;
    for (const quantile of QUANTILES) {
      if (!result.has(quantile) && sum >= quantile * total) result.set(quantile, changedUs[vertex]!);
    }
  }
  return result;
}

/** Weight times seconds, by the value at the beginning of each step. */
function integrate(grid: readonly GridPoint[], valueOf: (point: GridPoint) => number): number {
  let sum = 0;
  for (let at = 1; at < grid.length; at++) {
    sum += (valueOf(grid[at - 1]!) * (grid[at]!.atUs - grid[at - 1]!.atUs)) / 1e6;
  }
  return sum;
}
