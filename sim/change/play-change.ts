/**
 * A change of an anycast service, played message by message, and what becomes of the packets of those it concerns:
 *
 *     acts -----> engine -----> what each AS has chosen -----> where its packets end, hop by hop
 *                   |                                              right: at a site that serves
 *                   '--- messages, to whoever observes             wrong: at one that does not
 *                                                                  lost: some AS on the way has no route
 *                                                                  looping: they go in a circle
 *
 * Packets are followed through what each AS has chosen at that moment, because the path an AS believes in may be gone
 * behind its next hop. That is looked at on a grid that is fine after every act and coarser later; times of single ASes
 * (`convergedUs`, histories) come from the events themselves. The service has been announced for long: where everybody
 * goes before the change is solved, not played.
 */
import type { Prng } from "#core/prng.ts";
import type { Catchment, Source } from "#sim/anycast/solve.ts";
import type { Weights } from "#sim/anycast/weights.ts";
import { PropagationEngine, type EngineObserver, type EngineOptions } from "#sim/propagation/engine.ts";
import { countFates, countThrough, type Fates } from "#sim/propagation/fates.ts";
import { ServiceSites } from "#sim/propagation/service-sites.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { carryOut, tellSites, type Act } from "./acts.ts";
import { Histories, type History } from "./histories.ts";

const GRID_FIRST_US = 10_000;
const GRID_GROWTH = 1.1;
const NONE = -1;
/** After the last act. Damping holds a route back for an hour at most; what still moves then does not come to rest. */
const RUN_US_MAX = 4 * 3_600_000_000;

export interface ChangePlan {
  readonly graph: AsGraph;
  /** Who announces before. */
  readonly sources: readonly Source[];
  /** Their catchment. */
  readonly solved: Catchment;
  /** Vertices from here on are routers of the service's own, not ASes of the graph. There are none, when absent. */
  readonly routersFrom?: number;
  /** In order of time. */
  readonly acts: readonly Act[];
  /** Vertices whose packets are followed. */
  readonly clients: readonly number[];
  /** Vertex of the site that it is about: who still ends there is told. */
  readonly subject?: number;
  /** Vertex whose transit is told: who sends packets through it. */
  readonly via?: number;
  /** Vertices whose messages are counted and whose packets' history is kept. */
  readonly observers?: readonly number[];
  readonly timing: EngineOptions;
  readonly weights: Weights;
  /** Steps of the grid grow by this factor: 1.1 when absent. */
  readonly gridGrowth?: number;
}

/** Sums of the clients' weights. */
export interface GridPoint extends Fates {
  /** Since the change began, µs. */
  readonly atUs: number;
  /** Of those who are right: at the subject. */
  readonly there: number;
  /** Through `via`, wherever they end. */
  readonly through: number;
}

export interface PlayedChange {
  /** Weight of the clients. */
  readonly affected: number;
  readonly affectedAses: number;
  readonly grid: readonly GridPoint[];
  /** Since the change began, µs, by quantile of the clients' weight: nobody of it changes his site later. */
  readonly convergedUs: ReadonlyMap<number, number>;
  /** Weight times seconds in which packets went nowhere, wrong site included. */
  readonly blackholeSeconds: number;
  readonly loopSeconds: number;
  readonly announcements: number;
  readonly withdrawals: number;
  /** False: messages were still under way when the run was given up. */
  readonly isSettled: boolean;
  readonly histories: readonly History[];
}

export const QUANTILES = [0.5, 0.8, 0.9, 0.95, 1] as const;

/** `watch` is told of what happens in this run, before anybody else. */
export function playChange(
  plan: ChangePlan,
  prng: Prng,
  watch?: (engine: PropagationEngine) => EngineObserver,
): PlayedChange {
  const { graph, sources, solved, acts, clients, weights, observers = [] } = plan;
  const changedUs = new Float64Array(graph.vertexCount);
  const siteOf = Int32Array.from(solved.site);
  const sites = new ServiceSites(sources, plan.routersFrom ?? graph.vertexCount, plan.subject);
  const engine: PropagationEngine = new PropagationEngine(graph, plan.timing, prng, {
    onBestChange: (vertex, atUs) => {
      watcher?.onBestChange?.(vertex, atUs);
      histories?.bestChanged(vertex, atUs);
      const site = engine.siteOf(vertex) ?? NONE;
      if (site === siteOf[vertex]) return;
      siteOf[vertex] = site;
      changedUs[vertex] = atUs;
    },
    // Only for who asks: it is a call for each of 150,000 messages.
    ...(watch === undefined && observers.length === 0
      ? {}
      : {
          onArrived: (slot: number, path: number, atUs: number) => {
            watcher?.onArrived?.(slot, path, atUs);
            histories?.arrived(slot, path);
          },
        }),
  });
  const watcher = watch?.(engine);
  const histories = observers.length === 0 ? undefined : new Histories(graph, engine, sites, observers);
  engine.adopt(sources, solved);
  const before = { ...engine.counts };
  const look = (atUs: number): GridPoint => ({
    atUs,
    ...countFates(engine, clients, weights, sites),
    through: plan.via === undefined ? 0 : countThrough(engine, clients, weights, plan.via),
  });
  const grid: GridPoint[] = [];
  const lastUs = acts.at(-1)?.atUs ?? 0;
  let next = 0;
  histories?.serviceChanged(0);
  for (const atUs of gridUs(acts, plan.gridGrowth ?? GRID_GROWTH)) {
    for (; next < acts.length && acts[next]!.atUs <= atUs; next++) {
      const act = acts[next]!;
      engine.advance(act.atUs);
      tellSites(sites, act);
      carryOut(engine, act);
      histories?.serviceChanged(act.atUs);
    }
    engine.advance(atUs);
    grid.push(look(atUs));
    if (next < acts.length) continue;
    if (engine.nextDueUs() === Infinity || atUs - lastUs > RUN_US_MAX) break;
  }
  return {
    affected: clients.reduce((sum, vertex) => sum + weights[vertex]!, 0),
    affectedAses: clients.length,
    grid,
    convergedUs: quantiles(clients, changedUs, weights),
    blackholeSeconds: integrate(grid, ({ lost, wrong }) => lost + wrong),
    loopSeconds: integrate(grid, ({ looping }) => looping),
    announcements: engine.counts.announcements - before.announcements,
    withdrawals: engine.counts.withdrawals - before.withdrawals,
    isSettled: engine.nextDueUs() === Infinity,
    histories: histories?.finish() ?? [],
  };
}

/** Fine from the beginning and from every act that people are told of, then coarser. Ends with the caller's patience. */
function* gridUs(acts: readonly Act[], growth: number): Generator<number> {
  const moments = [...new Set([0, ...acts.filter(({ what }) => what !== undefined).map(({ atUs }) => atUs)])];
  for (const [index, startUs] of moments.entries()) {
    const endUs = moments[index + 1] ?? Infinity;
    yield startUs;
    for (let stepUs = GRID_FIRST_US; startUs + stepUs < endUs; stepUs = Math.ceil(stepUs * growth)) {
      yield startUs + stepUs;
    }
  }
}

function quantiles(
  clients: readonly number[],
  changedUs: Float64Array,
  weights: Weights,
): Map<number, number> {
  const ordered = [...clients].sort((x, y) => changedUs[x]! - changedUs[y]!);
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
