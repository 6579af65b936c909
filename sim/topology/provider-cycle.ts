/** A cycle of customer-provider links, in which somebody is his own provider: no preference by Gao and Rexford exists. */
import { RELATION, type AsGraph } from "./as-graph.ts";

/** Vertices of one cycle, each the provider of the next; undefined without any. */
export function findProviderCycle(graph: AsGraph): number[] | undefined {
  const providersLeft = countProviders(graph);
  const free: number[] = [];
  for (let vertex = 0; vertex < graph.vertexCount; vertex++)
    if (providersLeft[vertex] === 0) free.push(vertex);
  let done = 0;
  for (let vertex = free.pop(); vertex !== undefined; vertex = free.pop()) {
    done += 1;
    eachNeighbor(graph, vertex, RELATION.customer, (customer) => {
      providersLeft[customer]! -= 1;
      if (providersLeft[customer] === 0) free.push(customer);
    });
  }
  return done === graph.vertexCount ? undefined : traceCycle(graph, providersLeft);
}

function countProviders({ vertexCount, offsets, relations }: AsGraph): Int32Array {
  const counts = new Int32Array(vertexCount);
  for (let vertex = 0; vertex < vertexCount; vertex++) {
    for (let slot = offsets[vertex]!; slot < offsets[vertex + 1]!; slot++) {
      if (relations[slot] === RELATION.provider) counts[vertex]! += 1;
    }
  }
  return counts;
}

/** Whoever is left has a provider that is left: going up must come back to where it was. */
function traceCycle(graph: AsGraph, providersLeft: Int32Array): number[] {
  const seenAt = new Map<number, number>();
  const way: number[] = [];
  let at = providersLeft.findIndex((count) => count > 0);
  while (!seenAt.has(at)) {
    seenAt.set(at, way.length);
    way.push(at);
    let above = -1;
    eachNeighbor(graph, at, RELATION.provider, (provider) => {
      if (above === -1 && providersLeft[provider]! > 0) above = provider;
    });
    at = above;
  }
  const cycle = way.slice(seenAt.get(at)).reverse();
  // The same cycle always reads the same: from its lowest vertex on.
  const first = cycle.indexOf(lowest(cycle));
  return [...cycle.slice(first), ...cycle.slice(0, first)];
}

function eachNeighbor(
  graph: AsGraph,
  vertex: number,
  relation: number,
  visit: (neighbor: number) => void,
): void {
  for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
    if (graph.relations[slot] === relation) visit(graph.neighbors[slot]!);
  }
}

function lowest(vertices: readonly number[]): number {
  return vertices.reduce((least, vertex) => Math.min(least, vertex), Infinity);
}
