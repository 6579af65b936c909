/** 11 below 10, 21 below 20, 30 below both; 10 and 20 are peers. The sites are 11 (`west`) and 21 (`east`), the last vertices. */
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { equalWeights } from "#sim/anycast/weights.ts";
import type { EngineOptions } from "#sim/propagation/engine.ts";
import { GraphBuilder } from "#sim/topology/as-graph.ts";

export const DELAY_US = 10_000;
export const STEADY: EngineOptions = { delayUs: [DELAY_US, DELAY_US], mraiUs: [0, 0] };

export function diamond() {
  const builder = new GraphBuilder();
  const [ten, twenty, thirty, eleven, twentyOne] = [10, 20, 30, 11, 21].map((asn) =>
    builder.addVertex(asn),
  ) as [number, number, number, number, number];
  builder.addPeering(ten, twenty);
  builder.addTransit(ten, eleven);
  builder.addTransit(twenty, twentyOne);
  builder.addTransit(ten, thirty);
  builder.addTransit(twenty, thirty);
  const graph = builder.build();
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
