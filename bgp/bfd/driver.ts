/**
 * The BFD sessions of one speaker over its datagram socket, whichever that is: finds the session a packet is for,
 * carries out what sessions ask for, and keeps one timer at the next deadline of them all.
 *
 * A receiver that wakes late reads its socket empty before it declares anybody down: libuv reads a bounded number of
 * datagrams a turn, so turns are taken until one of them brings fewer. Nor does it count its own stalls against a
 * neighbor (`stalled`).
 *
 * A packet with a discriminator of ours is for that session; one without is for the neighbor that sends from there
 * (RFC 5880 §6.3). Both must come from the neighbor's configured address: RFC 5881 §5 would have packets that crossed
 * a router refused by their TTL, which Node does not tell on reception.
 */
import { invariant } from "#core/assert.ts";
import type { Scheduler } from "../session-driver.ts";
import { decodeBfd } from "./packet.ts";
import { BfdSession, type BfdChange, type BfdTimers, type DrawInteger } from "./session.ts";

/** Where a neighbor is, as its datagrams show it. */
export interface BfdEndpoint {
  readonly address: string;
  readonly port: number;
}

export interface BfdNeighbor {
  /** Our name for it. */
  readonly name: string;
  /** Where packets to it go, and the address its own come from. */
  readonly endpoint: BfdEndpoint;
  /** Its packets come from this port only; undefined: any (RFC 5881 §4 lets it choose one). */
  readonly sourcePort: number | undefined;
}

export interface BfdHandlers {
  readonly send: (bytes: Uint8Array, to: BfdEndpoint) => void;
  readonly changed: (neighbor: string, change: BfdChange) => void;
  /** A datagram for no session. Told as often as they come: bounding it is the receiver's business. */
  readonly discarded: (reason: string, from: BfdEndpoint) => void;
}

interface Entry {
  readonly neighbor: BfdNeighbor;
  readonly session: BfdSession;
}

const SESSION_ENDED = "the BGP session ended";
const DISCRIMINATOR_MAX = 0xffff_ffff;
/** What libuv reads off a datagram socket before it turns to others. */
const DATAGRAMS_PER_TURN = 32;
/** Turns in which the socket is read before a verdict: together more than it holds by default. */
const DRAIN_TURNS_MAX = 16;

export class BfdDriver {
  readonly #timers: BfdTimers;
  readonly #draw: DrawInteger;
  readonly #scheduler: Scheduler;
  readonly #handlers: BfdHandlers;
  readonly #byName = new Map<string, Entry>();
  readonly #byDiscriminator = new Map<number, Entry>();
  #timer: { cancel(): void } | undefined;
  #timerDueMs = Infinity;
  #isDraining = false;
  #datagrams = 0;
  #isClosed = false;

  /** `draw` gives discriminators and jitter. */
  constructor(timers: BfdTimers, draw: DrawInteger, scheduler: Scheduler, handlers: BfdHandlers) {
    this.#timers = timers;
    this.#draw = draw;
    this.#scheduler = scheduler;
    this.#handlers = handlers;
  }

