/** The small service that changes are played on: sites `west` at AS 11 and `east` at AS 21 of the diamond. */
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { equalWeights } from "#sim/anycast/weights.ts";
import type { EngineOptions } from "#sim/propagation/engine.ts";
import { diamond } from "../small-graph.ts";

export const DELAY_US = 10_000;
export const STEADY: EngineOptions = { delayUs: [DELAY_US, DELAY_US], mraiUs: [0, 0] };

export function serviceOnDiamond() {
  const { graph, ten, eleven, twenty, twentyOne, thirty } = diamond();
  const west = { site: "west", vertex: eleven, prepends: 0 };
  const east = { site: "east", vertex: twentyOne, prepends: 0 };
  const sources = [west, east];
  const base = {
    graph,
    sources,
    solved: new CatchmentSolver(graph).solve(sources),
    timing: STEADY,
    weights: equalWeights(graph),
  };
  return { base, graph, west, east, ten, twenty, thirty };
}
