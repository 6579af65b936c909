/**
 * What becomes of packets at one moment: they are followed hop by hop through what each AS has chosen then, because the
 * path that an AS believes in may be gone behind its next hop. Each vertex is walked once, whoever asks.
 */

/** An engine, or a recording of one, at one moment. */
export interface Forwarding {
  /** Vertex to which this vertex sends packets; itself at a site, -1 without a route. */
  nextHop(vertex: number): number;
}

/** Sums of weights. */
export interface Fates {
  readonly right: number;
  readonly wrong: number;
  readonly lost: number;
  readonly looping: number;
}

const UNKNOWN = 0;
const RIGHT = 1;
const WRONG = 2;
const LOST = 3;
const LOOPING = 4;
const ON_THE_WAY = 5;
const NONE = -1;

/** Of each vertex in `from`, which counts its weight. `isDead`: a site there that cannot serve. */
export function countFates(
  forwarding: Forwarding,
  from: Iterable<number>,
  weights: ArrayLike<number>,
  isDead: (vertex: number) => boolean,
): Fates {
  const fates = new Uint8Array(weights.length);
  const sums = [0, 0, 0, 0, 0];
  for (const vertex of from) sums[fateOf(forwarding, isDead, fates, vertex)]! += weights[vertex]!;
  return { right: sums[RIGHT]!, wrong: sums[WRONG]!, lost: sums[LOST]!, looping: sums[LOOPING]! };
}

/** Follows next hops until the fate of one of them is known, and writes it down on the whole way. */
function fateOf(
  forwarding: Forwarding,
  isDead: (vertex: number) => boolean,
  fates: Uint8Array,
  start: number,
): number {
  const way: number[] = [];
  let at = start;
  let fate = fates[at]!;
  while (fate === UNKNOWN) {
    fates[at] = ON_THE_WAY;
    way.push(at);
    const next = forwarding.nextHop(at);
    // A site that is an AS of the graph forwards what it does not serve any more, once it has a route elsewhere.
    if (next === at) fate = isDead(at) ? WRONG : RIGHT;
    else if (next === NONE) fate = isDead(at) ? WRONG : LOST;
    else {
      at = next;
      fate = fates[at] === ON_THE_WAY ? LOOPING : fates[at]!;
    }
  }
  for (const vertex of way) fates[vertex] = fate;
  return fate;
}
