/**
 * An Internet of any size by chance: T (tier-1), M (middle), CP (content) and C (customer) networks in five regions, after
 * Elmokashfi, Kvalbein and Dovrolis, "On the Scalability of BGP: The Role of Topology Growth" (IEEE JSAC 28(8), 2010),
 * with the parameters of their baseline, which were fitted for 1,000 to 10,000 ASes. What comes out is connected and has
 * no cycle of providers.
 *
 *     T = T        full mesh of peers
 *     | \
 *     M - M        providers by preferential attachment: T, or M of a region in common
 *     |   |  \
 *     C   CP - CP  peers: M-M by preference, CP-M and CP-CP at random
 *
 * AS numbers are 1 to n in the order T, M, CP, C.
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import { buildGraph, RELATION, type AsGraph } from "./as-graph.ts";
import { GENERATED_MAX, GENERATED_MIN } from "./limits.ts";

const REGIONS = 5;
const ALL_REGIONS = (1 << REGIONS) - 1;
/** Draws of another partner before a link is given up: the urn may hold nobody suitable. */
const TRIES_MAX = 64;
const CHANCE_STEPS = 1_000_000;

type Kind = "T" | "M" | "CP" | "C";

/** Parameters of one kind of network: `n` is the size of the whole. */
interface KindRules {
  /** In two regions with this probability. */
  readonly secondRegion: number;
  readonly providersMean: (n: number) => number;
  /** A provider is a T with this probability. */
  readonly tier1: number;
}

const RULES: Readonly<Record<Exclude<Kind, "T">, KindRules>> = {
  M: { secondRegion: 0.2, providersMean: (n) => 2 + (2.5 * n) / 1e4, tier1: 0.375 },
  CP: { secondRegion: 0.05, providersMean: (n) => 2 + (1.5 * n) / 1e4, tier1: 0.375 },
  C: { secondRegion: 0, providersMean: (n) => 1 + (5 * n) / 1e5, tier1: 0.125 },
};

export function generateGraph(n: number, prng: Prng): AsGraph {
  invariant(Number.isInteger(n) && n >= GENERATED_MIN && n <= GENERATED_MAX, `${n} ASes cannot be generated`);
  return new Generator(n, prng).run();
}

class Generator {
  readonly #n: number;
  readonly #prng: Prng;
  readonly #regions: Uint8Array;
  readonly #providers: number[][];
  readonly #peers: Set<number>[];
  readonly #above: Ancestors;
  /** Each T as often as it has links; M the same, by region: drawing from it prefers who is large. */
  readonly #tierUrn: number[] = [];
  readonly #middleUrns: number[][] = Array.from({ length: REGIONS }, () => []);
  /** As `#middleUrns`, by links to peers, and everybody once. */
  readonly #peeringUrns: number[][] = Array.from({ length: REGIONS }, () => []);
  readonly #a: number[] = [];
  readonly #b: number[] = [];
  readonly #relations: number[] = [];
  readonly #tierEnd: number;
  readonly #middleEnd: number;
  readonly #contentEnd: number;

  constructor(n: number, prng: Prng) {
    this.#n = n;
    this.#prng = prng;
    this.#tierEnd = Math.round(4 + 2 * this.#unit());
    this.#middleEnd = this.#tierEnd + Math.round(0.15 * n);
    this.#contentEnd = this.#middleEnd + Math.round(0.05 * n);
    this.#above = new Ancestors(this.#middleEnd);
    this.#regions = new Uint8Array(n);
    this.#providers = Array.from({ length: n }, () => []);
    this.#peers = Array.from({ length: n }, () => new Set<number>());
  }

