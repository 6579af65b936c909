/**
 * A graph as CAIDA writes them (serial-1): a line a link, `provider|customer|-1` or `peer|peer|0`, in ascending order of
 * the first AS, then of the second; of two peers the lower one is first.
 */
import { RELATION, type AsGraph } from "./as-graph.ts";

/** Lines without their ends, comments of the head first. */
export function* asRelLines(graph: AsGraph, head: readonly string[]): Generator<string> {
  for (const line of head) yield `# ${line}`;
  const { asn, neighbors, offsets, relations } = graph;
  const order = [...asn.keys()].sort((x, y) => asn[x]! - asn[y]!);
  for (const vertex of order) {
    for (let slot = offsets[vertex]!; slot < offsets[vertex + 1]!; slot++) {
      const neighbor = asn[neighbors[slot]!]!;
      if (relations[slot] === RELATION.customer) yield `${asn[vertex]}|${neighbor}|-1`;
      else if (relations[slot] === RELATION.peer && asn[vertex]! < neighbor)
        yield `${asn[vertex]}|${neighbor}|0`;
    }
  }
}
