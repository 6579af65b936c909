/**
 * A trial, for what it gave: the catchment after one site has gone or come, worked out from the one before by looking only at what
 * changes. Not part of the product: thirty-two combinations a pass cost less for each (docs/simulator.md).
 *
 * Providers and customers have an order without rings, so that a customer's route is looked at again before its provider's, and a
 * provider's best before its customers': each vertex once, when all it depends on is final. Sources are plain, with prepends.
 */
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { splitGraph, type Adjacency, type SplitGraph } from "#sim/topology/split-graph.ts";
import type { Catchment, Source } from "#sim/anycast/solve.ts";

const NO_ROUTE = 255;
const NONE = -1;
const WORD_BITS = 32;

/** Ranks that are to be looked at, walked in one direction while more come ahead. */
class RankSet {
  readonly #words: Uint32Array;

  constructor(count: number) {
    this.#words = new Uint32Array(Math.ceil(count / WORD_BITS));
  }

  add(rank: number): void {
    this.#words[rank >>> 5]! |= 1 << (rank & 31);
  }

  walkUp(visit: (rank: number) => void): void {
    for (let word = 0; word < this.#words.length; word++) {
      while (this.#words[word] !== 0) {
        const bits = this.#words[word]!;
        const bit = WORD_BITS - 1 - Math.clz32(bits & -bits);
        this.#words[word] = bits & ~(1 << bit);
        visit(word * WORD_BITS + bit);
      }
    }
  }

  walkDown(visit: (rank: number) => void): void {
    for (let word = this.#words.length - 1; word >= 0; word--) {
      while (this.#words[word] !== 0) {
        const bit = WORD_BITS - 1 - Math.clz32(this.#words[word]!);
        this.#words[word]! &= ~(1 << bit);
        visit(word * WORD_BITS + bit);
      }
    }
  }
}

export class OneSiteSolver {
  readonly #graph: SplitGraph;
  readonly #best: Catchment;
  /** What was there before the change, of vertices that were touched. */
  readonly #before: Catchment;
  readonly #isTouched: Uint8Array;
  readonly #touched: number[] = [];
  /** Above those of all customers. */
  readonly #rank: Int32Array;
  readonly #atRank: Int32Array;
  readonly #due: RankSet;
  readonly #prepends = new Map<number, number>();

  /** `solved`: of the same sources; copied. */
  constructor(graph: AsGraph, sources: readonly Source[], solved: Catchment) {
    const { vertexCount } = graph;
    this.#graph = splitGraph(graph);
    this.#best = copyOf(solved);
    this.#before = copyOf(solved);
    this.#isTouched = new Uint8Array(vertexCount);
    this.#atRank = customersFirst(this.#graph);
    this.#rank = new Int32Array(vertexCount);
    for (const [rank, vertex] of this.#atRank.entries()) this.#rank[vertex] = rank;
    this.#due = new RankSet(vertexCount);
    for (const { vertex, prepends } of sources) this.#prepends.set(vertex, prepends);
  }

  /** The catchment with this source, or without it; valid until the next change. */
  change({ vertex, prepends }: Source, isUp: boolean): Catchment {
    if (isUp) this.#prepends.set(vertex, prepends);
    else this.#prepends.delete(vertex);
    this.#climb(vertex);
    this.#cross();
    this.#descend();
    for (const each of this.#touched) this.#isTouched[each] = 0;
    this.#touched.length = 0;
    return this.#best;
  }

  #climb(from: number): void {
    const { relation } = this.#best;
    this.#due.add(this.#rank[from]!);
    this.#due.walkUp((rank) => {
      const vertex = this.#atRank[rank]!;
      const hadOne = relation[vertex] === RELATION.customer;
      const prepends = this.#prepends.get(vertex);
      const hop = prepends === undefined ? this.#bestOf(vertex, this.#graph.customers, true) : NONE;
      const hasOne = prepends !== undefined || hop !== NONE;
      if (!hadOne && !hasOne) return;
      const isNew = hasOne ? this.#put(vertex, RELATION.customer, hop, prepends ?? 0) : this.#take(vertex);
      if (isNew) this.#tell(vertex, this.#graph.providers);
    });
  }

