/**
 * From the links of a file to a graph that may be believed: no link twice, none that contradicts another, and nobody
 * his own provider's provider. Every refusal names the line.
 */
import { UserError } from "#core/errors.ts";
import { buildGraph, RELATION, type AsGraph, type LinkColumns } from "#sim/topology/as-graph.ts";
import { findProviderCycle } from "#sim/topology/provider-cycle.ts";

/** ASes of a cycle that are named. */
const CYCLE_SHOWN_MAX = 8;

export interface AsRelLinks {
  /** Ascending; a vertex is an index into it. */
  readonly asn: Uint32Array;
  readonly columns: LinkColumns;
  /** Where each link stands in the file, from 1. */
  readonly lines: Int32Array;
}

export function assemble(name: string, links: AsRelLinks): AsGraph {
  const graph = buildGraph(links.asn, links.columns);
  for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
    const end = graph.offsets[vertex + 1]!;
    for (let slot = graph.offsets[vertex]! + 1; slot < end; slot++) {
      const neighbor = graph.neighbors[slot]!;
      if (neighbor === graph.neighbors[slot - 1]) refuseTwice(name, links, vertex, neighbor);
    }
  }
  const cycle = findProviderCycle(graph);
  if (cycle !== undefined) refuseCycle(name, graph, cycle);
  return graph;
}

function refuseTwice(name: string, { asn, columns, lines }: AsRelLinks, x: number, y: number): never {
  const found: { line: number; said: string }[] = [];
  for (let link = 0; link < columns.count; link++) {
    const a = columns.a[link]!;
    const b = columns.b[link]!;
    if (!((a === x && b === y) || (a === y && b === x))) continue;
    const isPeering = columns.relations[link] === RELATION.peer;
    const said = isPeering ? "peers" : `AS ${asn[a]} provider of AS ${asn[b]}`;
    found.push({ line: lines[link]!, said });
  }
  const [first, second] = found as [(typeof found)[number], (typeof found)[number]];
  const contradiction =
    first.said === second.said ? "" : `, and differently: ${first.said}, then ${second.said}`;
  throw new UserError(
    "AS_REL_INVALID",
    `${name}:${second.line}: AS ${asn[x]} and AS ${asn[y]} are linked already in line ${first.line}${contradiction}`,
    { hint: "keep one line for each pair of ASes" },
  );
}

function refuseCycle(name: string, { asn }: AsGraph, cycle: readonly number[]): never {
  const shown = cycle.slice(0, CYCLE_SHOWN_MAX).map((vertex) => `AS ${asn[vertex]}`);
  if (cycle.length > CYCLE_SHOWN_MAX) shown.push(`(${cycle.length - CYCLE_SHOWN_MAX} more)`);
  shown.push(`AS ${asn[cycle[0]!]}`);
  throw new UserError(
    "AS_REL_CYCLE",
    `${name}: a cycle of providers: ${shown.join(" sells to ")}; no route is stable in it`,
    { hint: "turn one of these links into a|b|0, or leave it out" },
  );
}
