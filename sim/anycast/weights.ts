/**
 * What an AS counts for when a catchment is measured: one each, or as many ASes as its customer cone has (itself and all
 * it can reach through customers alone; Luckie et al., IMC 2013, §5).
 */
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";

export type Weights = Float64Array;

/** `networkCount`: vertices from there on are routers of the service itself, nobody's clients, and count nothing. */
export function equalWeights(graph: AsGraph, networkCount = graph.vertexCount): Weights {
  return new Float64Array(graph.vertexCount).fill(1, 0, networkCount);
}

/** One walk down from every AS; stubs, five of six ASes, cost nothing. */
export function coneWeights(graph: AsGraph, networkCount = graph.vertexCount): Weights {
  const { vertexCount, offsets, neighbors, relations } = graph;
  const sizes = new Float64Array(vertexCount);
  const seenFrom = new Int32Array(vertexCount).fill(-1);
  const stack = new Int32Array(vertexCount);
  for (let top = 0; top < networkCount; top++) {
    let size = 0;
    let depth = 1;
    stack[0] = top;
    seenFrom[top] = top;
    while (depth > 0) {
      depth -= 1;
      const vertex = stack[depth]!;
      if (vertex < networkCount) size += 1;
      const end = offsets[vertex + 1]!;
      for (let slot = offsets[vertex]!; slot < end; slot++) {
        const neighbor = neighbors[slot]!;
        if (relations[slot] !== RELATION.customer || seenFrom[neighbor] === top) continue;
        seenFrom[neighbor] = top;
        stack[depth] = neighbor;
        depth += 1;
      }
    }
    sizes[top] = size;
  }
  return sizes;
}
