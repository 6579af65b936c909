/**
 * The journal on disk: whole lines are appended or nothing is. A write that fails half way (a full disk) is cut off
 * again where the file allows it, so that a reader never meets a torn line in the middle.
 */
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/** Where the journal's lines go. Each call comes after the one before it has ended. */
export interface JournalDisk {
  /** Rejects when not all of it was written; then nothing of it counts. */
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

export class JournalFile implements JournalDisk {
  readonly #path: string;
  #handle: FileHandle | undefined;
  /** Devices and pipes take no positions. */
  #isRegular = false;
  #goodBytes = 0;

  /** The file is made with the first append, readable by its owner only, and replaces what was there. */
  constructor(path: string) {
    this.#path = path;
  }

  async append(text: string): Promise<void> {
    const handle = this.#handle ?? (await this.#open());
    const bytes = Buffer.from(text);
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
    this.#handle = await open(this.#path, "w", 0o600);
    this.#isRegular = (await this.#handle.stat()).isFile();
    return this.#handle;
  }

  async #write(handle: FileHandle, bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const position = this.#isRegular ? this.#goodBytes + done : null;
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position);
      done += bytesWritten;
    }
  }
}
