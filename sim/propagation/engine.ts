/**
 * BGP between ASes as events: announcements and withdrawals travel over sessions with delay, each AS decides, and what
 * it now prefers travels on. The same engine runs in virtual time (tests, `sim run`) and in real time (the demo): the
 * caller says what time it is.
 *
 * Decision (Gao and Rexford 2001): a path with GRACEFUL_SHUTDOWN has local preference 0 (RFC 8326) and loses to any
 * other; then customer before peer before provider; then the shorter path; then the lowest neighbour AS.
 * Export: customers' routes to everybody, all others to customers only; never back to the next hop chosen; what was
 * heard with NO_EXPORT (RFC 1997) or BLACKHOLE (RFC 7999 §3.2) to nobody, what has NOPEER (RFC 3765) to no peer.
 * A receiver drops a path that holds its own AS and forgets what that neighbour said before (RFC 4271 §9.1.2).
 * MRAI (RFC 4271 §9.2.1.1): per session; an announcement starts the timer, later ones wait for its end and then send
 * what is best by then. Withdrawals go at once, but for the share of ASes with `wratePercent`.
 *
 * Each session is FIFO whatever the delays drawn: without that an announcement could overtake a withdrawal and leave a
 * route that nobody has. Left out: iBGP, MED, route-flap damping, and everything Gao-Rexford does not explain
 * (14-35 % of real decisions; Anwar et al., IMC 2015).
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { EventHeap } from "./event-heap.ts";
import { PathTree, type RouteMarks } from "./paths.ts";

const NONE = -1;
/** In place of a path: not a message but the end of a session's MRAI timer. */
const WAKE = -1;
/** Above any relation: rank of a path with GRACEFUL_SHUTDOWN. */
const GRACEFUL_CLASSES = 3;
const LENGTH_LIMIT = 65_536;
const UNIT_STEPS = 2 ** 30;
/** What an AS's MRAI timers hold back. */
const LIMITS = { nothing: 0, announcements: 1, everything: 2 } as const;

export interface EngineOptions {
  /** Time a message spends on a session and in its receiver, drawn per message: [min, max] in µs. */
  readonly delayUs: readonly [min: number, max: number];
  /** Beyond the minimum the delay is exponential with this mean, and cut at the maximum, instead of uniform. In µs. */
  readonly delayMeanUs?: number;
  /** MRAI of each session: [min, max] in µs. */
  readonly mraiUs: readonly [min: number, max: number];
  /** The MRAI is drawn anew whenever a timer starts (the jitter of RFC 4271 §10) instead of once for each session. */
  readonly isMraiJittered?: boolean;
  /** So many percent of the ASes use the MRAI at all, drawn once; the others send at once. All, when absent. */
  readonly mraiPercent?: number;
  /** Of those, so many percent hold withdrawals back too (WRATE), drawn once. None, when absent. */
  readonly wratePercent?: number;
  /** A sender withdraws instead of sending a path that the neighbour is already in (SSLD). */
  readonly isLoopDetectedBySender?: boolean;
  /** What happens at the same moment happens in any order instead of first in, first out; each session stays FIFO. */
  readonly isOrderShuffled?: boolean;
  /** False: no relationships, shortest path, everything to everybody, as in the literature on convergence. */
  readonly hasPolicy?: boolean;
}

export interface EngineCounts {
  announcements: number;
  withdrawals: number;
}

/**
 * Who watches a run. `slot` is the receiver's end of a session, `path` one of `engine.paths`, 0 a withdrawal. Called in
 * the order in which things happen, times never go back; what is absent costs nothing.
 */
export interface EngineObserver {
  /** The vertex has another best path now, or none; a site that announces something new has too. */
  onBestChange?(vertex: number, atUs: number): void;
  onSent?(slot: number, path: number, atUs: number): void;
  /** Told before the receiver decides. */
  onArrived?(slot: number, path: number, atUs: number): void;
}

const NOBODY: EngineObserver = {};

