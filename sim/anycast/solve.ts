/**
 * The catchment that BGP ends in, without playing the messages: three passes over the graph, in order of path length.
 *
 *     up       a customer's route goes to providers          (breadth first from the sites)
 *     across   an AS with a customer's route offers it to its peers, once
 *     down     everything goes to customers that still have none
 *
 * Gao and Rexford's preferences: customer before peer before provider, then the shorter path, then the lowest AS number
 * of the next hop. Same decision and export rules as the propagation engine, so both end alike; this one takes
 * milliseconds on the whole Internet. The buffers are the solver's own and are written again by the next `solve`.
 *
 * The last rule is no fact about the Internet but a way to come to an end, and most ASes depend on it. So, when asked,
 * the solver also says which sites an AS could reach by paths that are equally good all the way (`ties`), and another
 * rule may stand before it: hot potato, by which an AS that has a place takes, among equally good neighbours, the one
 * whose site is the nearest to it.
 */
import { invariant } from "#core/assert.ts";
import { byAsNumber, RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { PREPENDS_MAX, SITES_MAX } from "#sim/topology/limits.ts";
import { splitGraph, type Adjacency, type SplitGraph } from "#sim/topology/split-graph.ts";
import type { RttTable } from "./rtt-table.ts";

const NO_ROUTE = 255;
const NONE = -1;

export interface Source {
  /** Vertex of the site. */
  readonly vertex: number;
  readonly prepends: number;
  /** The route carries NO_EXPORT (RFC 1997): who hears it from the site itself tells nobody. */
  readonly isNoExport?: boolean;
  /** The route carries NOPEER (RFC 3765): the site tells its peers, nobody else tells his. */
  readonly isNoPeer?: boolean;
  /**
   * The route carries BLACKHOLE (RFC 7999): who hears it from the site prefers it as any other, drops the packets, and
   * tells nobody (§3.2). Here a way like NO_EXPORT; that such a site serves nobody but itself is for who measures.
   */
  readonly isBlackhole?: boolean;
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

export interface TiedCatchment extends Catchment {
  /** Bit i: the i-th source can be reached by a path as good as the one chosen. 0 without a route. */
  readonly ties: Uint32Array;
}

/** For one solve; whoever solves often keeps a `CatchmentSolver`. */
export function solveCatchment(graph: AsGraph, sources: readonly Source[]): Catchment {
  return new CatchmentSolver(graph).solve(sources);
}

export class CatchmentSolver {
  readonly #graph: SplitGraph;
  readonly #catchment: Catchment;
  /** 1 at a source whose neighbours tell nobody. */
  readonly #isNoExport: Uint8Array;
  /** 1 at a source whose route is not told from peer to peer. */
  readonly #isNoPeer: Uint8Array;
  #hasNoPeer = false;
  /** Place of each vertex by AS number, then by index; undefined where vertices stand in that order, as in a file. */
  readonly #place: Int32Array | undefined;
  /** Vertices in the order in which their routes were passed on. */
  readonly #queue: Int32Array;
  #queued = 0;
  /** Vertices that have a route before the last pass, by length. */
  readonly #ordered: Int32Array;
  /** Allocated by the first solve that asks for ties; undefined while a solve does not. */
  #ties: Uint32Array | undefined;
  #tiesKept: Uint32Array | undefined;
  /** Absent: ties go to the lowest AS number at once. */
  readonly #rtts: RttTable | undefined;
  /** Column of `#rtts` for each source vertex of the present solve. */
  readonly #columnOf = new Map<number, number>();

  /** `hotPotato`: times to the sites that every solve is asked of, in their order. */
  constructor(graph: AsGraph, hotPotato?: RttTable) {
    const { vertexCount } = graph;
    this.#rtts = hotPotato;
    this.#graph = splitGraph(graph);
    this.#catchment = {
      relation: new Uint8Array(vertexCount),
      length: new Uint16Array(vertexCount),
      next: new Int32Array(vertexCount),
      site: new Int32Array(vertexCount),
    };
    this.#isNoExport = new Uint8Array(vertexCount);
    this.#isNoPeer = new Uint8Array(vertexCount);
    this.#place = placesByAsNumber(graph);
    this.#queue = new Int32Array(vertexCount);
    this.#ordered = new Int32Array(vertexCount);
  }

  solve(sources: readonly Source[]): Catchment {
    this.#ties = undefined;
    this.#run(sources);
    return this.#catchment;
  }

  /** As `solve`, and the ties. Bits are the positions in `sources`, at most `SITES_MAX`. */
  solveWithTies(sources: readonly Source[]): TiedCatchment {
    invariant(sources.length <= SITES_MAX, `ties are told of at most ${SITES_MAX} sites`);
    const ties = (this.#tiesKept ??= new Uint32Array(this.#graph.vertexCount)).fill(0);
    this.#ties = ties;
    this.#run(sources);
    return { ...this.#catchment, ties };
  }

  #run(sources: readonly Source[]): void {
    const { relation, next, site } = this.#catchment;
    relation.fill(NO_ROUTE);
    next.fill(NONE);
    site.fill(NONE);
    this.#queued = 0;
    invariant(this.#rtts === undefined || this.#rtts.siteCount === sources.length, "a time to each source");
    this.#columnOf.clear();
    this.#hasNoPeer = sources.some(({ isNoPeer }) => isNoPeer === true);
    for (const [bit, source] of sources.entries()) this.#originate(source, bit);
    this.#climb(sources);
    this.#cross();
    this.#descend();
    for (const { vertex } of sources) this.#isNoExport[vertex] = this.#isNoPeer[vertex] = 0;
  }

  #originate({ vertex, prepends, isNoExport, isNoPeer, isBlackhole }: Source, bit: number): void {
    const { relation, length, site } = this.#catchment;
    invariant(prepends <= PREPENDS_MAX, `at most ${PREPENDS_MAX} prepends, not ${prepends}`);
    invariant(site[vertex] === NONE, "one source at a vertex");
    relation[vertex] = RELATION.customer;
    length[vertex] = prepends;
    site[vertex] = vertex;
    this.#columnOf.set(vertex, bit);
    if (isNoExport === true || isBlackhole === true) this.#isNoExport[vertex] = 1;
    if (isNoPeer === true) this.#isNoPeer[vertex] = 1;
    if (this.#ties !== undefined) this.#ties[vertex] = 1 << bit;
  }

  /** Level by level: all of one length pass on before any of the next. */
  #climb(sources: readonly Source[]): void {
    const waiting = [...sources].sort((x, y) => x.prepends - y.prepends);
    let begun = 0;
    let from = 0;
    let length = 0;
    while (begun < waiting.length || from < this.#queued) {
      if (from === this.#queued) length = Math.max(length, waiting[begun]!.prepends);
      while (begun < waiting.length && waiting[begun]!.prepends <= length) {
        this.#queue[this.#queued] = waiting[begun]!.vertex;
        this.#queued += 1;
        begun += 1;
      }
      const end = this.#queued;
      for (; from < end; from++) this.#offer(this.#queue[from]!, this.#graph.providers, RELATION.customer);
      length += 1;
    }
  }

  /** In the order of the climb, so that the first offer a peer hears is the shortest. */
  #cross(): void {
    const { next, site } = this.#catchment;
    const climbed = this.#queued;
    for (let at = 0; at < climbed; at++) {
      const vertex = this.#queue[at]!;
      // Sites are final: the climb is done.
      if (this.#hasNoPeer && next[vertex] !== NONE && this.#isNoPeer[site[vertex]!] === 1) continue;
      this.#offer(vertex, this.#graph.peers, RELATION.peer);
    }
  }

  #descend(): void {
    const ordered = this.#orderByLength();
    const { length } = this.#catchment;
    let at = 0;
    let from = (this.#queued = 0);
    for (let level = 0; at < ordered.length || from < this.#queued; level++) {
      const end = this.#queued;
      for (; at < ordered.length && length[ordered[at]!] === level; at++) {
        this.#offer(ordered[at]!, this.#graph.customers, RELATION.provider);
      }
      for (; from < end; from++) this.#offer(this.#queue[from]!, this.#graph.customers, RELATION.provider);
    }
  }

  /** Everything with a route so far: counted, then placed. */
  #orderByLength(): Int32Array {
    const { length } = this.#catchment;
    const routed = this.#queue.subarray(0, this.#queued);
    let longest = 0;
    for (const vertex of routed) longest = Math.max(longest, length[vertex]!);
    const starts = new Int32Array(longest + 2);
    for (const vertex of routed) starts[length[vertex]! + 1]! += 1;
    for (let at = 1; at < starts.length; at++) starts[at]! += starts[at - 1]!;
    for (const vertex of routed) {
      const bucket = length[vertex]!;
      this.#ordered[starts[bucket]!] = vertex;
      starts[bucket]! += 1;
    }
    return this.#ordered.subarray(0, routed.length);
  }

  /** Tells one kind of neighbours, who would know the route as `relation`. All routes as short were told before. */
  #offer(vertex: number, { offsets, ends }: Adjacency, relation: number): void {
    const catchment = this.#catchment;
    const hop = catchment.next[vertex]!;
    if (hop !== NONE) {
      // All who offered are done: the next hop is final, and so is the site.
      catchment.site[vertex] = catchment.site[hop]!;
      if (this.#isNoExport[hop] === 1) return;
    }
    const length = catchment.length[vertex]! + 1;
    const end = offsets[vertex + 1]!;
    for (let at = offsets[vertex]!; at < end; at++) {
      const neighbor = ends[at]!;
      const known = catchment.relation[neighbor]!;
      if (known === NO_ROUTE) {
        catchment.relation[neighbor] = relation;
        catchment.length[neighbor] = length;
        catchment.next[neighbor] = vertex;
        this.#queue[this.#queued] = neighbor;
        this.#queued += 1;
        if (this.#ties !== undefined) this.#ties[neighbor] = this.#ties[vertex]!;
      } else if (known === relation && catchment.length[neighbor] === length) {
        this.#tie(neighbor, vertex);
      }
    }
  }

  #tie(vertex: number, from: number): void {
    const { next } = this.#catchment;
    const hop = next[vertex]!;
    if (hop === NONE) return; // A source keeps its own.
    if (this.#ties !== undefined) this.#ties[vertex]! |= this.#ties[from]!;
    const fartherUs = this.#rtts === undefined ? 0 : this.#fartherUs(this.#rtts, vertex, from, hop);
    if (fartherUs < 0 || (fartherUs === 0 && this.#isBefore(from, hop))) next[vertex] = from;
  }

  /** The lower AS number; of two routers of one AS the first, as in the graph's own order. */
  #isBefore(vertex: number, other: number): boolean {
    return this.#place === undefined ? vertex < other : this.#place[vertex]! < this.#place[other]!;
  }

  /** How much farther from `vertex` the site of one neighbour is than that of another; 0 where nobody knows. */
  #fartherUs(rtts: RttTable, vertex: number, neighbor: number, than: number): number {
    if (!rtts.has(vertex)) return 0;
    const { site } = this.#catchment;
    const here = this.#columnOf.get(site[neighbor]!)!;
    const there = this.#columnOf.get(site[than]!)!;
    return rtts.rttUs(vertex, here) - rtts.rttUs(vertex, there);
  }
}

function placesByAsNumber({ asn, vertexCount }: AsGraph): Int32Array | undefined {
  const order = byAsNumber(asn);
  const place = new Int32Array(vertexCount);
  let isInOrder = true;
  for (let at = 0; at < vertexCount; at++) {
    place[order[at]!] = at;
    isInOrder &&= order[at] === at;
  }
  return isInOrder ? undefined : place;
}
