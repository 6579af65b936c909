/**
 * How long a drain must wait: a site asks its clients to go elsewhere while it still serves whoever comes, and its packets
 * are counted hop by hop until nothing is under way. Three ways to ask:
 *
 *     graceful-shutdown   its route carries GRACEFUL_SHUTDOWN (RFC 8326): everybody prefers any other route
 *     prepend             it repeats its AS: whoever compares lengths may go, whoever prefers a customer's route stays
 *     withdraw            it stops to announce: all go, some through moments without a route
 *
 * Every AS is taken to honour the community. Where real ones do not, clients stay that leave here: the model's answer is
 * then the shortest wait, and the share that stays the smallest.
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import { PropagationEngine, type EngineOptions } from "#sim/propagation/engine.ts";
import { countFates } from "#sim/propagation/fates.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import type { DrainWay } from "./drain-ways.ts";
import type { Catchment, Source } from "./solve.ts";
import type { Weights } from "./weights.ts";

const GRID_FIRST_US = 10_000;
/** A time is told to one twentieth. */
const GRID_GROWTH = 1.05;
const ROUNDING = 1e-9;

export interface DrainPlan {
  readonly graph: AsGraph;
  readonly sources: readonly Source[];
  /** The catchment of all sources. */
  readonly solved: Catchment;
  /** Position of the source that is drained. */
  readonly drained: number;
  readonly way: DrainWay;
  /** `prepend` only: so many times more than before. */
  readonly prepends: number;
  readonly timing: EngineOptions;
  readonly weights: Weights;
}

export interface DrainPoint {
  /** Since the site asked, µs. */
  readonly atUs: number;
  /** Weight whose packets still arrive at the site. */
  readonly there: number;
  /** Weight whose packets arrive nowhere. */
  readonly nowhere: number;
}

export interface Drain {
  /** Weight that the site served, its own AS left out. */
  readonly served: number;
  readonly servedAses: number;
  /** Ascending; from the last point on nothing changes. */
  readonly points: readonly DrainPoint[];
  /** Weight times seconds in which packets arrived nowhere. */
  readonly lostSeconds: number;
}

export function playDrain(plan: DrainPlan, prng: Prng): Drain {
  const { graph, sources, solved, drained, way, timing, weights } = plan;
  const site = sources[drained];
  invariant(site !== undefined && sources.length > 1, "a site that is drained, and another that stays");
  const clients: number[] = [];
  for (const [vertex, reached] of solved.site.entries()) {
    if (reached === site.vertex && vertex !== site.vertex) clients.push(vertex);
  }
  const engine = new PropagationEngine(graph, timing, prng);
  engine.adopt(sources, solved);
  if (way === "withdraw") engine.withdraw(site.vertex, 0);
  else if (way === "prepend") {
    engine.announce(site.vertex, { ...site, prepends: site.prepends + plan.prepends }, 0);
  } else engine.announce(site.vertex, { ...site, isGraceful: true }, 0);
  const points: DrainPoint[] = [];
  for (let atUs = 0, stepUs = GRID_FIRST_US; ; atUs = stepUs, stepUs = Math.ceil(stepUs * GRID_GROWTH)) {
    engine.advance(atUs);
    // What ends at the site is served there: it has not gone yet.
    const { wrong: there, lost, looping } = countFates(engine, clients, weights, (at) => at === site.vertex);
    points.push({ atUs, there, nowhere: lost + looping });
    if (engine.nextDueUs() === Infinity) break;
  }
  return {
    served: clients.reduce((sum, vertex) => sum + weights[vertex]!, 0),
    servedAses: clients.length,
    points,
    lostSeconds: points.reduce((sum, { nowhere }, index) => {
      const next = points[index + 1];
      return next === undefined ? sum : sum + (nowhere * (next.atUs - points[index]!.atUs)) / 1e6;
    }, 0),
  };
}

/** When `share` of the served weight has left for good, µs; undefined: more than the rest stays. */
export function leftAfterUs({ served, points }: Drain, share: number): number | undefined {
  // A sum of weights and a ratio of it may differ in the last digit.
  const stays = (1 - share) * served + ROUNDING * served;
  let afterUs: number | undefined;
  for (let index = points.length - 1; index >= 0 && points[index]!.there <= stays; index--) {
    afterUs = points[index]!.atUs;
  }
  return afterUs;
}
