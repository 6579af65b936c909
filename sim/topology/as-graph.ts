/**
 * The graph of autonomous systems as compressed adjacency in typed arrays: made for 78,638 ASes and 493,350 links,
 * used for thirty. A vertex is an index; a *slot* is one directed end of a link, `offsets[v] <= slot < offsets[v+1]`.
 * The neighbours of a vertex stand in ascending order of AS number, so that "lowest neighbour AS" is "lowest slot".
 *
 * Several vertices may bear one AS number: the routers of an anycast origin, one per site.
 */
import { invariant } from "#core/assert.ts";

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

interface Link {
  readonly a: number;
  readonly b: number;
  /** What b is to a. */
  readonly relation: number;
}

export class GraphBuilder {
  readonly #asn: number[] = [];
  readonly #links: Link[] = [];
  readonly #pairs = new Map<number, number>();

  /** A new vertex; its index. */
  addVertex(asn: number): number {
    if (!Number.isInteger(asn) || asn < 1 || asn > 0xffff_ffff)
      throw new GraphError(`AS ${asn} is out of range`);
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
    const vertexCount = this.#asn.length;
    const asn = Uint32Array.from(this.#asn);
    const slots: { neighbor: number; relation: number; link: number }[][] = Array.from(
      { length: vertexCount },
      () => [],
    );
    for (const [link, { a, b, relation }] of this.#links.entries()) {
      slots[a]!.push({ neighbor: b, relation, link });
      slots[b]!.push({ neighbor: a, relation: RELATION.provider - relation, link });
    }
    const offsets = new Int32Array(vertexCount + 1);
    const neighbors = new Int32Array(this.#links.length * 2);
    const relations = new Uint8Array(this.#links.length * 2);
    const reverse = new Int32Array(this.#links.length * 2);
    const firstSlotOf = new Int32Array(this.#links.length).fill(-1);
    let slot = 0;
    for (let vertex = 0; vertex < vertexCount; vertex++) {
      offsets[vertex] = slot;
      // Total: by AS number, then by vertex, so that two routers of one AS keep an order.
      slots[vertex]!.sort((x, y) => asn[x.neighbor]! - asn[y.neighbor]! || x.neighbor - y.neighbor);
      for (const { neighbor, relation, link } of slots[vertex]!) {
        neighbors[slot] = neighbor;
        relations[slot] = relation;
        const other = firstSlotOf[link]!;
        if (other === -1) firstSlotOf[link] = slot;
        else {
          reverse[slot] = other;
          reverse[other] = slot;
        }
        slot += 1;
      }
    }
    offsets[vertexCount] = slot;
    return { vertexCount, asn, offsets, neighbors, relations, reverse };
  }

  #add(a: number, b: number, relation: number): void {
    const count = this.#asn.length;
    invariant(a >= 0 && a < count && b >= 0 && b < count, `link ${a}-${b} names no vertex`);
    if (a === b) throw new GraphError(`AS ${this.#asn[a]} is linked to itself`);
    const key = Math.min(a, b) * 2 ** 26 + Math.max(a, b);
    if (this.#pairs.has(key))
      throw new GraphError(`AS ${this.#asn[a]} and AS ${this.#asn[b]} are linked twice`);
    this.#pairs.set(key, relation);
    this.#links.push({ a, b, relation });
  }
}
