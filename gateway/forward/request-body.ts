/**
 * A request's body between one client and several attempts.
 *
 *     client --> [ kept chunks, at most replayBytesMax ] [ spill file, where there is one ] --> attempt 1
 *                                                                                         \-> attempt 2 (from the start again)
 *
 * A body whose declared length fits the replay buffer is read whole before a node is asked: a slow sender then holds
 * no node, and each attempt sends the same bytes in one write. Any other body streams to one attempt at a time while
 * its beginning is kept; once more than `replayBytesMax` has passed, the rest goes to a file (`body.spill`), or it cannot be sent again.
 * Back-pressure reaches the client: its socket is read only while the attempt's stream has room, and the file's queue.
 */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { BODY_LOST } from "../resilience/failure-class.ts";
import type { SpillFile } from "./spill-file.ts";
import type { SpillStore } from "./spill-store.ts";

/** Why it cannot be sent again: it has too many bytes, the disk has no room for it, or the disk failed. */
export type BodyLoss = "too-large-to-repeat" | "spill-full" | "spill-failed";

export type BodyForAttempt = Buffer | Readable | null;

/** An answered request's body may run on for this long; then the client's connection is closed. */
const DISCARD_BYTES_MAX = 1024 * 1024;

export class RequestBody {
  readonly #request: IncomingMessage;
  readonly #replayBytesMax: number;
  readonly #bytesMax: number;
  readonly #onTooLarge: () => void;
  readonly #isCollected: boolean;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Undefined: all that has come is kept. */
  #loss: BodyLoss | undefined;
  readonly #store: SpillStore | undefined;
  /** Behind the kept chunks. */
  #spill: SpillFile | undefined;
  #spilledBytes = 0;
  /** The file's queue is full. */
  #isHeldBack = false;
  #isEnded = false;
  #whole: Buffer | undefined;
  /** The stream of the attempt that is being fed. */
  #reader: Readable | undefined;
  /** Kept chunks the reader has had already. */
  #readerIndex = 0;
  /** The same of the file, in bytes. */
  #readerBytes = 0;
  /** It waits for the file. */
  #isReadingFile = false;
  /** It has had everything, and has room for more. */
  #isReaderHungry = false;
  #onCollected: (() => void) | undefined;
  #isDiscarding = false;
  #discardedBytes = 0;

