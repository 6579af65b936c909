/**
 * What has come of one request body and is in nobody's memory: a file without a name, written at its end and read from any place.
 *
 *     append --> [ waiting, PENDING_BYTES_MAX ] --> file --> read, as far as it has been written
 *
 * Its name is gone before the first byte is in it, so that no crash leaves anything behind, and nobody else can open it. Nothing
 * here waits for the disk: whoever appends is told to hold back, and what cannot be kept is told once (`onFailed`); nothing can be
 * read after that. The file is closed when no call on it is under way: its number may be another file's at once.
 */
import { close, open, read, unlink, writev } from "node:fs";

/** Bytes that may wait for the disk before whoever appends has to. */
const PENDING_BYTES_MAX = 256 * 1024;
/** The same in pieces: clients may send bytes one by one, and each is an object here. */
const PENDING_CHUNKS_MAX = 1_024;
const READ_BYTES_MAX = 64 * 1024;

export class SpillShort extends Error {
  readonly code = "SPILL_SHORT";
}

export interface SpillFileOptions {
  /** Taken away again as soon as it is open. */
  readonly path: string;
  /** There is room again. */
  readonly onDrain: () => void;
  readonly onFailed: (error: Error) => void;
}

type OnRead = (chunk: Buffer | undefined) => void;

interface Reading {
  readonly position: number;
  readonly onRead: OnRead;
}

export class SpillFile {
  readonly #options: SpillFileOptions;
  #descriptor: number | undefined;
  #isBusy = true;
  #isClosed = false;
  #error: Error | undefined;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #writtenBytes = 0;
  #isHeldBack = false;
  /** It wants what has not been written yet. */
  #reading: Reading | undefined;

  constructor(options: SpillFileOptions) {
    this.#options = options;
    open(options.path, "wx+", 0o600, (error, descriptor) => {
      if (error !== null) return this.#done(error);
      this.#descriptor = descriptor;
      unlink(options.path, (cause) => this.#done(cause?.code === "ENOENT" ? null : cause));
    });
  }

  /** False: wait for `onDrain`. The bytes must not change any more. */
  append(chunk: Buffer): boolean {
    if (this.#error !== undefined || this.#isClosed) return true;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    this.#next();
    this.#isHeldBack = this.#isFull();
    return !this.#isHeldBack;
  }

  /**
   * What stands at a place that has been appended; undefined: it cannot be read any more. A later call takes the place of one that
   * waits. Nobody is called after `close`.
   */
  read(position: number, onRead: OnRead): void {
    this.#reading = { position, onRead };
    this.#next();
  }

  close(): void {
    this.#isClosed = true;
    this.#reading = undefined;
    this.#pending = [];
    this.#next();
  }

  /** One call at a time; reading first, since somebody waits for it. */
  #next(): void {
    if (this.#isBusy) return;
    if (this.#isClosed || this.#error !== undefined) return this.#end();
    const reading = this.#reading;
    if (reading !== undefined && reading.position < this.#writtenBytes) this.#readOn(reading);
    else if (this.#pending.length > 0) this.#write();
  }

  #readOn(reading: Reading): void {
    const { onRead, position } = reading;
    const length = Math.min(READ_BYTES_MAX, this.#writtenBytes - position);
    const chunk = Buffer.allocUnsafeSlow(length);
    this.#isBusy = true;
    read(this.#descriptor!, chunk, 0, length, position, (error, count) => {
      const isShort = error === null && count === 0;
      if (!this.#isClosed && error === null && !isShort) {
        // Somebody else may read by now, from the start.
        if (this.#reading === reading) this.#reading = undefined;
        onRead(chunk.subarray(0, count));
      }
      this.#done(isShort ? new SpillShort("the file is shorter than what was written to it") : error);
    });
  }

  #write(): void {
    const chunks = this.#pending;
    this.#pending = [];
    this.#isBusy = true;
    writev(this.#descriptor!, chunks, this.#writtenBytes, (error, count) => {
      if (error === null) {
        this.#writtenBytes += count;
        this.#pendingBytes -= count;
        // A disk that is nearly full takes a part: the rest gets its own answer.
        this.#pending = [...behind(chunks, count), ...this.#pending];
      }
      this.#done(error);
    });
  }

  #done(error: Error | null): void {
    this.#isBusy = false;
    if (error !== null && this.#error === undefined && !this.#isClosed) this.#fail(error);
    this.#next();
    if (!this.#isHeldBack || this.#isFull() || this.#isClosed) return;
    this.#isHeldBack = false;
    this.#options.onDrain();
  }

  #isFull(): boolean {
    return this.#pendingBytes > PENDING_BYTES_MAX || this.#pending.length > PENDING_CHUNKS_MAX;
  }

  #fail(error: Error): void {
    this.#error = error;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#options.onFailed(error);
  }

  #end(): void {
    const reading = this.#reading;
    this.#reading = undefined;
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) close(descriptor, () => undefined);
    reading?.onRead(undefined);
  }
}

function behind(chunks: readonly Buffer[], count: number): Buffer[] {
  let left = count;
  const rest: Buffer[] = [];
  for (const chunk of chunks) {
    if (left < chunk.length) rest.push(chunk.subarray(left));
    left = Math.max(0, left - chunk.length);
  }
  return rest;
}
