/** The plan of several rows: one of the sites of a service withdraws, and its clients are followed. */
import { CatchmentSolver, type Source } from "#sim/anycast/solve.ts";
import { equalWeights } from "#sim/anycast/weights.ts";
import { servedBy } from "#sim/change/clients.ts";
import type { ChangePlan } from "#sim/change/play-change.ts";
import type { EngineOptions } from "#sim/propagation/engine.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";

/** One plan for each of the first `count` sites, in order. */
export function withdrawalPlans(
  graph: AsGraph,
  vertices: readonly number[],
  count: number,
  timing: EngineOptions,
): ChangePlan[] {
  const sources: Source[] = vertices.map((vertex) => ({ vertex, prepends: 0 }));
  const solved = new CatchmentSolver(graph).solve(sources);
  const weights = equalWeights(graph);
  return vertices.slice(0, count).map((vertex) => ({
    graph,
    sources,
    solved,
    acts: [{ atUs: 0, kind: "withdraw", vertex }],
    clients: servedBy(solved, vertex),
    timing,
    weights,
  }));
}
