/**
 * The links of a graph apart by kind, as three adjacencies: a pass over the Internet that goes only up, across or down
 * then touches only what it needs. The lists keep the order of the graph: ascending AS number.
 */
import { RELATION, type AsGraph } from "./as-graph.ts";

/** Neighbours of `v` stand in `ends` from `offsets[v]` to before `offsets[v + 1]`. */
export interface Adjacency {
  readonly offsets: Int32Array;
  readonly ends: Int32Array;
}

export interface SplitGraph {
  readonly vertexCount: number;
  readonly asn: Uint32Array;
  readonly providers: Adjacency;
  readonly peers: Adjacency;
  readonly customers: Adjacency;
}

export function splitGraph(graph: AsGraph): SplitGraph {
  return {
    vertexCount: graph.vertexCount,
    asn: graph.asn,
    providers: adjacency(graph, RELATION.provider),
    peers: adjacency(graph, RELATION.peer),
    customers: adjacency(graph, RELATION.customer),
  };
}

function adjacency({ vertexCount, offsets, neighbors, relations }: AsGraph, relation: number): Adjacency {
  const own = new Int32Array(vertexCount + 1);
  const ends: Int32Array = new Int32Array(
    relations.reduce((sum, each) => sum + (each === relation ? 1 : 0), 0),
  );
  let count = 0;
  for (let vertex = 0; vertex < vertexCount; vertex++) {
    for (let slot = offsets[vertex]!; slot < offsets[vertex + 1]!; slot++) {
      if (relations[slot] !== relation) continue;
      ends[count] = neighbors[slot]!;
      count += 1;
    }
    own[vertex + 1] = count;
  }
  return { offsets: own, ends };
}
