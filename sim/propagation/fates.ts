/**
 * What becomes of packets at one moment: they are followed hop by hop through what each AS has chosen then, because the
 * path that an AS believes in may be gone behind its next hop. Each vertex is walked once, whoever asks.
 */

/** An engine, or a recording of one, at one moment. */
export interface Forwarding {
  /** Vertex to which this vertex sends packets; itself at a site, -1 without a route. */
  nextHop(vertex: number): number;
}

/** Of the service's sites, at one moment. */
export interface Sites {
  /** A site of the service is there, announced or not. */
  isSite(vertex: number): boolean;
  /** It serves who comes. */
  isServing(vertex: number): boolean;
  /** What it announces carries BLACKHOLE (RFC 7999): its neighbours drop what would go there. */
  isBlackhole(vertex: number): boolean;
  /** Vertices from here on are routers of the service's own: they forward nothing. */
  readonly routersFrom: number;
  /** Vertex of the site that is told apart. */
  readonly subject: number | undefined;
}

/** Sums of weights. */
export interface Fates {
  readonly right: number;
  readonly wrong: number;
  readonly lost: number;
  readonly looping: number;
}

export type Fate = keyof Fates;

/** Where packets go from one vertex. */
export interface Way {
  readonly fate: Fate;
  /** From the vertex itself to where they end; of a circle, each once. */
  readonly vertices: readonly number[];
}

const UNKNOWN = 0;
const RIGHT = 1;
const WRONG = 2;
const LOST = 3;
const LOOPING = 4;
const ON_THE_WAY = 5;
/** Right, at the subject. */
const THERE = 6;
const NONE = -1;
const NAMES = {
  [RIGHT]: "right",
  [THERE]: "right",
  [WRONG]: "wrong",
  [LOST]: "lost",
  [LOOPING]: "looping",
} as const;

/** Of each vertex in `from`, which counts its weight. `there`: of those who are right, at the subject. */
export function countFates(
  forwarding: Forwarding,
  from: Iterable<number>,
  weights: ArrayLike<number>,
  sites: Sites,
): Fates & { readonly there: number } {
  const fates = new Uint8Array(weights.length);
  const sums = [0, 0, 0, 0, 0, 0, 0];
  for (const vertex of from) sums[fateOf(forwarding, sites, fates, vertex)]! += weights[vertex]!;
  return {
    right: sums[RIGHT]! + sums[THERE]!,
    wrong: sums[WRONG]!,
    lost: sums[LOST]!,
    looping: sums[LOOPING]!,
    there: sums[THERE]!,
  };
}

/** Follows next hops until the fate of one of them is known, and writes it down on the whole way. */
function fateOf(forwarding: Forwarding, sites: Sites, fates: Uint8Array, start: number): number {
  const way: number[] = [];
  let at = start;
  let fate = fates[at]!;
  while (fate === UNKNOWN) {
    fates[at] = ON_THE_WAY;
    way.push(at);
    const next = forwarding.nextHop(at);
    fate = endingAt(sites, at, next);
    if (fate !== UNKNOWN) break;
    at = next;
    fate = fates[at] === ON_THE_WAY ? LOOPING : fates[at]!;
  }
  for (const vertex of way) fates[vertex] = fate;
  return fate;
}

/** The fate of packets that go no farther than `at`; unknown when they do. */
function endingAt(sites: Sites, at: number, next: number): number {
  // A site inside an AS of the graph hands on what it does not announce any more, once its AS has a route elsewhere.
  if (next !== at && next !== NONE && at < sites.routersFrom) return sites.isBlackhole(next) ? LOST : UNKNOWN;
  if (!sites.isSite(at)) return LOST;
  if (!sites.isServing(at)) return WRONG;
  return at === sites.subject ? THERE : RIGHT;
}

/** The way of one vertex's packets. */
export function followPackets(forwarding: Forwarding, sites: Sites, start: number): Way {
  const vertices = [start];
  const seen = new Set(vertices);
  for (let at = start; ;) {
    const next = forwarding.nextHop(at);
    const fate = endingAt(sites, at, next);
    if (fate !== UNKNOWN) return { fate: NAMES[fate as keyof typeof NAMES], vertices };
    if (seen.has(next)) return { fate: "looping", vertices };
    at = next;
    vertices.push(at);
    seen.add(at);
  }
}

/** Weight of those whose packets pass `via`, which itself does not count. */
export function countThrough(
  forwarding: Forwarding,
  from: Iterable<number>,
  weights: ArrayLike<number>,
  via: number,
): number {
  const [passes, misses] = [1, 2];
  const known = new Uint8Array(weights.length);
  known[via] = passes;
  let sum = 0;
  for (const vertex of from) {
    const way: number[] = [];
    let at = vertex;
    while (known[at] === UNKNOWN) {
      // Whoever comes back to here is in a circle without `via`.
      known[at] = misses;
      way.push(at);
      const next = forwarding.nextHop(at);
      if (next === at || next === NONE) break;
      at = next;
    }
    for (const passed of way) known[passed] = known[at]!;
    if (known[vertex] === passes && vertex !== via) sum += weights[vertex]!;
  }
  return sum;
}
