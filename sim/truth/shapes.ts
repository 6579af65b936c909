/** The graphs of the literature on convergence: full mesh, ring, line. No relationships; all links are peerings. */
import type { Prng } from "#core/prng.ts";
import { GraphBuilder, type AsGraph } from "#sim/topology/as-graph.ts";

export const SHAPES = ["full mesh", "ring", "line"] as const;
export type Shape = (typeof SHAPES)[number];

/** Vertices 0 to count - 1 along the shape. AS numbers ascend with them, or with chance stand in any order. */
export function buildShape(shape: Shape, count: number, chance?: Prng): AsGraph {
  const builder = new GraphBuilder();
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  chance?.shuffle(numbers);
  for (const asn of numbers) builder.addVertex(asn);
  for (let a = 0; a < count; a++) {
    if (shape === "full mesh") for (let b = a + 1; b < count; b++) builder.addPeering(a, b);
    else if (a + 1 < count) builder.addPeering(a, a + 1);
    else if (shape === "ring") builder.addPeering(a, 0);
  }
  return builder.build();
}
