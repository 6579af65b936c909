/**
 * The catchment that BGP ends in, without playing the messages: three passes over the graph (up, across, down), in
 * order of path length. Same decision and export rules as the propagation engine, so both end alike; this one takes
 * milliseconds on the whole Internet.
 */
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";

const NO_ROUTE = 255;
const NONE = -1;

export interface Source {
  /** Vertex of the site. */
  readonly vertex: number;
  readonly prepends: number;
}

export interface Catchment {
  /** `RELATION` of the neighbour the route came from; 255 without a route; a source counts as customer. */
  readonly relation: Uint8Array;
  /** AS hops, prepends included. */
  readonly length: Uint16Array;
  /** Next hop, a vertex; -1 at a source and without a route. */
  readonly next: Int32Array;
  /** Site vertex reached; -1 without a route. */
  readonly site: Int32Array;
}

export function solveCatchment(graph: AsGraph, sources: readonly Source[]): Catchment {
  const catchment: Catchment = {
    relation: new Uint8Array(graph.vertexCount).fill(NO_ROUTE),
    length: new Uint16Array(graph.vertexCount),
    next: new Int32Array(graph.vertexCount).fill(NONE),
    site: new Int32Array(graph.vertexCount).fill(NONE),
  };
  const buckets = new Buckets();
  for (const { vertex, prepends } of sources) {
    catchment.relation[vertex] = RELATION.customer;
    catchment.length[vertex] = prepends;
    catchment.site[vertex] = vertex;
    buckets.add(prepends, vertex);
  }
  climb(graph, catchment, buckets);
  cross(graph, catchment);
  descend(graph, catchment);
  for (let vertex = 0; vertex < graph.vertexCount; vertex++) traceSite(catchment, vertex);
  return catchment;
}

/** Vertices by path length, shortest first. */
class Buckets {
  readonly #vertices: number[][] = [];

  add(length: number, vertex: number): void {
    while (this.#vertices.length <= length) this.#vertices.push([]);
    this.#vertices[length]!.push(vertex);
  }

  /** Visits each bucket in turn; `visit` may add to later ones. */
  each(visit: (vertex: number, length: number) => void): void {
    for (let length = 0; length < this.#vertices.length; length++) {
      for (const vertex of this.#vertices[length]!) visit(vertex, length);
    }
  }
}

/** Customers' routes go up to providers. */
function climb(graph: AsGraph, catchment: Catchment, buckets: Buckets): void {
  buckets.each((vertex, length) => {
    if (catchment.length[vertex] !== length) return; // A shorter route came first.
    offerAll(graph, catchment, vertex, RELATION.provider, RELATION.customer, buckets);
  });
}

/** Each customer's route is offered once to peers that have none. */
function cross(graph: AsGraph, catchment: Catchment): void {
  const isCustomerRoute = catchment.relation.map((relation) => (relation === RELATION.customer ? 1 : 0));
  for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
    if (isCustomerRoute[vertex] === 1)
      offerAll(graph, catchment, vertex, RELATION.peer, RELATION.peer, undefined);
  }
}

/** Everything goes down to customers that still have none. */
function descend(graph: AsGraph, catchment: Catchment): void {
  const buckets = new Buckets();
  for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
    if (catchment.relation[vertex] !== NO_ROUTE) buckets.add(catchment.length[vertex]!, vertex);
  }
  buckets.each((vertex, length) => {
    if (catchment.length[vertex] !== length) return;
    offerAll(graph, catchment, vertex, RELATION.customer, RELATION.provider, buckets);
  });
}

/** Offers a vertex's route to its neighbours of one kind, who would know it as `relation`. */
function offerAll(
  graph: AsGraph,
  catchment: Catchment,
  vertex: number,
  to: number,
  relation: number,
  buckets: Buckets | undefined,
): void {
  const length = catchment.length[vertex]! + 1;
  const end = graph.offsets[vertex + 1]!;
  for (let slot = graph.offsets[vertex]!; slot < end; slot++) {
    if (graph.relations[slot] !== to) continue;
    const neighbor = graph.neighbors[slot]!;
    if (!isWanted(graph, catchment, neighbor, vertex, relation, length)) continue;
    const isNew = catchment.relation[neighbor] !== relation || catchment.length[neighbor] !== length;
    catchment.relation[neighbor] = relation;
    catchment.length[neighbor] = length;
    catchment.next[neighbor] = vertex;
    if (isNew) buckets?.add(length, neighbor);
  }
}

function isWanted(
  graph: AsGraph,
  catchment: Catchment,
  vertex: number,
  from: number,
  relation: number,
  length: number,
): boolean {
  const known = catchment.relation[vertex]!;
  if (catchment.site[vertex] === vertex) return false; // A source keeps its own.
  if (known !== relation) return known === NO_ROUTE || known > relation;
  if (catchment.length[vertex] !== length) return catchment.length[vertex]! > length;
  return graph.asn[from]! < graph.asn[catchment.next[vertex]!]!;
}

/** Follows next hops to the site, and writes it down on the whole way. */
function traceSite(catchment: Catchment, vertex: number): void {
  const way: number[] = [];
  let at = vertex;
  while (at !== NONE && catchment.site[at] === NONE && catchment.relation[at] !== NO_ROUTE) {
    way.push(at);
    at = catchment.next[at]!;
  }
  const site = at === NONE ? NONE : catchment.site[at]!;
  for (const passed of way) catchment.site[passed] = site;
}
