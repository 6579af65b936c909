/**
 * A request's body between one client and several attempts.
 *
 *     client --> [ kept chunks, at most replayBytesMax ] --> attempt 1
 *                                                      \-> attempt 2 (from the start again)
 *
 * A body whose declared length fits the replay buffer is read whole before a node is asked: a slow sender then holds
 * no node, and each attempt sends the same bytes in one write. Any other body streams to one attempt at a time while
 * its beginning is kept; once more than `replayBytesMax` has passed it cannot be sent again. Back-pressure reaches
 * the client: its socket is read only while the attempt's stream has room.
 */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

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
  #isOverflown = false;
  #isEnded = false;
  #whole: Buffer | undefined;
  /** The stream of the attempt that is being fed. */
  #reader: Readable | undefined;
  /** Kept chunks the reader has had already. */
  #readerIndex = 0;
  #onCollected: (() => void) | undefined;
  #isDiscarding = false;
  #discardedBytes = 0;

  /** `bodyBytes` as in `RequestHead`, not 0. `onTooLarge`: more than `bytesMax` have come; once. */
  constructor(
    request: IncomingMessage,
    bodyBytes: number,
    { replayBytesMax, bytesMax }: { readonly replayBytesMax: number; readonly bytesMax: number },
    onTooLarge: () => void,
  ) {
    this.#request = request;
    this.#replayBytesMax = replayBytesMax;
    this.#bytesMax = bytesMax;
    this.#onTooLarge = onTooLarge;
    this.#isCollected = bodyBytes > 0 && bodyBytes <= replayBytesMax;
    request.on("data", (chunk: Buffer) => this.#take(chunk));
    request.on("end", () => this.#finish());
    // A client that leaves mid-body closes its connection too; the exchange acts on that.
    request.on("error", () => undefined);
    if (!this.#isCollected) request.pause();
  }

  /** False once part of the body has gone that was not kept. */
  get canReplay(): boolean {
    return !this.#isOverflown;
  }

  /** True if several attempts may send it at the same time. */
  get isWhole(): boolean {
    return this.#isEnded && !this.#isOverflown;
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
    if (!this.#isOverflown && this.#bytes <= this.#replayBytesMax) this.#chunks.push(chunk);
    else this.#overflow();
    if (this.#isCollected) return;
    const reader = this.#reader;
    if (reader === undefined || reader.destroyed) return;
    // What the reader gets here live it must not get again from the kept chunks.
    this.#readerIndex = this.#chunks.length;
    if (!reader.push(chunk)) this.#request.pause();
  }

  #overflow(): void {
    if (this.#isOverflown) return;
    this.#isOverflown = true;
    this.#chunks = [];
  }

  #finish(): void {
    this.#isEnded = true;
    if (this.#reader !== undefined && !this.#reader.destroyed) this.#reader.push(null);
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
    if (this.#isEnded) reader.push(null);
    else this.#request.resume();
  }
}