  /** `bodyBytes` as in `RequestHead`, not 0. `onTooLarge`: more than `bytesMax` have come; once. */
  constructor(
    request: IncomingMessage,
    bodyBytes: number,
    {
      replayBytesMax,
      bytesMax,
      spill,
    }: {
      readonly replayBytesMax: number;
      readonly bytesMax: number;
      readonly spill: SpillStore | undefined;
    },
    onTooLarge: () => void,
  ) {
    this.#request = request;
    this.#replayBytesMax = replayBytesMax;
    this.#bytesMax = bytesMax;
    this.#store = spill;
    this.#onTooLarge = onTooLarge;
    this.#isCollected = bodyBytes > 0 && bodyBytes <= replayBytesMax;
    request.on("data", (chunk: Buffer) => this.#take(chunk));
    request.on("end", () => this.#finish());
    // A client that leaves mid-body closes its connection too; the exchange acts on that.
    request.on("error", () => undefined);
    if (!this.#isCollected) request.pause();
  }

  /** Present once part of the body has gone that was not kept. */
  get loss(): BodyLoss | undefined {
    return this.#loss;
  }

  get canReplay(): boolean {
    return this.#loss === undefined;
  }

  /** True if several attempts may send it at the same time. */
  get isWhole(): boolean {
    return this.#isEnded && this.canReplay && this.#spill === undefined;
  }

  /** It is read whole before a node is asked: nobody waits for its client after that. */
  get isCollected(): boolean {
    return this.#isCollected;
  }

  /** Calls back at once, or when a body that is read whole first has been read. */
  whenReady(callback: () => void): void {
    if (!this.#isCollected || this.#isEnded) callback();
    else this.#onCollected = callback;
  }

  /** The body for one attempt. A streaming body leaves the attempt that had it before. */
  open(): BodyForAttempt {
    if (this.isWhole) {
      this.#whole ??= this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      return this.#whole.length === 0 ? null : this.#whole;
    }
    this.#reader?.destroy();
    this.#request.pause();
    this.#readerIndex = 0;
    this.#readerBytes = 0;
    this.#isReadingFile = false;
    this.#isReaderHungry = false;
    const reader = new Readable({ read: () => this.#feed() });
    // The attempt that reads it reports what went wrong; a stream that was left behind has nobody to tell.
    reader.on("error", () => undefined);
    this.#reader = reader;
    return reader;
  }

  /**
   * Nobody will read the rest. It is taken in and thrown away, so that the connection's next request is found behind
   * it and a client that sends before it reads gets its answer, but not without end.
   */
  discard(): void {
    this.#onCollected = undefined;
    this.#reader?.destroy();
    this.#reader = undefined;
    this.#chunks = [];
    this.#closeSpill();
    this.#isDiscarding = true;
    if (!this.#isEnded) this.#request.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#isDiscarding) {
      this.#discardedBytes += chunk.length;
      if (this.#discardedBytes > DISCARD_BYTES_MAX) this.#request.destroy();
      return;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > this.#bytesMax) return this.#onTooLarge();
    this.#keep(chunk);
    if (this.#isCollected) return;
    if (this.#isHeldBack) this.#request.pause();
    const reader = this.#reader;
    if (reader === undefined || reader.destroyed) return;
    // What the reader gets here live it must not get again from what is kept.
    this.#readerIndex = this.#chunks.length;
    this.#readerBytes = this.#spilledBytes;
    this.#isReaderHungry = reader.push(chunk);
    if (!this.#isReaderHungry) this.#request.pause();
  }

  #keep(chunk: Buffer): void {
    if (this.#loss !== undefined) return;
    if (this.#spill === undefined && this.#bytes <= this.#replayBytesMax) this.#chunks.push(chunk);
    else if (this.#store === undefined || this.#spilledBytes + chunk.length > this.#store.bytesMax)
      this.#lose("too-large-to-repeat");
    else this.#spillOver(this.#store, chunk);
  }

  #spillOver(store: SpillStore, chunk: Buffer): void {
    this.#spill ??= store.open({
      onDrain: () => this.#letGo(),
      onFailed: () => this.#lose("spill-failed"),
    });
    if (this.#spill === undefined || !store.reserve(chunk.length)) return this.#lose("spill-full");
    this.#spilledBytes += chunk.length;
    this.#isHeldBack = !this.#spill.append(chunk);
  }

  /** The attempt under way goes on, unless it had not yet had all that was kept: half a body is nobody's. */
  #lose(loss: BodyLoss): void {
    if (this.#loss !== undefined) return;
    this.#loss = loss;
    const isReplaying = this.#readerIndex < this.#chunks.length || this.#readerBytes < this.#spilledBytes;
    if (isReplaying) this.#reader?.destroy(new BodyLost());
    this.#chunks = [];
    this.#closeSpill();
    this.#readerIndex = 0;
    this.#readerBytes = 0;
  }

  #closeSpill(): void {
    if (this.#spill === undefined) return;
    this.#spill.close();
    this.#spill = undefined;
    this.#store!.release(this.#spilledBytes);
    this.#spilledBytes = 0;
    this.#letGo();
  }

  /** The file holds nobody up any more. */
  #letGo(): void {
    if (!this.#isHeldBack) return;
    this.#isHeldBack = false;
    if (this.#isReaderHungry || this.#reader?.destroyed === true) this.#request.resume();
  }

  #finish(): void {
    this.#isEnded = true;
    const isLive = this.#readerIndex === this.#chunks.length && this.#readerBytes === this.#spilledBytes;
    if (isLive && this.#reader !== undefined && !this.#reader.destroyed) this.#reader.push(null);
    const callback = this.#onCollected;
    this.#onCollected = undefined;
    callback?.();
  }

  /** The reader has room: first what was kept, then the client's socket. */
  #feed(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    while (this.#readerIndex < this.#chunks.length) {
      const chunk = this.#chunks[this.#readerIndex]!;
      this.#readerIndex += 1;
      if (!reader.push(chunk)) return;
    }
    if (this.#readerBytes < this.#spilledBytes) return this.#feedFromFile(reader, this.#spill!);
    if (this.#isEnded) {
      reader.push(null);
      return;
    }
    this.#isReaderHungry = true;
    if (!this.#isHeldBack) this.#request.resume();
  }

  /**
   * A push makes it read again, if there is room. That of a kept chunk may do so while the file is still being read: the same
   * bytes would come twice.
   */
  #feedFromFile(reader: Readable, spill: SpillFile): void {
    if (this.#isReadingFile) return;
    this.#isReadingFile = true;
    spill.read(this.#readerBytes, (chunk) => {
      if (this.#reader !== reader || reader.destroyed) return;
      this.#isReadingFile = false;
      if (chunk === undefined) {
        reader.destroy(new BodyLost());
        return;
      }
      this.#readerBytes += chunk.length;
      reader.push(chunk);
    });
  }
}

/** An attempt was sending what is not kept any more. */
class BodyLost extends Error {
  readonly code = BODY_LOST;

  constructor() {
    super("what was kept of the body has gone");
  }
}
