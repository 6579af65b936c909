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
 * route that nobody has. What an option adds costs nothing where it is absent. Left out: iBGP, MED, and everything
 * Gao-Rexford does not explain (14-35 % of real decisions; Anwar et al., IMC 2015).
 *
 *     arrives --(processing, one message at a time)--> loop check --> damping --> Adj-RIB-In --> best --> export --> MRAI
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { RouteDamper, type Damping } from "./damping.ts";
import { EventWheel } from "./event-wheel.ts";
import { asBit, PathTree, type RouteMarks } from "./paths.ts";

const NONE = -1;
/** In place of a path: not a message but the end of a session's MRAI timer. */
const WAKE = -1;
/** In place of a path: what was suppressed may be used again. */
const REUSE = -2;
/** Above any relation: rank of a path with GRACEFUL_SHUTDOWN. */
const GRACEFUL_CLASSES = 3;
const LENGTH_LIMIT = 65_536;
/** Above any rank. */
const RANK_NONE = 2 * GRACEFUL_CLASSES * LENGTH_LIMIT;
const UNIT_STEPS = 2 ** 30;
/** What is true of an AS for a whole run, as bits: what its MRAI timers hold back, and what it does that others do not. */
const TRAITS = {
  holdsAnnouncements: 1,
  holdsWithdrawals: 2,
  checksLoops: 4,
  ignoresGraceful: 8,
  damps: 16,
} as const;
/** A timer that runs all the time and has not been looked at for so many periods stands anywhere. */
const PERIODS_KNOWN = 8;

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
  /**
   * The timers run all the time, as they do where one timer serves all prefixes of a session and other prefixes keep it
   * running: what is to be sent waits for its next end, the first message too. False: one timer for the prefix, idle
   * until something is sent.
   */
  readonly isMraiShared?: boolean;
  /** An AS takes its messages one after the other, and for each so long: [min, max] in µs. At once, when absent. */
  readonly processingUs?: readonly [min: number, max: number];
  /**
   * Whoever finds a session dead has its end to close (socket, BFD, timers) before others are told: [min, max] in µs. At
   * once, when absent.
   */
  readonly teardownUs?: readonly [min: number, max: number];
  /** So many percent of senders withdraw instead of sending a path that the neighbour is in (SSLD), drawn once. */
  readonly ssldPercent?: number;
  /** So many percent of the ASes honour GRACEFUL_SHUTDOWN (RFC 8326), drawn once; others see a route as any. All. */
  readonly gracefulPercent?: number;
  /** Route-flap damping, by so many percent of the ASes, drawn once. */
  readonly damping?: Damping & { readonly percent: number };
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
  readonly paths: PathTree;
  readonly counts: EngineCounts = { announcements: 0, withdrawals: 0 };
  readonly #graph: AsGraph;
  readonly #options: EngineOptions;
  readonly #delays: Prng;
  readonly #mrais: Prng;
  readonly #observer: EngineObserver;
  readonly #queue: EventWheel;
  /** Adj-RIB-In: path heard over each slot, 0 none. */
  readonly #heard: Int32Array;
  /** Adj-RIB-Out: path last sent over each slot, 0 none. */
  readonly #sent: Int32Array;
  /** MRAI of each session; empty when it is drawn anew each time. */
  readonly #mraiUs: Float64Array;
  /** Per vertex: bits of `TRAITS`. */
  readonly #traits: Uint8Array;
  readonly #damper: RouteDamper | undefined;
  readonly #processing: Prng;
  /** Per vertex: when it is done with what has arrived so far; only with `processingUs`. */
  readonly #busyUntilUs: Float64Array;
  /** 1: the owner of the slot holds the session for down. Absent until the first one falls. */
  #isDown: Uint8Array | undefined;
  /** 1: the AS tells everybody everything. Absent until the first one leaks. */
  #isLeaking: Uint8Array | undefined;
  readonly #mraiEndUs: Float64Array;
  readonly #isWaking: Uint8Array;
  /** By the sender's slot: when what was sent last over it arrives. */
  readonly #lastArrivalUs: Float64Array;
  /** Loc-RIB: slot of the best path, NONE, or own. */
  readonly #bestSlot: Int32Array;
  /** What the best path is worth; kept, because to look it up costs four misses for each message that is no better. */
  readonly #bestRank: Int32Array;
  /** The path each vertex would pass on: its best, extended by itself; a site's own root. 0 none. */
  readonly #passed: Int32Array;
  readonly #isOwn: Uint8Array;
  readonly #teardowns: Prng;
  /** How much later than now what is said leaves: its sender closes a session first. */
  #lateUs = 0;
  #nowUs = 0;
  #lastMessageUs = 0;

  constructor(graph: AsGraph, options: EngineOptions, prng: Prng, observer: EngineObserver = NOBODY) {
    const slots = graph.neighbors.length;
    this.#graph = graph;
    this.paths = new PathTree(graph.asn);
    this.#options = options;
    this.#delays = prng.fork("bgp/delay");
    this.#observer = observer;
    this.#queue = new EventWheel(options.isOrderShuffled === true ? prng.fork("bgp/order") : undefined);
    this.#heard = new Int32Array(slots);
    this.#sent = new Int32Array(slots);
    this.#isWaking = new Uint8Array(slots);
    this.#mraiEndUs = new Float64Array(slots);
    this.#lastArrivalUs = new Float64Array(slots);
    this.#bestSlot = new Int32Array(graph.vertexCount).fill(NONE);
    this.#bestRank = new Int32Array(graph.vertexCount).fill(RANK_NONE);
    this.#passed = new Int32Array(graph.vertexCount);
    this.#isOwn = new Uint8Array(graph.vertexCount);
    this.#mrais = prng.fork("bgp/mrai");
    this.#mraiUs = new Float64Array(options.isMraiJittered === true ? 0 : slots);
    for (let slot = 0; slot < this.#mraiUs.length; slot++) this.#mraiUs[slot] = this.#drawMraiUs();
    this.#traits = drawTraits(graph.vertexCount, options, prng);
    this.#damper = options.damping === undefined ? undefined : new RouteDamper(slots, options.damping);
    this.#processing = prng.fork("bgp/processing");
    this.#teardowns = prng.fork("bgp/teardown");
    this.#busyUntilUs = new Float64Array(options.processingUs === undefined ? 0 : graph.vertexCount);
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
   * The owner of `slot` finds its session dead, and forgets what the neighbour said; what is under way to it is lost.
   * The neighbour finds out by itself: its own slot is `reverse`. No flap is counted for that.
   */
  closeSession(slot: number, nowUs: number): void {
    this.#setNow(nowUs);
    const isDown = (this.#isDown ??= new Uint8Array(this.#graph.neighbors.length));
    if (isDown[slot] === 1) return;
    isDown[slot] = 1;
    this.#queue.discard((at, path) => at === ~slot || (at === slot && path !== REUSE));
    this.#sent[slot] = this.#isWaking[slot] = 0;
    this.#mraiEndUs[slot] = this.#lastArrivalUs[this.#graph.reverse[slot]!] = 0;
    this.#damper?.forget(slot);
    this.#lateUs = this.#drawTeardownUs();
    this.#hear(this.#ownerOf(slot), slot, 0);
    this.#lateUs = 0;
  }

  /** A new session between the two ends of `slot`, which ends the old one: both tell what they have. */
  openSession(slot: number, nowUs: number): void {
    const reverse = this.#graph.reverse[slot]!;
    this.closeSession(slot, nowUs);
    this.closeSession(reverse, nowUs);
    for (const end of [slot, reverse]) this.#isDown![end] = 0;
    for (const end of [slot, reverse]) this.#tell(this.#ownerOf(end), end);
  }

  /** Route leak (RFC 7908 types 1 to 4): from now on the AS tells providers and peers what it has from such, or no more. */
  setLeaking(vertex: number, isLeaking: boolean, nowUs: number): void {
    this.#setNow(nowUs);
    this.#isLeaking ??= new Uint8Array(this.#graph.vertexCount);
    this.#isLeaking[vertex] = isLeaking ? 1 : 0;
    this.#tellAll(vertex);
  }

  /** The slot through which `vertex` reaches `neighbor`; undefined when they are no neighbours. */
  slotBetween(vertex: number, neighbor: number): number | undefined {
    const end = this.#graph.offsets[vertex + 1]!;
    for (let slot = this.#graph.offsets[vertex]!; slot < end; slot++) {
      if (this.#graph.neighbors[slot] === neighbor) return slot;
    }
    return undefined;
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
    invariant(this.#queue.size === 0 && this.#lastMessageUs === 0, "adopted after the first message");
    for (const site of sites) {
      this.#isOwn[site.vertex] = 1;
      this.#passed[site.vertex] = this.paths.root(site.vertex, site);
    }
    // A next hop's path is shorter, so it is there already.
    for (const vertex of byLength(solved)) {
      const slot = this.slotBetween(vertex, solved.next[vertex]!)!;
      const path = this.#passed[solved.next[vertex]!]!;
      this.#bestSlot[vertex] = slot;
      this.#heard[slot] = path;
      this.#bestRank[vertex] = this.#rank(slot);
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

  /** When `advance` is next due, in µs; Infinity when all is quiet. */
  nextDueUs(): number {
    return this.#queue.nextUs();
  }

  /** Carries out everything that is due up to and including `nowUs`. */
  advance(nowUs: number): void {
    while (this.#queue.nextUs() <= nowUs) {
      this.#queue.pop();
      this.#setNow(this.#queue.timeUs);
      const { vertex, slot, path } = this.#queue;
      if (slot < 0) this.#process(vertex, ~slot, path);
      else if (path === WAKE) this.#wake(vertex, slot);
      else if (path === REUSE) this.#reuse(vertex, slot);
      else this.#receive(vertex, slot, path);
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
      let nextUs = this.#queue.nextUs();
      nextUs <= limitUs && nextUs < Infinity;
      nextUs = this.#queue.nextUs()
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

  #receive(vertex: number, slot: number, offered: number): void {
    this.#lastMessageUs = this.#nowUs;
    if (this.#isDown?.[slot] === 1) return;
    this.#observer.onArrived?.(slot, offered, this.#nowUs);
    const { processingUs } = this.#options;
    if (processingUs === undefined) return this.#process(vertex, slot, offered);
    const [min, max] = processingUs;
    const startUs = Math.max(this.#nowUs, this.#busyUntilUs[vertex]!);
    this.#busyUntilUs[vertex] = startUs + (min === max ? min : this.#processing.integer(min, max));
    this.#queue.push(this.#busyUntilUs[vertex], vertex, ~slot, offered);
  }

  #process(vertex: number, slot: number, offered: number): void {
    const path = offered !== 0 && this.#holdsOwnAs(vertex, offered) ? 0 : offered;
    const isDamped = this.#damper !== undefined && (this.#traits[vertex]! & TRAITS.damps) !== 0;
    this.#hear(vertex, slot, isDamped ? this.#damp(vertex, slot, path) : path);
  }

  /** What the neighbour at `slot` says now, as far as it may be used. */
  #hear(vertex: number, slot: number, path: number): void {
    if (path === this.#heard[slot]) return;
    this.#heard[slot] = path;
    if (this.#isOwn[vertex] === 1) return;
    const best = this.#bestSlot[vertex]!;
    if (best === slot) this.#choose(vertex, this.#bestOf(vertex));
    else if (path !== 0 && this.#isPreferred(slot, vertex)) this.#choose(vertex, slot);
  }

  #damp(vertex: number, slot: number, path: number): number {
    const damper = this.#damper!;
    const wasSuppressed = damper.isSuppressed(slot);
    const usable = damper.hear(slot, this.#heard[slot]!, path, this.#nowUs);
    if (!wasSuppressed && damper.isSuppressed(slot)) {
      this.#queue.push(damper.reuseUs(slot, this.#nowUs), vertex, slot, REUSE);
    }
    return usable;
  }

  #reuse(vertex: number, slot: number): void {
    const againUs = this.#damper!.reuseUs(slot, this.#nowUs);
    // It has flapped again meanwhile.
    if (againUs > this.#nowUs) this.#queue.push(againUs, vertex, slot, REUSE);
    else this.#hear(vertex, slot, this.#damper!.release(slot));
  }

  /** A slot is its owner's end of a session: the owner is whom the other end names. */
  #ownerOf(slot: number): number {
    return this.#graph.neighbors[this.#graph.reverse[slot]!]!;
  }

  #choose(vertex: number, slot: number): void {
    this.#bestSlot[vertex] = slot;
    this.#bestRank[vertex] = slot === NONE ? RANK_NONE : this.#rank(slot);
    const passed = slot === NONE ? 0 : this.paths.extend(vertex, this.#heard[slot]!);
    this.#passed[vertex] = passed;
    this.#observer.onBestChange?.(vertex, this.#nowUs);
    this.#tellAll(vertex);
  }

  #bestOf(vertex: number): number {
    let best = NONE;
    let bestRank = Infinity;
    const heard = this.#heard;
    const end = this.#graph.offsets[vertex + 1]!;
    // Among equals the first: the lower slot is the lower neighbour AS.
    for (let slot = this.#graph.offsets[vertex]!; slot < end; slot++) {
      if (heard[slot] === 0) continue;
      const rank = this.#rank(slot);
      if (rank >= bestRank) continue;
      best = slot;
      bestRank = rank;
    }
    return best;
  }

  /** Than the best: strictly, and among equals the lower slot is the lower neighbour AS. */
  #isPreferred(slot: number, vertex: number): boolean {
    const difference = this.#rank(slot) - this.#bestRank[vertex]!;
    return difference < 0 || (difference === 0 && slot < this.#bestSlot[vertex]!);
  }

  #rank(slot: number): number {
    const path = this.#heard[slot]!;
    const relation = this.#options.hasPolicy === false ? 0 : this.#graph.relations[slot]!;
    const isLast = this.paths.isGraceful[path] === 1 && this.#isGracefulHonoured(this.#ownerOf(slot));
    return (relation + (isLast ? GRACEFUL_CLASSES : 0)) * LENGTH_LIMIT + this.paths.length[path]!;
  }

  #isGracefulHonoured(vertex: number): boolean {
    return (this.#traits[vertex]! & TRAITS.ignoresGraceful) === 0;
  }

  #tellAll(vertex: number): void {
    const { offsets, relations } = this.#graph;
    const end = offsets[vertex + 1]!;
    if (!this.#isExportPlain(vertex)) {
      for (let slot = offsets[vertex]!; slot < end; slot++) this.#tell(vertex, slot);
      return;
    }
    // `#exported`, with what is the same for all neighbours looked at once.
    const best = this.#bestSlot[vertex]!;
    const path = this.#passed[vertex]!;
    const isForAll = path === 0 || relations[best] === RELATION.customer;
    const sent = this.#sent;
    for (let slot = offsets[vertex]!; slot < end; slot++) {
      const isHeard = slot !== best && (isForAll || relations[slot] === RELATION.customer);
      const exported = isHeard ? path : 0;
      if (exported !== sent[slot]) this.#offer(vertex, slot, exported);
    }
  }

  /** Nothing but policy decides who hears of the vertex's best path: the case of nearly all. */
  #isExportPlain(vertex: number): boolean {
    if (this.#options.hasPolicy === false || this.#isOwn[vertex] === 1) return false;
    if ((this.#traits[vertex]! & TRAITS.checksLoops) !== 0 || this.#isLeaking?.[vertex] === 1) return false;
    const path = this.#passed[vertex]!;
    if (path === 0) return true;
    return (
      this.paths.isNoPeer[path] === 0 && this.paths.isNoExport[this.#heard[this.#bestSlot[vertex]!]!] === 0
    );
  }

  /** Sends what the neighbour at `slot` should now hear, if it differs from what it heard last, and if it may go. */
  #tell(vertex: number, slot: number): void {
    const path = this.#exported(vertex, slot);
    if (path !== this.#sent[slot]) this.#offer(vertex, slot, path);
  }

  /** At once, or when the timer lets it go: what is best by then. */
  #offer(vertex: number, slot: number, path: number): void {
    if (this.#isDown?.[slot] === 1) return;
    const held = path === 0 ? TRAITS.holdsWithdrawals : TRAITS.holdsAnnouncements;
    if ((this.#traits[vertex]! & held) === 0) return this.#send(slot, path);
    if (this.#options.isMraiShared === true) return this.#wait(vertex, slot, this.#nextEndUs(slot));
    if (this.#nowUs < this.#mraiEndUs[slot]!) return this.#wait(vertex, slot, this.#mraiEndUs[slot]!);
    this.#mraiEndUs[slot] = this.#nowUs + this.#mraiOf(slot);
    this.#send(slot, path);
  }

  #send(slot: number, path: number): void {
    this.#sent[slot] = path;
    if (path === 0) this.counts.withdrawals += 1;
    else this.counts.announcements += 1;
    const end = this.#graph.reverse[slot]!;
    this.#observer.onSent?.(end, path, this.#nowUs);
    const leavesUs = this.#nowUs + this.#lateUs;
    const arrivalUs = Math.max(leavesUs + this.#drawDelayUs(), this.#lastArrivalUs[slot]!);
    this.#lastArrivalUs[slot] = arrivalUs;
    this.#queue.push(arrivalUs, this.#graph.neighbors[slot]!, end, path);
  }

  #exported(vertex: number, slot: number): number {
    const path = this.#passed[vertex]!;
    if (path === 0) return 0;
    const neighbor = this.#graph.neighbors[slot]!;
    if ((this.#traits[vertex]! & TRAITS.checksLoops) !== 0 && this.#holdsOwnAs(neighbor, path)) return 0;
    if (this.#options.hasPolicy === false || this.#isOwn[vertex] === 1) return path;
    const best = this.#bestSlot[vertex]!;
    if (slot === best || this.paths.isNoExport[this.#heard[best]!] === 1) return 0;
    const toWhom = this.#graph.relations[slot];
    if (toWhom === RELATION.peer && this.paths.isNoPeer[path] === 1) return 0;
    const isFromCustomer = this.#graph.relations[best] === RELATION.customer;
    if (isFromCustomer || toWhom === RELATION.customer) return path;
    return this.#isLeaking?.[vertex] === 1 ? path : 0;
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

  #drawTeardownUs(): number {
    const { teardownUs } = this.#options;
    return teardownUs === undefined ? 0 : this.#teardowns.integer(...teardownUs);
  }

  #drawMraiUs(): number {
    const [min, max] = this.#options.mraiUs;
    return min === max ? min : this.#mrais.integer(min, max);
  }

  #mraiOf(slot: number): number {
    return this.#mraiUs[slot] ?? this.#drawMraiUs();
  }

  /** Of a timer that runs all the time: its next end, after now. */
  #nextEndUs(slot: number): number {
    const periodUs = this.#mraiOf(slot);
    const lastUs = this.#mraiEndUs[slot]!;
    if (periodUs === 0) return this.#nowUs;
    const isLost = lastUs === 0 || this.#nowUs - lastUs > PERIODS_KNOWN * periodUs;
    let endUs = isLost ? this.#nowUs + this.#mrais.integer(1, periodUs) : lastUs;
    while (endUs <= this.#nowUs) endUs += periodUs;
    return (this.#mraiEndUs[slot] = endUs);
  }

  #wait(vertex: number, slot: number, untilUs: number): void {
    if (this.#isWaking[slot] === 1) return;
    this.#isWaking[slot] = 1;
    this.#queue.push(untilUs, vertex, slot, WAKE);
  }

  #wake(vertex: number, slot: number): void {
    this.#isWaking[slot] = 0;
    if (this.#options.isMraiShared !== true) return this.#tell(vertex, slot);
    const path = this.#exported(vertex, slot);
    if (path !== this.#sent[slot]) this.#send(slot, path);
  }

  #holdsOwnAs(vertex: number, path: number): boolean {
    const asn = this.#graph.asn[vertex]!;
    const { asBits, head, parent } = this.paths;
    if ((asBits[path]! & asBit(asn)) === 0) return false;
    for (let at = path; at !== 0; at = parent[at]!) if (this.#graph.asn[head[at]!] === asn) return true;
    return false;
  }

  #setNow(nowUs: number): void {
    invariant(nowUs >= this.#nowUs, "time went backwards");
    this.#nowUs = nowUs;
  }
}

/** The vertices that have a next hop, those with short paths first (counting sort). */
function byLength({ next, length }: { readonly next: Int32Array; readonly length: Uint16Array }): Int32Array {
  const longest = next.reduce(
    (most, hop, vertex) => (hop === NONE ? most : Math.max(most, length[vertex]!)),
    0,
  );
  const firstOf = new Int32Array(longest + 2);
  for (let vertex = 0; vertex < next.length; vertex++) {
    if (next[vertex] !== NONE) firstOf[length[vertex]! + 1]! += 1;
  }
  for (let hops = 1; hops < firstOf.length; hops++) firstOf[hops]! += firstOf[hops - 1]!;
  const order = new Int32Array(firstOf.at(-1)!);
  for (let vertex = 0; vertex < next.length; vertex++) {
    if (next[vertex] !== NONE) order[firstOf[length[vertex]!]!++] = vertex;
  }
  return order;
}

function drawTraits(vertexCount: number, options: EngineOptions, prng: Prng): Uint8Array {
  const { mraiPercent = 100, wratePercent = 0, ssldPercent = 0, gracefulPercent = 100, damping } = options;
  const limits = prng.fork("bgp/limits");
  const traits = new Uint8Array(vertexCount);
  // Nothing hangs on what would be drawn.
  if (mraiPercent === 100 && wratePercent === 0) traits.fill(TRAITS.holdsAnnouncements);
  else drawLimits(traits, mraiPercent, wratePercent, limits);
  drawTrait(traits, TRAITS.checksLoops, ssldPercent, prng.fork("bgp/ssld"));
  drawTrait(traits, TRAITS.ignoresGraceful, 100 - gracefulPercent, prng.fork("bgp/graceful"));
  drawTrait(traits, TRAITS.damps, damping?.percent ?? 0, prng.fork("bgp/damping"));
  return traits;
}

function drawLimits(traits: Uint8Array, mraiPercent: number, wratePercent: number, prng: Prng): void {
  for (let vertex = 0; vertex < traits.length; vertex++) {
    if (!prng.chance(mraiPercent, 100)) continue;
    traits[vertex] = TRAITS.holdsAnnouncements;
    if (prng.chance(wratePercent, 100)) traits[vertex]! |= TRAITS.holdsWithdrawals;
  }
}

function drawTrait(traits: Uint8Array, trait: number, percent: number, prng: Prng): void {
  if (percent === 0) return;
  for (let vertex = 0; vertex < traits.length; vertex++) {
    if (prng.chance(percent, 100)) traits[vertex]! |= trait;
  }
}