  /** A session with this neighbor, switched off. */
  add(neighbor: BfdNeighbor): void {
    invariant(!this.#byName.has(neighbor.name), `two BFD neighbors are named ${neighbor.name}`);
    const session = new BfdSession(this.#freshDiscriminator(), this.#timers, this.#draw);
    const entry = { neighbor, session };
    this.#byName.set(neighbor.name, entry);
    this.#byDiscriminator.set(session.localDiscriminator, entry);
  }

  session(name: string): BfdSession | undefined {
    return this.#byName.get(name)?.session;
  }

  /** Runs `change` on the session of a neighbor and carries out what follows from it. */
  drive(name: string, change: (session: BfdSession, nowMs: number) => void): void {
    const entry = this.#byName.get(name);
    if (entry === undefined || this.#isClosed) return;
    this.#run(entry, change);
    this.#arm();
  }

  /**
   * The protocol's own session with the neighbor has ended. If BFD still stands, what it knows is of a life of the
   * neighbor that may be over, and must not end the session of the next: it begins anew. Not before what has arrived was
   * read, because a goodbye may be in it, and not if it has begun anew by itself meanwhile.
   */
  sessionEnded(name: string): void {
    const session = this.session(name);
    if (session?.state !== "up") return;
    const life = session.upCount;
    this.#scheduler.afterReads(() =>
      this.drive(name, (session, nowMs) => {
        if (session.state === "up" && session.upCount === life) session.reset(SESSION_ENDED, nowMs);
      }),
    );
  }

  received(bytes: Uint8Array, from: BfdEndpoint): void {
    this.#datagrams += 1;
    if (this.#isClosed) return;
    const decoded = decodeBfd(bytes);
    if (!decoded.ok) return this.#handlers.discarded(decoded.reason, from);
    const { packet } = decoded;
    const entry =
      packet.yourDiscriminator === 0
        ? this.#ofSource(from)
        : this.#byDiscriminator.get(packet.yourDiscriminator);
    if (entry === undefined) return this.#handlers.discarded("no session for it", from);
    if (!isFrom(entry.neighbor, from))
      return this.#handlers.discarded("not from the neighbor's address", from);
    this.#run(entry, (session, nowMs) => session.receive(packet, nowMs));
    this.#arm();
  }

  /** This process could not run for so long: no neighbor's fault. */
  stalled(durationMs: number): void {
    for (const { session } of this.#byName.values()) session.creditStall(durationMs);
    if (!this.#isClosed) this.#arm();
  }

  /** No timer and no packet any more. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #run(entry: Entry, change: (session: BfdSession, nowMs: number) => void): void {
    const { session, neighbor } = entry;
    change(session, this.#scheduler.nowMs());
    const changes: BfdChange[] = [];
    for (const action of session.takeActions()) {
      if (action.do === "send") this.#handlers.send(action.bytes, neighbor.endpoint);
      else changes.push(action.change);
    }
    // Last, because what follows from a change may come back here.
    for (const change of changes) this.#handlers.changed(neighbor.name, change);
  }

  #ofSource(from: BfdEndpoint): Entry | undefined {
    for (const entry of this.#byName.values()) if (isFrom(entry.neighbor, from)) return entry;
    return undefined;
  }

  #arm(): void {
    if (this.#isDraining) return;
    let dueMs = Infinity;
    for (const { session } of this.#byName.values()) {
      dueMs = Math.min(dueMs, session.nextDeadlineMs() ?? Infinity);
    }
    if (dueMs === this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    if (dueMs === Infinity) return;
    const delayMs = Math.max(0, dueMs - this.#scheduler.nowMs());
    this.#timer = this.#scheduler.after(delayMs, () => this.#fire());
  }

  /** Packets leave at once: a busy process that waited with them would seem to be a dead one. */
  #fire(): void {
    this.#timerDueMs = Infinity;
    let isVerdictDue = false;
    for (const entry of this.#byName.values()) {
      this.#run(entry, (session, nowMs) => session.transmit(nowMs));
      if (entry.session.isVerdictDue(this.#scheduler.nowMs())) isVerdictDue = true;
    }
    if (isVerdictDue) this.#drain(DRAIN_TURNS_MAX);
    else this.#arm();
  }

  #drain(turnsLeft: number): void {
    this.#isDraining = true;
    const before = this.#datagrams;
    this.#scheduler.afterReads(() => {
      if (this.#isClosed) return;
      const isEmpty = this.#datagrams - before < DATAGRAMS_PER_TURN;
      if (!isEmpty && turnsLeft > 1) return this.#drain(turnsLeft - 1);
      this.#isDraining = false;
      for (const entry of this.#byName.values()) this.#run(entry, (session, nowMs) => session.judge(nowMs));
      this.#arm();
    });
  }

  #freshDiscriminator(): number {
    let drawn = this.#draw(1, DISCRIMINATOR_MAX);
    while (this.#byDiscriminator.has(drawn)) drawn = this.#draw(1, DISCRIMINATOR_MAX);
    return drawn;
  }
}

function isFrom({ endpoint, sourcePort }: BfdNeighbor, from: BfdEndpoint): boolean {
  return endpoint.address === from.address && (sourcePort === undefined || sourcePort === from.port);
}
