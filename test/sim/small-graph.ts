/**
 * Graphs of a few ASes, written as they are drawn: `10>11` (10 sells to 11), `10=20` (they are peers). Vertices in the
 * order of AS numbers, as in a file.
 */
import { GraphBuilder, type AsGraph } from "#sim/topology/as-graph.ts";

export interface SmallGraph {
  readonly graph: AsGraph;
  /** Vertex of an AS. */
  readonly at: (asn: number) => number;
}

export function smallGraph(...links: readonly string[]): SmallGraph {
  const read = links.map((link) => {
    const [, a, kind, b] = /^(\d+)([>=])(\d+)$/.exec(link)!;
    return { a: Number(a), b: Number(b), isPeering: kind === "=" };
  });
  const builder = new GraphBuilder();
  const vertices = new Map<number, number>();
  for (const asn of new Set(read.flatMap(({ a, b }) => [a, b]).sort((x, y) => x - y))) {
    vertices.set(asn, builder.addVertex(asn));
  }
  const at = (asn: number): number => {
    const vertex = vertices.get(asn);
    if (vertex === undefined) throw new Error(`the graph has no AS ${asn}`);
    return vertex;
  };
  for (const { a, b, isPeering } of read) {
    if (isPeering) builder.addPeering(at(a), at(b));
    else builder.addTransit(at(a), at(b));
  }
  return { graph: builder.build(), at };
}

/**
 *     10 ===== 20          peers at the top
 *    /  \     /  \
 *   11   \   /    21       sites at 11 and 21
 *         \ /
 *          30              buys from both: tied
 */
export function diamond() {
  const { graph, at } = smallGraph("10=20", "10>30", "20>30", "10>11", "20>21");
  return { graph, ten: at(10), eleven: at(11), twenty: at(20), twentyOne: at(21), thirty: at(30) };
}