  run(): AsGraph {
    this.#addTiers();
    for (let vertex = this.#tierEnd; vertex < this.#n; vertex++)
      this.#addNetwork(vertex, this.#kindOf(vertex));
    for (let vertex = this.#tierEnd; vertex < this.#middleEnd; vertex++) this.#peerMiddle(vertex);
    for (let vertex = this.#middleEnd; vertex < this.#contentEnd; vertex++) this.#peerContent(vertex);
    return buildGraph(
      Uint32Array.from({ length: this.#n }, (_, index) => index + 1),
      {
        count: this.#a.length,
        a: Int32Array.from(this.#a),
        b: Int32Array.from(this.#b),
        relations: Uint8Array.from(this.#relations),
      },
    );
  }

  #kindOf(vertex: number): Exclude<Kind, "T"> {
    if (vertex < this.#middleEnd) return "M";
    return vertex < this.#contentEnd ? "CP" : "C";
  }

  #addTiers(): void {
    for (let vertex = 0; vertex < this.#tierEnd; vertex++) {
      this.#regions[vertex] = ALL_REGIONS;
      for (let other = 0; other < vertex; other++) {
        this.#link(vertex, other, RELATION.peer);
        this.#tierUrn.push(vertex, other);
      }
    }
  }

  #addNetwork(vertex: number, kind: Exclude<Kind, "T">): void {
    const rules = RULES[kind];
    this.#regions[vertex] = this.#drawRegions(rules.secondRegion);
    const count = this.#count(1, rules.providersMean(this.#n));
    for (let left = count; left > 0; left--) {
      const provider = this.#drawProvider(vertex, rules.tier1);
      if (provider !== undefined) this.#sell(provider, vertex);
    }
    if (kind === "M") this.#enterUrns(this.#middleUrns, vertex);
  }

  #drawRegions(secondRegion: number): number {
    const first = this.#prng.integer(0, REGIONS - 1);
    if (!this.#happens(secondRegion)) return 1 << first;
    const second = (first + this.#prng.integer(1, REGIONS - 1)) % REGIONS;
    return (1 << first) | (1 << second);
  }

  #drawProvider(vertex: number, tier1: number): number | undefined {
    const has = this.#providers[vertex]!;
    const middles = this.#middleUrns[this.#regionOf(vertex)]!;
    const urn = this.#happens(tier1) || middles.length === 0 ? this.#tierUrn : middles;
    // A region with few middles may have no other left: a tier-1 takes the customer then.
    const suits = (other: number): boolean => other !== vertex && !has.includes(other);
    return this.#draw(urn, suits) ?? this.#draw(this.#tierUrn, suits);
  }

  #sell(provider: number, customer: number): void {
    this.#link(provider, customer, RELATION.customer);
    this.#providers[customer]!.push(provider);
    if (customer < this.#middleEnd) this.#above.inherit(customer, provider);
    if (provider < this.#tierEnd) this.#tierUrn.push(provider);
    else this.#enterUrns(this.#middleUrns, provider);
    if (customer >= this.#tierEnd && customer < this.#middleEnd) this.#enterUrns(this.#middleUrns, customer);
  }

  #peerMiddle(vertex: number): void {
    if (vertex === this.#tierEnd) {
      for (let each = this.#tierEnd; each < this.#middleEnd; each++) this.#enterUrns(this.#peeringUrns, each);
    }
    for (let left = this.#count(0, 1 + (2 * this.#n) / 1e4); left > 0; left--) {
      const urn = this.#peeringUrns[this.#regionOf(vertex)]!;
      const other = this.#draw(urn, (each) => this.#mayPeer(vertex, each) && !this.#isRelated(vertex, each));
      if (other === undefined) continue;
      this.#peer(vertex, other);
      this.#enterUrns(this.#peeringUrns, vertex);
      this.#enterUrns(this.#peeringUrns, other);
    }
  }

  #peerContent(vertex: number): void {
    const providers = this.#providers[vertex]!;
    const isAbove = (other: number): boolean =>
      providers.includes(other) || providers.some((provider) => this.#above.has(provider, other));
    const peer = (count: number, first: number, end: number): void => {
      for (let left = count; left > 0; left--) {
        const other = this.#drawBetween(first, end, (each) => this.#mayPeer(vertex, each) && !isAbove(each));
        if (other !== undefined) this.#peer(vertex, other);
      }
    };
    peer(this.#count(0, 0.2 + (2 * this.#n) / 1e4), this.#tierEnd, this.#middleEnd);
    peer(this.#count(0, 0.05 + (2 * this.#n) / 1e5), this.#middleEnd, this.#contentEnd);
  }

  #mayPeer(vertex: number, other: number): boolean {
    const isNear = (this.#regions[vertex]! & this.#regions[other]!) !== 0;
    return isNear && other !== vertex && !this.#peers[vertex]!.has(other);
  }

  /** One of two middles sells to the other, at any distance. */
  #isRelated(a: number, b: number): boolean {
    return this.#above.has(a, b) || this.#above.has(b, a);
  }

  #peer(a: number, b: number): void {
    this.#link(a, b, RELATION.peer);
    this.#peers[a]!.add(b);
    this.#peers[b]!.add(a);
  }

  #link(a: number, b: number, relation: number): void {
    this.#a.push(a);
    this.#b.push(b);
    this.#relations.push(relation);
  }

  #enterUrns(urns: readonly number[][], vertex: number): void {
    for (const [region, urn] of urns.entries()) {
      if ((this.#regions[vertex]! & (1 << region)) !== 0) urn.push(vertex);
    }
  }

  /** One of the regions a network is in. */
  #regionOf(vertex: number): number {
    const regions = [...Array(REGIONS).keys()].filter(
      (region) => (this.#regions[vertex]! & (1 << region)) !== 0,
    );
    return regions[this.#prng.integer(0, regions.length - 1)]!;
  }

  #draw(urn: readonly number[], suits: (vertex: number) => boolean): number | undefined {
    if (urn.length === 0) return undefined;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const vertex = urn[this.#prng.integer(0, urn.length - 1)]!;
      if (suits(vertex)) return vertex;
    }
    return undefined;
  }

  #drawBetween(first: number, end: number, suits: (vertex: number) => boolean): number | undefined {
    if (end === first) return undefined;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const vertex = this.#prng.integer(first, end - 1);
      if (suits(vertex)) return vertex;
    }
    return undefined;
  }

  /** A whole number with this minimum and mean, as the paper's generator draws it: both ends have half the weight. */
  #count(min: number, mean: number): number {
    const max = 2 * mean - min;
    const whole = Math.floor(max);
    const drawn = Math.round(this.#unit() * (whole - min) + min);
    return drawn + (this.#happens((max - whole) / 2) ? 1 : 0);
  }

  #unit(): number {
    return this.#prng.integer(0, CHANCE_STEPS) / CHANCE_STEPS;
  }

  #happens(probability: number): boolean {
    return this.#prng.chance(Math.round(probability * CHANCE_STEPS), CHANCE_STEPS);
  }
}

/** Who sells to whom at any distance, among those who sell at all: a row of bits for each. */
class Ancestors {
  readonly #words: number;
  readonly #rows: Uint32Array;

  constructor(count: number) {
    this.#words = Math.ceil(count / 32);
    this.#rows = new Uint32Array(this.#words * count);
  }

  /** `vertex` buys from `provider`, whose own providers are all known. */
  inherit(vertex: number, provider: number): void {
    const to = vertex * this.#words;
    const from = provider * this.#words;
    for (let word = 0; word < this.#words; word++) this.#rows[to + word]! |= this.#rows[from + word]!;
    this.#rows[to + (provider >>> 5)]! |= 1 << (provider & 31);
  }

  /** Who is beyond the rows sells to nobody. */
  has(vertex: number, ancestor: number): boolean {
    if (ancestor >>> 5 >= this.#words) return false;
    return (this.#rows[vertex * this.#words + (ancestor >>> 5)]! & (1 << (ancestor & 31))) !== 0;
  }
}
