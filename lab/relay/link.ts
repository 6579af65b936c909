/**
 * One direction of one connection: what its source sends goes through the toxics of this direction, in the order in which
 * they were added, to its sink.
 *
 *     source ──push──▶ stage ──▶ stage ──▶ … ──▶ outgoing ──write──▶ sink
 *                      toxic     toxic           waits while the sink is blocked
 *
 * Toxics come, change and go while bytes are under way; none is lost, doubled or overtaken by that, unless a toxic is
 * made to drop it. The link holds `HELD_BYTES_MAX` bytes and `HELD_CHUNKS_MAX` chunks, and one chunk more; then it is full and
 * its source is to be left unread. Pure: time comes in as `nowMs`, and `dueMs` says when to call `advance`.
 */
import { Stage, type Passing } from "./stage.ts";
import type { Closing, Flow } from "./toxics/toxic.ts";

/** At a latency of 300 ms a connection still carries 1.7 MB/s, and 1,000 full connections fit into 1 GB. */
export const HELD_BYTES_MAX = 512 * 1024;
/** As many as Toxiproxy's latency holds. */
export const HELD_CHUNKS_MAX = 1024;

export interface Sink {
  /** False: it wants no more until it has said so (`unblock`). */
  write(bytes: Uint8Array): boolean;
  /** Once, and nothing after it. */
  close(how: Closing): void;
}

/** A toxic of this direction, by identity. */
export interface LinkToxic {
  /** Whether its share falls on this connection. */
  readonly isInForce: boolean;
  readonly isCutAtRemoval: boolean;
  start(nowMs: number, previous?: Flow): Flow;
}

interface Station {
  readonly id: string;
  toxic: LinkToxic;
  readonly stage: Stage;
}

export class Link {
  readonly #sink: Sink;
  readonly #stations: Station[] = [];
  readonly #outgoing: Passing[] = [];
  #outgoingBytes = 0;
  #isBlocked = false;
  #isClosed = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get heldBytes(): number {
    return this.#stations.reduce((sum, { stage }) => sum + stage.heldBytes, this.#outgoingBytes);
  }

  get isFull(): boolean {
    const chunks = this.#stations.reduce((sum, { stage }) => sum + stage.heldChunks, this.#outgoing.length);
    return !this.#isClosed && (chunks >= HELD_CHUNKS_MAX || this.heldBytes >= HELD_BYTES_MAX);
  }

  /** `Infinity`: nothing happens before something else is called. */
  get dueMs(): number {
    if (this.#isClosed) return Infinity;
    return this.#stations.reduce((least, { stage }) => Math.min(least, stage.dueMs), Infinity);
  }

  push(bytes: Uint8Array, nowMs: number): void {
    this.#enter(0, { bytes, atMs: nowMs });
    this.advance(nowMs);
  }

  /** The source has ended. */
  end(how: "end" | "reset", nowMs: number): void {
    this.#enter(0, { how });
    this.advance(nowMs);
  }

  advance(nowMs: number): void {
    for (const [index, { stage }] of this.#stations.entries()) {
      stage.advance(nowMs, (passing) => this.#enter(index + 1, passing));
    }
    this.#flush();
  }

  unblock(nowMs: number): void {
    this.#isBlocked = false;
    this.advance(nowMs);
  }

  /** Nobody takes what this link carries any more. */
  abandon(): void {
    this.#isClosed = true;
    this.#stations.length = 0;
    this.#outgoing.length = 0;
    this.#outgoingBytes = 0;
  }

  add(id: string, toxic: LinkToxic, nowMs: number): void {
    if (this.#isClosed) return;
    this.#stations.push({ id, toxic, stage: new Stage(toxic.start(nowMs)) });
    this.advance(nowMs);
  }

  update(id: string, toxic: LinkToxic, nowMs: number): void {
    const index = this.#stations.findIndex((station) => station.id === id);
    const station = this.#stations[index];
    if (station === undefined) return;
    const { stage } = station;
    const emit = (passing: Passing): void => this.#enter(index + 1, passing);
    if (isHoled(station.toxic) && !toxic.isInForce) stage.cut(emit);
    else stage.replace(toxic.start(nowMs, stage.flow), nowMs, emit);
    station.toxic = toxic;
    this.advance(nowMs);
  }

  remove(id: string, nowMs: number): void {
    const index = this.#stations.findIndex((station) => station.id === id);
    const station = this.#stations[index];
    if (station === undefined) return;
    const { stage, toxic } = station;
    const emit = (passing: Passing): void => this.#enter(index + 1, passing);
    if (isHoled(toxic)) stage.cut(emit);
    else stage.release(nowMs, emit);
    this.#stations.splice(index, 1);
    this.advance(nowMs);
  }

  #enter(index: number, passing: Passing): void {
    if (this.#isClosed) return;
    const station = this.#stations[index];
    if (station !== undefined) return station.stage.push(passing);
    if ("how" in passing && passing.how === "reset") return this.#reset();
    this.#outgoing.push(passing);
    if ("bytes" in passing) this.#outgoingBytes += passing.bytes.length;
  }

  /** An RST does not wait for a sink that takes nothing. */
  #reset(): void {
    this.#flush();
    if (!this.#isClosed) this.#close("reset");
  }

  #close(how: Closing): void {
    this.abandon();
    this.#sink.close(how);
  }

  #flush(): void {
    while (!this.#isBlocked && !this.#isClosed) {
      const passing = this.#outgoing.shift();
      if (passing === undefined) return;
      if ("how" in passing) return this.#close(passing.how);
      this.#outgoingBytes -= passing.bytes.length;
      this.#isBlocked = !this.#sink.write(passing.bytes);
    }
  }
}

/** What it has dropped is missing: the connection must not go on without it. */
function isHoled({ isCutAtRemoval, isInForce }: LinkToxic): boolean {
  return isCutAtRemoval && isInForce;
}
