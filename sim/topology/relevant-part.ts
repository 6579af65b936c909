/**
 * The part of a graph that can matter to some of its ASes: everybody above a site or a vantage, and the links among
 * them. A live world runs on it: of 78,638 ASes some hundreds are left, and nothing is lost.
 *
 * Why nothing: a route goes up to providers and across to peers only while it is a customer's, so whoever stands above
 * no site has none to tell there; and whoever stands above somebody who is kept is kept. So nobody who is left out ever
 * says a word to anybody who is kept: best paths, times and messages of those who are kept are the same, whatever the
 * timers. It holds for policies by Gao and Rexford only. For the same reason a link between peers is needed only where
 * one of them stands above a site.
 */
import { buildGraph, RELATION, type AsGraph } from "./as-graph.ts";

export interface RelevantPart {
  readonly graph: AsGraph;
  /** Vertex in the part, of each vertex of the whole; -1: left out. Order is kept. */
  readonly vertexOf: Int32Array;
}

const LEFT_OUT = -1;

/** `sites` and `vantages` are vertices of `whole`. */
export function relevantPart(
  whole: AsGraph,
  sites: readonly number[],
  vantages: readonly number[],
): RelevantPart {
  const hasCustomerRoute = above(whole, sites);
  const kept = above(whole, [...sites, ...vantages]);
  const vertexOf = new Int32Array(whole.vertexCount).fill(LEFT_OUT);
  const asn: number[] = [];
  for (let vertex = 0; vertex < whole.vertexCount; vertex++) {
    if (kept[vertex] === 0) continue;
    vertexOf[vertex] = asn.length;
    asn.push(whole.asn[vertex]!);
  }
  const a: number[] = [];
  const b: number[] = [];
  const relations: number[] = [];
  for (let vertex = 0; vertex < whole.vertexCount; vertex++) {
    if (kept[vertex] === 0) continue;
    for (let slot = whole.offsets[vertex]!; slot < whole.offsets[vertex + 1]!; slot++) {
      const neighbor = whole.neighbors[slot]!;
      // Each link once.
      if (slot > whole.reverse[slot]! || kept[neighbor] === 0) continue;
      const relation = whole.relations[slot]!;
      const isSilent = hasCustomerRoute[vertex] === 0 && hasCustomerRoute[neighbor] === 0;
      if (relation === RELATION.peer && isSilent) continue;
      a.push(vertexOf[vertex]!);
      b.push(vertexOf[neighbor]!);
      relations.push(relation);
    }
  }
  const graph = buildGraph(Uint32Array.from(asn), {
    count: a.length,
    a: Int32Array.from(a),
    b: Int32Array.from(b),
    relations: Uint8Array.from(relations),
  });
  return { graph, vertexOf };
}

/** 1 for the vertices themselves and all providers above them. */
function above({ vertexCount, offsets, neighbors, relations }: AsGraph, from: readonly number[]): Uint8Array {
  const isAbove = new Uint8Array(vertexCount);
  const open = [...from];
  for (const vertex of from) isAbove[vertex] = 1;
  for (let vertex = open.pop(); vertex !== undefined; vertex = open.pop()) {
    for (let slot = offsets[vertex]!; slot < offsets[vertex + 1]!; slot++) {
      const neighbor = neighbors[slot]!;
      if (relations[slot] !== RELATION.provider || isAbove[neighbor] === 1) continue;
      isAbove[neighbor] = 1;
      open.push(neighbor);
    }
  }
  return isAbove;
}
