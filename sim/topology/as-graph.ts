/**
 * The graph of autonomous systems as compressed adjacency in typed arrays: made for 78,638 ASes and 493,350 links,
 * used for thirty. A vertex is an index; a *slot* is one directed end of a link, `offsets[v] <= slot < offsets[v+1]`.
 * The neighbours of a vertex stand in ascending order of AS number, so that "lowest neighbour AS" is "lowest slot".
 *
 * Several vertices may bear one AS number: the routers of an anycast origin, one per site.
 */
import { invariant } from "#core/assert.ts";
import { AS_MAX } from "./limits.ts";

/** What the neighbour at a slot is to the slot's owner. The order is that of preference (Gao and Rexford, 2001). */
export const RELATION = { customer: 0, peer: 1, provider: 2 } as const;

export class GraphError extends Error {
  readonly code = "GRAPH";
}

export interface AsGraph {
  readonly vertexCount: number;
  /** AS number of each vertex. */
  readonly asn: Uint32Array;
  readonly offsets: Int32Array;
  /** Vertex at the other end of a slot. */
  readonly neighbors: Int32Array;
  readonly relations: Uint8Array;
  /** The same link seen from its other end. */
  readonly reverse: Int32Array;
}

/** Links as columns; `relations[i]` says what `b[i]` is to `a[i]`. The first `count` of each column hold. */
export interface LinkColumns {
  readonly count: number;
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly relations: Uint8Array;
}

/** The graph of checked links: no link twice, none to itself, every end a vertex. */
export function buildGraph(asn: Uint32Array, links: LinkColumns): AsGraph {
  const vertexCount = asn.length;
  const offsets = slotOffsets(vertexCount, links);
  const ends = linkEnds(offsets, links);
  const slotCount = links.count * 2;
  const neighbors = new Int32Array(slotCount);
  const relations = new Uint8Array(slotCount);
  const reverse = new Int32Array(slotCount);
  const firstSlotOf = new Int32Array(links.count).fill(-1);
  const nextSlot = offsets.slice(0, vertexCount);
  // Every vertex in turn, in ascending order, enters the list of each of its neighbours: all lists come out sorted.
  for (const vertex of byAsNumber(asn)) {
    for (let at = offsets[vertex]!; at < offsets[vertex + 1]!; at++) {
      const link = ends[at]!;
      const isA = links.a[link] === vertex;
      const owner = isA ? links.b[link]! : links.a[link]!;
      const slot = nextSlot[owner]!;
      nextSlot[owner] = slot + 1;
      neighbors[slot] = vertex;
      relations[slot] = isA ? RELATION.provider - links.relations[link]! : links.relations[link]!;
      const other = firstSlotOf[link]!;
      if (other === -1) firstSlotOf[link] = slot;
      else {
        reverse[slot] = other;
        reverse[other] = slot;
      }
    }
  }
  return { vertexCount, asn, offsets, neighbors, relations, reverse };
}

function slotOffsets(vertexCount: number, { count, a, b }: LinkColumns): Int32Array {
  const offsets = new Int32Array(vertexCount + 1);
  for (let link = 0; link < count; link++) {
    offsets[a[link]! + 1]! += 1;
    offsets[b[link]! + 1]! += 1;
  }
  for (let vertex = 0; vertex < vertexCount; vertex++) offsets[vertex + 1]! += offsets[vertex]!;
  return offsets;
}

/** The links of each vertex, in the layout of `offsets`, in any order. */
function linkEnds(offsets: Int32Array, { count, a, b }: LinkColumns): Int32Array {
  const ends = new Int32Array(count * 2);
  const next = offsets.slice(0, offsets.length - 1);
  for (let link = 0; link < count; link++) {
    for (const vertex of [a[link]!, b[link]!]) {
      ends[next[vertex]!] = link;
      next[vertex]! += 1;
    }
  }
  return ends;
}

/** Vertices by AS number, then by index: total, so that two routers of one AS keep an order. */
export function byAsNumber(asn: Uint32Array): Int32Array {
  const order = Int32Array.from(asn.keys());
  for (let vertex = 1; vertex < asn.length; vertex++) {
    if (asn[vertex]! < asn[vertex - 1]!) return order.sort((x, y) => asn[x]! - asn[y]! || x - y);
  }
  return order;
}

/** Makes small graphs link by link, and checks each. */
export class GraphBuilder {
  readonly #asn: number[] = [];
  readonly #a: number[] = [];
  readonly #b: number[] = [];
  /** What b is to a. */
  readonly #relations: number[] = [];
  readonly #pairs = new Set<number>();

  /** A new vertex; its index. */
  addVertex(asn: number): number {
    if (!Number.isInteger(asn) || asn < 1 || asn > AS_MAX) throw new GraphError(`AS ${asn} is out of range`);
    this.#asn.push(asn);
    return this.#asn.length - 1;
  }

  addTransit(provider: number, customer: number): void {
    this.#add(provider, customer, RELATION.customer);
  }

  addPeering(a: number, b: number): void {
    this.#add(a, b, RELATION.peer);
  }

  build(): AsGraph {
    const count = this.#relations.length;
    return buildGraph(Uint32Array.from(this.#asn), {
      count,
      a: Int32Array.from(this.#a),
      b: Int32Array.from(this.#b),
      relations: Uint8Array.from(this.#relations),
    });
  }

  #add(a: number, b: number, relation: number): void {
    const count = this.#asn.length;
    invariant(a >= 0 && a < count && b >= 0 && b < count, `link ${a}-${b} names no vertex`);
    if (a === b) throw new GraphError(`AS ${this.#asn[a]} is linked to itself`);
    const key = Math.min(a, b) * 2 ** 26 + Math.max(a, b);
    if (this.#pairs.has(key))
      throw new GraphError(`AS ${this.#asn[a]} and AS ${this.#asn[b]} are linked twice`);
    this.#pairs.add(key);
    this.#a.push(a);
    this.#b.push(b);
    this.#relations.push(relation);
  }
}