  /** Peers of those whose customer route is another one now, and whoever has lost such a route. */
  #cross(): void {
    const { relation, next, length } = this.#best;
    const { offsets, ends } = this.#graph.peers;
    const climbed = this.#touched.length;
    for (let at = 0; at < climbed; at++) {
      const vertex = this.#touched[at]!;
      if (relation[vertex] === NO_ROUTE) this.#lookAcross(vertex);
    }
    for (let at = 0; at < climbed; at++) {
      const vertex = this.#touched[at]!;
      for (let slot = offsets[vertex]!; slot < offsets[vertex + 1]!; slot++) {
        const peer = ends[slot]!;
        if (relation[peer] === RELATION.customer) continue;
        if (relation[peer] === RELATION.peer && next[peer] === vertex) this.#lookAcross(peer);
        else if (relation[vertex] === RELATION.customer && this.#isBetter(vertex, peer)) {
          this.#put(peer, RELATION.peer, vertex, length[vertex]! + 1);
        }
      }
    }
  }

  #lookAcross(vertex: number): void {
    const hop = this.#bestOf(vertex, this.#graph.peers, true);
    if (hop === NONE) this.#take(vertex);
    else this.#put(vertex, RELATION.peer, hop, this.#best.length[hop]! + 1);
  }

  /** A route from this peer is better than what a vertex has without customers' routes. */
  #isBetter(from: number, vertex: number): boolean {
    const { relation, length, next } = this.#best;
    if (relation[vertex] !== RELATION.peer) return true;
    const offered = length[from]! + 1;
    return offered < length[vertex]! || (offered === length[vertex] && this.#isFirst(from, next[vertex]!));
  }

  #descend(): void {
    const { relation, length } = this.#best;
    for (const vertex of this.#touched) this.#due.add(this.#rank[vertex]!);
    this.#due.walkDown((rank) => {
      const vertex = this.#atRank[rank]!;
      if (relation[vertex] === NO_ROUTE || relation[vertex] === RELATION.provider) {
        const hop = this.#bestOf(vertex, this.#graph.providers, false);
        if (hop === NONE) this.#take(vertex);
        else this.#put(vertex, RELATION.provider, hop, length[hop]! + 1);
      }
      if (this.#isChanged(vertex)) this.#tell(vertex, this.#graph.customers);
    });
  }

  /** The neighbour with the shortest route, of several the lowest AS; `isOfCustomers`: only customers' routes are told. */
  #bestOf(vertex: number, { offsets, ends }: Adjacency, isOfCustomers: boolean): number {
    const { relation, length } = this.#best;
    let best = NONE;
    for (let slot = offsets[vertex]!; slot < offsets[vertex + 1]!; slot++) {
      const neighbor = ends[slot]!;
      const known = relation[neighbor]!;
      if (known === NO_ROUTE || (isOfCustomers && known !== RELATION.customer)) continue;
      // In ascending order of AS number, so that the first of the shortest is it.
      if (best === NONE || length[neighbor]! < length[best]!) best = neighbor;
    }
    return best;
  }

  /** `length`: of a route that comes from nobody; otherwise one more than the next hop's. */
  #put(vertex: number, relation: number, hop: number, length: number): boolean {
    const best = this.#best;
    const lengthNow = hop === NONE ? length : best.length[hop]! + 1;
    const site = hop === NONE ? vertex : best.site[hop]!;
    const isSame =
      best.relation[vertex] === relation &&
      best.length[vertex] === lengthNow &&
      best.next[vertex] === hop &&
      best.site[vertex] === site;
    if (isSame) return false;
    this.#touch(vertex);
    best.relation[vertex] = relation;
    best.length[vertex] = lengthNow;
    best.next[vertex] = hop;
    best.site[vertex] = site;
    return true;
  }

  #take(vertex: number): boolean {
    const best = this.#best;
    if (best.relation[vertex] === NO_ROUTE) return false;
    this.#touch(vertex);
    best.relation[vertex] = NO_ROUTE;
    best.next[vertex] = NONE;
    best.site[vertex] = NONE;
    return true;
  }

  #touch(vertex: number): void {
    if (this.#isTouched[vertex] === 1) return;
    this.#isTouched[vertex] = 1;
    this.#touched.push(vertex);
    const best = this.#best;
    const before = this.#before;
    before.relation[vertex] = best.relation[vertex]!;
    before.length[vertex] = best.length[vertex]!;
    before.next[vertex] = best.next[vertex]!;
    before.site[vertex] = best.site[vertex]!;
  }

  #isChanged(vertex: number): boolean {
    if (this.#isTouched[vertex] === 0) return false;
    const best = this.#best;
    const before = this.#before;
    // Customers are told lengths and sites; which neighbour it came from, and in what relation, is nothing to them.
    return (
      before.length[vertex] !== best.length[vertex] ||
      before.site[vertex] !== best.site[vertex] ||
      (before.relation[vertex] === NO_ROUTE) !== (best.relation[vertex] === NO_ROUTE)
    );
  }

  #tell(vertex: number, { offsets, ends }: Adjacency): void {
    for (let slot = offsets[vertex]!; slot < offsets[vertex + 1]!; slot++)
      this.#due.add(this.#rank[ends[slot]!]!);
  }

  #isFirst(vertex: number, other: number): boolean {
    const { asn } = this.#graph;
    return asn[vertex]! < asn[other]! || (asn[vertex] === asn[other] && vertex < other);
  }
}

/** Every vertex after all its customers. */
function customersFirst({ customers, providers, vertexCount }: SplitGraph): Int32Array {
  const open = new Int32Array(vertexCount);
  const order = new Int32Array(vertexCount);
  let count = 0;
  for (let vertex = 0; vertex < vertexCount; vertex++) {
    open[vertex] = customers.offsets[vertex + 1]! - customers.offsets[vertex]!;
    if (open[vertex] === 0) order[count++] = vertex;
  }
  for (let at = 0; at < count; at++) {
    const vertex = order[at]!;
    for (let slot = providers.offsets[vertex]!; slot < providers.offsets[vertex + 1]!; slot++) {
      const provider = providers.ends[slot]!;
      open[provider]! -= 1;
      if (open[provider] === 0) order[count++] = provider;
    }
  }
  return order;
}

function copyOf({ relation, length, next, site }: Catchment): Catchment {
  return { relation: relation.slice(), length: length.slice(), next: next.slice(), site: site.slice() };
}
