/**
 * An independent reading of the rules that the static solver follows: each AS takes, again and again, the best of what
 * its neighbours chose and may tell it, until nothing changes. Slow, for small graphs, and sharing nothing with the
 * solver but the graph: it knows no passes, no order and no queue.
 */
import type { Source } from "#sim/anycast/solve.ts";
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";

export interface KnownRoute {
  /** `RELATION` of the next hop; a site counts as customer of its own. */
  readonly relation: number;
  readonly length: number;
  /** Next hop, a vertex; -1 at a site. */
  readonly next: number;
}

export type KnownRoutes = readonly (KnownRoute | undefined)[];

/** Every vertex's route once nobody changes his mind any more. */
export function fixedPoint(graph: AsGraph, sources: readonly Source[]): KnownRoutes {
  const known: (KnownRoute | undefined)[] = Array.from({ length: graph.vertexCount });
  for (const { vertex, prepends } of sources) {
    known[vertex] = { relation: RELATION.customer, length: prepends, next: -1 };
  }
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
      if (sources.some((source) => source.vertex === vertex)) continue;
      const best = offersTo(graph, sources, known, vertex).sort((x, y) => compare(graph, x, y))[0];
      if (isSameRoute(best, known[vertex])) continue;
      known[vertex] = best;
      isChanged = true;
    }
  }
  return known;
}

export function isSameRoute(x: KnownRoute | undefined, y: KnownRoute | undefined): boolean {
  return x?.relation === y?.relation && x?.length === y?.length && x?.next === y?.next;
}

/** Site at the end of a vertex's way; the vertex itself where the way ends in nothing. */
export function originOf(known: KnownRoutes, vertex: number): number {
  let at = vertex;
  // While not settled, a way may end in nothing or in a circle.
  for (let hops = 0; hops <= known.length && (known[at]?.next ?? -1) !== -1; hops++) at = known[at]!.next;
  return at;
}

/** Bit by bit: which sources could be reached if every AS took any of its equally good offers. */
export function tiesOf(graph: AsGraph, sources: readonly Source[], known: KnownRoutes): number[] {
  const ties = known.map((_, vertex) => {
    const bit = sources.findIndex((source) => source.vertex === vertex);
    return bit === -1 ? 0 : 1 << bit;
  });
  const order = [...known.keys()]
    .filter((vertex) => known[vertex] !== undefined && known[vertex].next !== -1)
    .sort((x, y) => known[x]!.length - known[y]!.length);
  for (const vertex of order) {
    const { relation, length } = known[vertex]!;
    for (const offer of offersTo(graph, sources, known, vertex)) {
      if (offer.relation === relation && offer.length === length) ties[vertex]! |= ties[offer.next]!;
    }
  }
  return ties;
}

/** What a vertex hears now. Nobody offers a path that leads through who would hear it. */
function offersTo(
  graph: AsGraph,
  sources: readonly Source[],
  known: KnownRoutes,
  vertex: number,
): KnownRoute[] {
  const offers: KnownRoute[] = [];
  for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
    const neighbor = graph.neighbors[slot]!;
    const relation = graph.relations[slot]!;
    const route = known[neighbor];
    if (route === undefined || passes(known, neighbor, vertex) || isSilent(sources, route)) continue;
    // My customer tells me its customers' routes only; so does my peer; my provider tells me everything.
    if (relation !== RELATION.provider && route.relation !== RELATION.customer) continue;
    if (relation === RELATION.peer && isKeptFromPeers(sources, known, neighbor)) continue;
    offers.push({ relation, length: route.length + 1, next: neighbor });
  }
  return offers;
}

/** Heard from a site with NO_EXPORT or BLACKHOLE. */
function isSilent(sources: readonly Source[], { next }: KnownRoute): boolean {
  return sources.some(
    ({ vertex, isNoExport, isBlackhole }) => (isNoExport === true || isBlackhole === true) && vertex === next,
  );
}

/** Leads to a site with NOPEER, and its owner is not that site. */
function isKeptFromPeers(sources: readonly Source[], known: KnownRoutes, vertex: number): boolean {
  const site = originOf(known, vertex);
  return site !== vertex && sources.some((source) => source.vertex === site && source.isNoPeer === true);
}

function passes(known: KnownRoutes, from: number, through: number): boolean {
  let at = from;
  for (let hops = 0; at !== -1 && hops <= known.length; hops++) {
    if (at === through) return true;
    at = known[at]?.next ?? -1;
  }
  return false;
}

function compare(graph: AsGraph, x: KnownRoute, y: KnownRoute): number {
  return x.relation - y.relation || x.length - y.length || graph.asn[x.next]! - graph.asn[y.next]!;
}
