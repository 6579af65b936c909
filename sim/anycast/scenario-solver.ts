/**
 * Up to 32 catchments of the same sites in one pass over the graph: all combinations of five sites up and down, say, or
 * thirty-two ways to prepend. A route is not one site, but for each scenario, which is a bit, one site; whole words of
 * scenarios travel together, because most ASes have the same kind and length of route in most of them.
 *
 *     fresh[v]   the scenarios in which v has a route of the length that is passed on now
 *     known[v]   those in which it has one at all: no later offer counts there
 *
 * Within one length ASes pass on in ascending order of AS number, so the first offer taken is the one that a tie falls
 * to. Three passes as in `CatchmentSolver`, the same rules, and the same routes for every AS in every scenario.
 */
import { invariant } from "#core/assert.ts";
import { byAsNumber, RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { PREPENDS_MAX, SITES_MAX } from "#sim/topology/limits.ts";
import { splitGraph, type Adjacency, type SplitGraph } from "#sim/topology/split-graph.ts";
import { LevelLog } from "./level-log.ts";
import type { Source } from "./solve.ts";
import { VertexSet } from "./vertex-set.ts";
import type { Weights } from "./weights.ts";

/** Bits of a word. */
export const SCENARIOS_MAX = 32;

/** Told of each route as it is taken: `scenarios` in which `vertex` now has it. */
export type RouteTaken = (
  vertex: number,
  next: number,
  relation: number,
  length: number,
  scenarios: number,
) => void;

/** Weight at each site in each scenario: `[scenario * siteCount + site]`. */
export interface ScenarioLoads {
  /** Ties go to the lowest AS number. */
  readonly chosen: Float64Array;
  /** By every path that is equally good. */
  readonly certain: Float64Array;
  /** By some path that is equally good. */
  readonly atMost: Float64Array;
}

export class ScenarioSolver {
  readonly #graph: SplitGraph;
  /** Vertices by AS number, and the place of each among them. */
  readonly #order: Int32Array;
  readonly #rank: Int32Array;
  readonly #sites: readonly number[];
  /** Position of the site at each vertex; -1 at others. */
  readonly #positionOf: Int8Array;
  readonly #known: Int32Array;
  #fresh: Int32Array;
  #next: Int32Array;
  /** Scenarios in which what a vertex knows came from a site with NO_EXPORT or BLACKHOLE. */
  readonly #silent: Int32Array;
  /** Per vertex and bit of a site's position: the scenarios in which the site reached has that bit. */
  readonly #planes: Int32Array;
  readonly #planeCount: number;
  /** Per vertex and site: the scenarios in which an equally good path leads there. */
  readonly #ties: Int32Array;
  /** Per site: scenarios in which it announces, without export, not from peer to peer. */
  readonly #announced: Int32Array;
  readonly #noExport: Int32Array;
  readonly #noPeer: Int32Array;
  #now: VertexSet;
  #later: VertexSet;
  readonly #climbed = new LevelLog();
  readonly #crossed = new LevelLog();
  #onTaken: RouteTaken | undefined;

  /** `siteVertices`: every vertex that announces in any scenario; loads are told in their order. */
  constructor(graph: AsGraph, siteVertices: readonly number[]) {
    const { vertexCount } = graph;
    invariant(siteVertices.length <= SITES_MAX, `at most ${SITES_MAX} sites`);
    this.#graph = splitGraph(graph);
    this.#order = byAsNumber(graph.asn);
    this.#rank = new Int32Array(vertexCount);
    for (const [place, vertex] of this.#order.entries()) this.#rank[vertex] = place;
    this.#sites = siteVertices;
    this.#positionOf = new Int8Array(vertexCount).fill(-1);
    for (const [position, vertex] of siteVertices.entries()) {
      invariant(this.#positionOf[vertex] === -1, "one site at a vertex");
      this.#positionOf[vertex] = position;
    }
    this.#known = new Int32Array(vertexCount);
    this.#fresh = new Int32Array(vertexCount);
    this.#next = new Int32Array(vertexCount);
    this.#silent = new Int32Array(vertexCount);
    this.#planeCount = bitsFor(siteVertices.length);
    this.#planes = new Int32Array(vertexCount * this.#planeCount);
    this.#ties = new Int32Array(vertexCount * siteVertices.length);
    this.#announced = new Int32Array(siteVertices.length);
    this.#noExport = new Int32Array(siteVertices.length);
    this.#noPeer = new Int32Array(siteVertices.length);
    this.#now = new VertexSet(vertexCount);
    this.#later = new VertexSet(vertexCount);
  }

  /** Each scenario is what announces in it. */
  solve(scenarios: readonly (readonly Source[])[], onTaken?: RouteTaken): void {
    invariant(scenarios.length <= SCENARIOS_MAX, `at most ${SCENARIOS_MAX} scenarios at once`);
    for (const words of [this.#known, this.#silent, this.#planes, this.#ties]) words.fill(0);
    for (const words of [this.#announced, this.#noExport, this.#noPeer]) words.fill(0);
    this.#climbed.clear();
    this.#crossed.clear();
    this.#onTaken = onTaken;
    this.#climb(this.#originate(scenarios));
    this.#cross();
    this.#descend();
  }

  /** Position of the site that a vertex reaches in a scenario; -1 without a route. */
  siteOf(vertex: number, scenario: number): number {
    if (((this.#known[vertex]! >>> scenario) & 1) === 0) return -1;
    let position = 0;
    for (let plane = 0; plane < this.#planeCount; plane++) {
      position |= ((this.#planes[vertex * this.#planeCount + plane]! >>> scenario) & 1) << plane;
    }
    return position;
  }

  /** Bit i: an equally good path leads to site i. */
  tiesOf(vertex: number, scenario: number): number {
    let sites = 0;
    for (let site = 0; site < this.#sites.length; site++) {
      sites |= ((this.#ties[vertex * this.#sites.length + site]! >>> scenario) & 1) << site;
    }
    return sites >>> 0;
  }

  loads(weights: Weights, scenarioCount: number): ScenarioLoads {
    const siteCount = this.#sites.length;
    const chosen = new WordSums(siteCount);
    const certain = new WordSums(siteCount);
    const atMost = new WordSums(siteCount);
    for (let vertex = 0; vertex < this.#graph.vertexCount; vertex++) {
      const weight = weights[vertex]!;
      const known = this.#known[vertex]!;
      if (weight === 0 || known === 0) continue;
      const base = vertex * siteCount;
      let once = 0;
      let twice = 0;
      for (let site = 0; site < siteCount; site++) {
        const scenarios = this.#ties[base + site]!;
        twice |= once & scenarios;
        once |= scenarios;
      }
      for (let site = 0; site < siteCount; site++) {
        const scenarios = this.#ties[base + site]!;
        if (scenarios === 0) continue;
        atMost.add(site, scenarios, weight);
        certain.add(site, scenarios & ~twice, weight);
        chosen.add(site, this.#reaching(vertex, site), weight);
      }
    }
    return {
      chosen: chosen.bySite(scenarioCount),
      certain: certain.bySite(scenarioCount),
      atMost: atMost.bySite(scenarioCount),
    };
  }

  /** Scenarios in which a vertex reaches the site at a position. */
  #reaching(vertex: number, site: number): number {
    let scenarios = this.#known[vertex]!;
    const base = vertex * this.#planeCount;
    for (let plane = 0; plane < this.#planeCount; plane++) {
      const word = this.#planes[base + plane]!;
      scenarios &= ((site >>> plane) & 1) === 1 ? word : ~word;
    }
    return scenarios;
  }

  /** Own routes, by length: per number of prepends, site by site, the scenarios. */
  #originate(scenarios: readonly (readonly Source[])[]): Int32Array[] {
    const byLength: Int32Array[] = [];
    for (const [index, sources] of scenarios.entries()) {
      const bit = 1 << index;
      for (const source of sources) {
        const site = this.#positionOf[source.vertex]!;
        invariant(site !== -1, "a source that the solver was not made for");
        invariant((this.#announced[site]! & bit) === 0, "one source at a vertex");
        invariant(
          source.prepends <= PREPENDS_MAX,
          `at most ${PREPENDS_MAX} prepends, not ${source.prepends}`,
        );
        this.#announced[site]! |= bit;
        if (source.isNoExport === true || source.isBlackhole === true) this.#noExport[site]! |= bit;
        if (source.isNoPeer === true) this.#noPeer[site]! |= bit;
        (byLength[source.prepends] ??= new Int32Array(this.#sites.length))[site]! |= bit;
      }
    }
    for (const [site, vertex] of this.#sites.entries()) {
      const own = this.#announced[site]!;
      this.#known[vertex] = own;
      this.#ties[vertex * this.#sites.length + site] = own;
      for (let plane = 0; plane < this.#planeCount; plane++) {
        if (((site >>> plane) & 1) === 1) this.#planes[vertex * this.#planeCount + plane] = own;
      }
    }
    return byLength;
  }

  #climb(own: readonly (Int32Array | undefined)[]): void {
    for (let length = 0; length < own.length || !this.#now.isEmpty; length++) {
      for (const [site, scenarios] of own[length]?.entries() ?? []) {
        if (scenarios !== 0) this.#pass(this.#sites[site]!, scenarios);
      }
      this.#climbed.begin(length);
      this.#passOn((vertex, scenarios) => {
        this.#climbed.add(vertex, scenarios);
        this.#offer(vertex, scenarios, this.#graph.providers, RELATION.customer, length + 1);
      });
    }
  }

  /** Shortest first, lowest AS number first: the order of the climb. */
  #cross(): void {
    for (let length = 0; length < this.#climbed.levels; length++) {
      const end = this.#climbed.end(length);
      for (let at = this.#climbed.begins(length); at < end; at++) {
        const vertex = this.#climbed.vertex[at]!;
        const scenarios = this.#climbed.scenarios[at]! & ~this.#keptFromPeers(vertex);
        if (scenarios !== 0) this.#offer(vertex, scenarios, this.#graph.peers, RELATION.peer, length + 1);
      }
      this.#crossed.begin(length + 1);
      this.#turn();
      this.#passOn((vertex, scenarios) => this.#crossed.add(vertex, scenarios));
    }
  }

  #descend(): void {
    const lengths = Math.max(this.#climbed.levels, this.#crossed.levels);
    for (let length = 0; length < lengths || !this.#now.isEmpty; length++) {
      for (const log of [this.#climbed, this.#crossed]) {
        for (let at = log.begins(length); at < log.end(length); at++) {
          this.#pass(log.vertex[at]!, log.scenarios[at]!);
        }
      }
      this.#passOn((vertex, scenarios) => {
        this.#offer(vertex, scenarios, this.#graph.customers, RELATION.provider, length + 1);
      });
    }
  }

  /** Scenarios in which a vertex has its route with NOPEER from somebody else. */
  #keptFromPeers(vertex: number): number {
    let kept = 0;
    for (const [site, scenarios] of this.#noPeer.entries()) {
      if (scenarios !== 0 && this.#sites[site] !== vertex) kept |= scenarios & this.#reaching(vertex, site);
    }
    return kept;
  }

  /** `vertex` is to pass on what it has in `scenarios`, in this length. */
  #pass(vertex: number, scenarios: number): void {
    this.#fresh[vertex]! |= scenarios;
    this.#now.add(this.#rank[vertex]!);
  }

  /** All of one length, in ascending order of AS number; what they offered is the next length. */
  #passOn(offer: (vertex: number, scenarios: number) => void): void {
    const { words } = this.#now;
    for (let word = 0; word < words.length; word++) {
      for (let left = words[word]!; left !== 0; left &= left - 1) {
        const vertex = this.#order[word * 32 + 31 - Math.clz32(left & -left)]!;
        const scenarios = this.#fresh[vertex]! & ~this.#silent[vertex]!;
        this.#fresh[vertex] = 0;
        if (scenarios !== 0) offer(vertex, scenarios);
      }
    }
    this.#turn();
  }

  /** What was offered becomes what is passed on. */
  #turn(): void {
    this.#now.clear();
    [this.#now, this.#later] = [this.#later, this.#now];
    [this.#fresh, this.#next] = [this.#next, this.#fresh];
  }

  /** Tells one kind of neighbours, who would know the route as `relation`. */
  #offer(
    vertex: number,
    scenarios: number,
    { offsets, ends }: Adjacency,
    relation: number,
    length: number,
  ): void {
    const known = this.#known;
    const next = this.#next;
    const site = this.#positionOf[vertex]!;
    const silent = site === -1 ? 0 : this.#noExport[site]!;
    const end = offsets[vertex + 1]!;
    for (let at = offsets[vertex]!; at < end; at++) {
      const neighbor = ends[at]!;
      const taken = scenarios & ~known[neighbor]!;
      if (taken !== 0) {
        if (next[neighbor] === 0) this.#later.add(this.#rank[neighbor]!);
        known[neighbor]! |= taken;
        next[neighbor]! |= taken;
        this.#silent[neighbor]! |= taken & silent;
        this.#copySite(vertex, neighbor, taken);
        this.#onTaken?.(neighbor, vertex, relation, length, taken);
      }
      const equal = scenarios & next[neighbor]!;
      if (equal !== 0) this.#copyTies(vertex, neighbor, equal);
    }
  }

  #copySite(from: number, to: number, scenarios: number): void {
    const count = this.#planeCount;
    for (let plane = 0; plane < count; plane++) {
      this.#planes[to * count + plane]! |= this.#planes[from * count + plane]! & scenarios;
    }
  }

  #copyTies(from: number, to: number, scenarios: number): void {
    const count = this.#sites.length;
    for (let site = 0; site < count; site++) {
      this.#ties[to * count + site]! |= this.#ties[from * count + site]! & scenarios;
    }
  }
}

/** Sums of weights per site and scenario, word by word: four table cells a word instead of up to 32 sums. */
class WordSums {
  readonly #siteCount: number;
  readonly #cells: Float64Array;

  constructor(siteCount: number) {
    this.#siteCount = siteCount;
    this.#cells = new Float64Array(siteCount * BYTES * BYTE_VALUES);
  }

  add(site: number, scenarios: number, weight: number): void {
    const base = site * BYTES * BYTE_VALUES;
    for (let byte = 0; byte < BYTES; byte++) {
      const value = (scenarios >>> (byte * 8)) & 255;
      if (value !== 0) this.#cells[base + byte * BYTE_VALUES + value]! += weight;
    }
  }

  bySite(scenarioCount: number): Float64Array {
    const sums = new Float64Array(scenarioCount * this.#siteCount);
    for (const [cell, sum] of this.#cells.entries()) {
      if (sum === 0) continue;
      const site = Math.floor(cell / (BYTES * BYTE_VALUES));
      const byte = Math.floor(cell / BYTE_VALUES) % BYTES;
      for (let left = cell % BYTE_VALUES; left !== 0; left &= left - 1) {
        const scenario = byte * 8 + 31 - Math.clz32(left & -left);
        sums[scenario * this.#siteCount + site]! += sum;
      }
    }
    return sums;
  }
}

const BYTES = 4;
const BYTE_VALUES = 256;

/** Bits that tell `count` positions apart. */
function bitsFor(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}
