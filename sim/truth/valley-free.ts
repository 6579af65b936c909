/**
 * The class of every AS's route by counting out paths instead of solving: an AS has a customer route when some path
 * leads down all the way, else a peer route when one leads across once and then down, else a provider route when one
 * leads up first and is free of valleys (Gao, "On inferring autonomous system relationships in the Internet", 2001).
 * Walks every simple path, so it is for small graphs. Lengths are another matter: an AS prefers a long customer route
 * to a short peer route, and passes that on, so that the shortest path is not the one in use.
 */
import type { Source } from "#sim/anycast/solve.ts";
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";

const NO_ROUTE = 255;

/** `RELATION` of the best class by which each vertex can reach a source; 255 when there is no way. */
export function classesByPaths(graph: AsGraph, sources: readonly Source[]): number[] {
  const isSource = new Uint8Array(graph.vertexCount);
  for (const { vertex } of sources) isSource[vertex] = 1;
  return Array.from({ length: graph.vertexCount }, (_, vertex) =>
    isSource[vertex] === 1 ? RELATION.customer : bestClass(graph, isSource, vertex),
  );
}

function bestClass(graph: AsGraph, isSource: Uint8Array, start: number): number {
  const isOnPath = new Uint8Array(graph.vertexCount);
  isOnPath[start] = 1;
  let best = NO_ROUTE;
  for (let slot = graph.offsets[start]!; slot < graph.offsets[start + 1]!; slot++) {
    const relation = graph.relations[slot]!;
    if (relation < best && leads(graph, isSource, isOnPath, graph.neighbors[slot]!, relation))
      best = relation;
  }
  return best;
}

/** Whether a valley-free path from here, entered by `entered`, ends at a source. Up may turn anywhere; down only down. */
function leads(
  graph: AsGraph,
  isSource: Uint8Array,
  isOnPath: Uint8Array,
  vertex: number,
  entered: number,
): boolean {
  if (isSource[vertex] === 1) return true;
  isOnPath[vertex] = 1;
  let isFound = false;
  for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]! && !isFound; slot++) {
    const relation = graph.relations[slot]!;
    const neighbor = graph.neighbors[slot]!;
    if (isOnPath[neighbor] === 1) continue;
    if (entered !== RELATION.provider && relation !== RELATION.customer) continue;
    isFound = leads(graph, isSource, isOnPath, neighbor, relation);
  }
  isOnPath[vertex] = 0;
  return isFound;
}
