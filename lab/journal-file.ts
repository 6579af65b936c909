/**
 * The journal on disk: whole lines are appended or nothing is. A write that fails half way (a full disk) is cut off
 * again where the file allows it, so that a reader never meets a torn line in the middle.
 *
 * What it takes of the disk is bounded. A file that would grow above `bytesMax` is put aside and a new one is begun;
 * the oldest goes. Each file begins with the line that names the schema, and can be read alone:
 *
 *   journal.ndjson (newest)  journal.ndjson.1  journal.ndjson.2 …  journal.ndjson.<filesMax - 1> (oldest)
 *
 * Sequence numbers go on across files. What memory holds does not depend on any of this.
 */
import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "#core/errors.ts";
import { JOURNAL_SCHEMA } from "#core/wire/events.ts";

/** Where the journal's lines go. Each call comes after the one before it has ended. */
export interface JournalDisk {
  /** Rejects when not all of it was written; then nothing of it counts. */
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

export interface JournalFileLimits {
  /** Bytes of one file. One append that is larger than this alone still stays whole. */
  readonly bytesMax: number;
  /** The file that is written and those put aside, together. */
  readonly filesMax: number;
}

/**
 * Together 320 MiB. At 500 requests/s the lab writes about 5 kB a second, so that a file holds hours, and a flood of
 * failures (one event each) still leaves what led to it.
 */
export const JOURNAL_FILE_LIMITS: JournalFileLimits = { bytesMax: 64 * 1024 * 1024, filesMax: 5 };

const HEAD = `${JSON.stringify({ schema: JOURNAL_SCHEMA })}\n`;

export class JournalFile implements JournalDisk {
  readonly #path: string;
  readonly #limits: JournalFileLimits;
  #handle: FileHandle | undefined;
  /** Devices and pipes take no positions. */
  #isRegular = false;
  #goodBytes = 0;
  /** The full file has been put aside, and the new one could not be opened until now. */
  #isAside = false;

  /**
   * The file is made with the first append, readable by its owner only, and replaces what was there, files that an
   * earlier journal of this name had put aside too.
   */
  constructor(path: string, limits: JournalFileLimits = JOURNAL_FILE_LIMITS) {
    this.#path = path;
    this.#limits = limits;
  }

  async append(text: string): Promise<void> {
    let handle = this.#handle ?? (await this.#open());
    let bytes = Buffer.from(text);
    if (this.#isFull(bytes.length)) {
      handle = await this.#rotate(handle);
      bytes = Buffer.from(HEAD + text);
    }
    try {
      await this.#write(handle, bytes);
      this.#goodBytes += bytes.length;
    } catch (error) {
      if (this.#isRegular) await handle.truncate(this.#goodBytes).catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true });
    const handle = await open(this.#path, "w", 0o600);
    this.#handle = handle;
    this.#isRegular = (await handle.stat()).isFile();
    if (this.#isRegular) {
      for (let age = 1; age < this.#limits.filesMax; age++) await rm(this.#aside(age), { force: true });
    }
    return handle;
  }

  #isFull(bytesMore: number): boolean {
    if (!this.#isRegular) return false;
    return this.#isAside || (this.#goodBytes > 0 && this.#goodBytes + bytesMore > this.#limits.bytesMax);
  }

  /** May fail at any of its steps; the next append then goes on with the one that failed. */
  async #rotate(full: FileHandle): Promise<FileHandle> {
    if (!this.#isAside) await this.#putAside();
    this.#isAside = true;
    const handle = await open(this.#path, "w", 0o600);
    this.#handle = handle;
    this.#goodBytes = 0;
    this.#isAside = false;
    await full.close().catch(() => undefined); // All of it was written before.
    return handle;
  }

  /** The oldest is replaced by the one before it; a file that is not there leaves no gap worth a failure. */
  async #putAside(): Promise<void> {
    const { filesMax } = this.#limits;
    if (filesMax === 1) return;
    for (let age = filesMax - 1; age >= 1; age--) {
      const from = age === 1 ? this.#path : this.#aside(age - 1);
      await rename(from, this.#aside(age)).catch((error: unknown) => {
        if (codeOf(error) !== "ENOENT") throw error;
      });
    }
  }

  #aside(age: number): string {
    return `${this.#path}.${age}`;
  }

  async #write(handle: FileHandle, bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const position = this.#isRegular ? this.#goodBytes + done : null;
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position);
      done += bytesWritten;
    }
  }
}