export class PropagationEngine {
  readonly paths = new PathTree();
  readonly counts: EngineCounts = { announcements: 0, withdrawals: 0 };
  readonly #graph: AsGraph;
  readonly #options: EngineOptions;
  readonly #delays: Prng;
  readonly #mrais: Prng;
  readonly #observer: EngineObserver;
  readonly #heap: EventHeap;
  /** Adj-RIB-In: path heard over each slot, 0 none. */
  readonly #heard: Int32Array;
  /** Adj-RIB-Out: path last sent over each slot, 0 none. */
  readonly #sent: Int32Array;
  /** MRAI of each session; empty when it is drawn anew each time. */
  readonly #mraiUs: Float64Array;
  /** Per vertex: what its MRAI timers hold back. */
  readonly #limits: Uint8Array;
  readonly #mraiEndUs: Float64Array;
  readonly #isWaking: Uint8Array;
  readonly #lastArrivalUs: Float64Array;
  /** Loc-RIB: slot of the best path, NONE, or own. */
  readonly #bestSlot: Int32Array;
  /** The path each vertex would pass on: its best, extended by itself; a site's own root. 0 none. */
  readonly #passed: Int32Array;
  readonly #isOwn: Uint8Array;
  #nowUs = 0;
  #lastMessageUs = 0;

  constructor(graph: AsGraph, options: EngineOptions, prng: Prng, observer: EngineObserver = NOBODY) {
    const slots = graph.neighbors.length;
    this.#graph = graph;
    this.#options = options;
    this.#delays = prng.fork("bgp/delay");
    this.#observer = observer;
    this.#heap = new EventHeap(options.isOrderShuffled === true ? prng.fork("bgp/order") : undefined);
    this.#heard = new Int32Array(slots);
    this.#sent = new Int32Array(slots);
    this.#isWaking = new Uint8Array(slots);
    this.#mraiEndUs = new Float64Array(slots);
    this.#lastArrivalUs = new Float64Array(slots);
    this.#bestSlot = new Int32Array(graph.vertexCount).fill(NONE);
    this.#passed = new Int32Array(graph.vertexCount);
    this.#isOwn = new Uint8Array(graph.vertexCount);
    this.#mrais = prng.fork("bgp/mrai");
    this.#mraiUs = new Float64Array(options.isMraiJittered === true ? 0 : slots);
    for (let slot = 0; slot < this.#mraiUs.length; slot++) this.#mraiUs[slot] = this.#drawMraiUs();
    this.#limits = drawLimits(graph.vertexCount, options, prng.fork("bgp/limits"));
  }

  /** A site begins to announce, or announces something else than before. */
  announce(site: number, how: RouteMarks, nowUs: number): void {
    this.#setNow(nowUs);
    const path = this.paths.root(site, how);
    if (this.#isOwn[site] === 1 && this.#passed[site] === path) return;
    this.#isOwn[site] = 1;
    this.#passed[site] = path;
    this.#observer.onBestChange?.(site, nowUs);
    this.#tellAll(site);
  }

  withdraw(site: number, nowUs: number): void {
    this.#setNow(nowUs);
    if (this.#isOwn[site] === 0) return;
    this.#isOwn[site] = 0;
    this.#choose(site, this.#bestOf(site));
  }

  /**
   * The state in which everything has run out that was announced so far, taken from a static solve instead of played:
   * every timer idle, every session quiet. `next` is the next hop of each vertex, -1 at sites and without a route. Only
   * before the first event. It takes a moment; playing it takes a million messages on the whole Internet.
   */
  adopt(
    sites: readonly (RouteMarks & { readonly vertex: number })[],
    solved: { readonly next: Int32Array; readonly length: Uint16Array; readonly site: Int32Array },
  ): void {
    invariant(this.#heap.size === 0 && this.#lastMessageUs === 0, "adopted after the first message");
    for (const site of sites) {
      this.#isOwn[site.vertex] = 1;
      this.#passed[site.vertex] = this.paths.root(site.vertex, site);
    }
    const order = [...solved.site.keys()].filter((vertex) => solved.next[vertex] !== NONE);
    // A next hop's path is shorter, so it is there already.
    order.sort((x, y) => solved.length[x]! - solved.length[y]!);
    for (const vertex of order) {
      const slot = this.#slotTo(vertex, solved.next[vertex]!);
      const path = this.#passed[solved.next[vertex]!]!;
      this.#bestSlot[vertex] = slot;
      this.#heard[slot] = path;
      this.#passed[vertex] = this.paths.extend(vertex, path);
    }
    for (let vertex = 0; vertex < this.#graph.vertexCount; vertex++) {
      if (this.#passed[vertex] !== 0) this.#haveTold(vertex);
    }
  }

  /** As if all neighbours had been told long ago. */
  #haveTold(vertex: number): void {
    for (let slot = this.#graph.offsets[vertex]!; slot < this.#graph.offsets[vertex + 1]!; slot++) {
      const path = this.#exported(vertex, slot);
      this.#sent[slot] = path;
      if (path === 0 || this.#holdsOwnAs(this.#graph.neighbors[slot]!, path)) continue;
      this.#heard[this.#graph.reverse[slot]!] = path;
    }
  }

  #slotTo(vertex: number, neighbor: number): number {
    let slot = this.#graph.offsets[vertex]!;
    while (this.#graph.neighbors[slot] !== neighbor) slot += 1;
    return slot;
  }

  /** When `advance` is next due, in µs; Infinity when all is quiet. */
  nextDueUs(): number {
    return this.#heap.nextUs();
  }

  /** Carries out everything that is due up to and including `nowUs`. */
  advance(nowUs: number): void {
    while (this.#heap.nextUs() <= nowUs) {
      this.#heap.pop();
      this.#setNow(this.#heap.timeUs);
      if (this.#heap.path === WAKE) this.#wake(this.#heap.slot);
      else this.#receive(this.#heap.slot, this.#heap.path);
    }
    this.#setNow(nowUs);
  }

  /** When the last message arrived that has arrived so far: timers that run out with nothing to send do not count. */
  get lastArrivalUs(): number {
    return this.#lastMessageUs;
  }

  /** Until nothing is left to do; the time of the last event. `limitUs` bounds a run that would not end. */
  settle(limitUs = Infinity): number {
    for (
      let nextUs = this.#heap.nextUs();
      nextUs <= limitUs && nextUs < Infinity;
      nextUs = this.#heap.nextUs()
    ) {
      this.advance(nextUs);
    }
    return this.#nowUs;
  }

  /** Site vertex that this vertex's packets reach; undefined when it has no route. */
  siteOf(vertex: number): number | undefined {
    const path = this.bestPath(vertex);
    return path === 0 ? undefined : this.paths.site[path]!;
  }

  /** Path in the Loc-RIB of a vertex, as heard; a site's own root; 0 when there is none. */
  bestPath(vertex: number): number {
    if (this.#isOwn[vertex] === 1) return this.#passed[vertex]!;
    const slot = this.#bestSlot[vertex]!;
    return slot === NONE ? 0 : this.#heard[slot]!;
  }

  /** Vertex to which this vertex sends packets; itself at a site, -1 without a route. */
  nextHop(vertex: number): number {
    if (this.#isOwn[vertex] === 1) return vertex;
    const slot = this.#bestSlot[vertex]!;
    return slot === NONE ? NONE : this.#graph.neighbors[slot]!;
  }

  #receive(slot: number, offered: number): void {
    this.#lastMessageUs = this.#nowUs;
    this.#observer.onArrived?.(slot, offered, this.#nowUs);
    // `slot` is the receiver's end: its owner is the neighbour of the reverse slot.
    const vertex = this.#graph.neighbors[this.#graph.reverse[slot]!]!;
    const path = offered !== 0 && this.#holdsOwnAs(vertex, offered) ? 0 : offered;
    const before = this.#heard[slot]!;
    if (path === before) return;
    this.#heard[slot] = path;
    if (this.#isOwn[vertex] === 1) return;
    const best = this.#bestSlot[vertex]!;
    if (best === slot) this.#choose(vertex, this.#bestOf(vertex));
    else if (path !== 0 && this.#isPreferred(slot, best)) this.#choose(vertex, slot);
  }

  #choose(vertex: number, slot: number): void {
    this.#bestSlot[vertex] = slot;
    const passed = slot === NONE ? 0 : this.paths.extend(vertex, this.#heard[slot]!);
    this.#passed[vertex] = passed;
    this.#observer.onBestChange?.(vertex, this.#nowUs);
    this.#tellAll(vertex);
  }

  #bestOf(vertex: number): number {
    let best = NONE;
    const end = this.#graph.offsets[vertex + 1]!;
    for (let slot = this.#graph.offsets[vertex]!; slot < end; slot++) {
      if (this.#heard[slot] !== 0 && this.#isPreferred(slot, best)) best = slot;
    }
    return best;
  }

  /** Strictly better; among equals the lower slot is the lower neighbour AS. */
  #isPreferred(slot: number, than: number): boolean {
    if (than === NONE) return true;
    const difference = this.#rank(slot) - this.#rank(than);
    return difference < 0 || (difference === 0 && slot < than);
  }

  #rank(slot: number): number {
    const path = this.#heard[slot]!;
    const relation = this.#options.hasPolicy === false ? 0 : this.#graph.relations[slot]!;
    const grade = relation + (this.paths.isGraceful[path] === 1 ? GRACEFUL_CLASSES : 0);
    return grade * LENGTH_LIMIT + this.paths.length[path]!;
  }

  #tellAll(vertex: number): void {
    const end = this.#graph.offsets[vertex + 1]!;
    for (let slot = this.#graph.offsets[vertex]!; slot < end; slot++) this.#tell(vertex, slot);
  }

  /** Sends what the neighbour at `slot` should now hear, if it differs from what it heard last, and if it may go. */
  #tell(vertex: number, slot: number): void {
    const path = this.#exported(vertex, slot);
    if (path === this.#sent[slot]) return;
    const limits = this.#limits[vertex]!;
    const isLimited = path === 0 ? limits === LIMITS.everything : limits !== LIMITS.nothing;
    if (isLimited && this.#nowUs < this.#mraiEndUs[slot]!) return this.#wait(slot);
    this.#sent[slot] = path;
    if (isLimited) this.#mraiEndUs[slot] = this.#nowUs + (this.#mraiUs[slot] ?? this.#drawMraiUs());
    if (path === 0) this.counts.withdrawals += 1;
    else this.counts.announcements += 1;
    const end = this.#graph.reverse[slot]!;
    this.#observer.onSent?.(end, path, this.#nowUs);
    this.#deliver(end, path);
  }

  #exported(vertex: number, slot: number): number {
    const path = this.#passed[vertex]!;
    if (path === 0) return 0;
    const neighbor = this.#graph.neighbors[slot]!;
    if (this.#options.isLoopDetectedBySender && this.#holdsOwnAs(neighbor, path)) return 0;
    if (this.#options.hasPolicy === false || this.#isOwn[vertex] === 1) return path;
    const best = this.#bestSlot[vertex]!;
    if (slot === best || this.paths.isNoExport[this.#heard[best]!] === 1) return 0;
    const toWhom = this.#graph.relations[slot];
    if (toWhom === RELATION.peer && this.paths.isNoPeer[path] === 1) return 0;
    const isFromCustomer = this.#graph.relations[best] === RELATION.customer;
    return isFromCustomer || toWhom === RELATION.customer ? path : 0;
  }

  #deliver(slot: number, path: number): void {
    const arrivalUs = this.#nowUs + this.#drawDelayUs();
    this.#lastArrivalUs[slot] = Math.max(arrivalUs, this.#lastArrivalUs[slot]!);
    this.#heap.push(this.#lastArrivalUs[slot], slot, path);
  }

  #drawDelayUs(): number {
    const { delayUs, delayMeanUs } = this.#options;
    const [min, max] = delayUs;
    if (min === max) return min;
    if (delayMeanUs === undefined) return this.#delays.integer(min, max);
    // Inverse of the distribution; whole µs, so that the last digit of the logarithm decides nothing.
    const unit = this.#delays.integer(1, UNIT_STEPS) / UNIT_STEPS;
    return Math.min(max, min + Math.round(-delayMeanUs * Math.log(unit)));
  }

  #drawMraiUs(): number {
    const [min, max] = this.#options.mraiUs;
    return min === max ? min : this.#mrais.integer(min, max);
  }

  #wait(slot: number): void {
    if (this.#isWaking[slot] === 1) return;
    this.#isWaking[slot] = 1;
    this.#heap.push(this.#mraiEndUs[slot]!, slot, WAKE);
  }

  #wake(slot: number): void {
    this.#isWaking[slot] = 0;
    this.#tell(this.#graph.neighbors[this.#graph.reverse[slot]!]!, slot);
  }

  #holdsOwnAs(vertex: number, path: number): boolean {
    const asn = this.#graph.asn[vertex]!;
    const { head, parent } = this.paths;
    for (let at = path; at !== 0; at = parent[at]!) if (this.#graph.asn[head[at]!] === asn) return true;
    return false;
  }

  #setNow(nowUs: number): void {
    invariant(nowUs >= this.#nowUs, "time went backwards");
    this.#nowUs = nowUs;
  }
}

function drawLimits(
  vertexCount: number,
  { mraiPercent = 100, wratePercent = 0 }: EngineOptions,
  prng: Prng,
): Uint8Array {
  const limits = new Uint8Array(vertexCount);
  for (let vertex = 0; vertex < vertexCount; vertex++) {
    if (!prng.chance(mraiPercent, 100)) continue;
    limits[vertex] = prng.chance(wratePercent, 100) ? LIMITS.everything : LIMITS.announcements;
  }
  return limits;
}
