/**
 * The ledger on the disk. One writer: records are appended one after the other, and an append is over when the disk has it
 * (fsync), since the power may go as well as the process.
 */
import { open, readFile, rename, writeFile, type FileHandle } from "node:fs/promises";
import { codeOf } from "#core/errors.ts";
import { ledgerLine, replayLedger, type LedgerRecord, type LedgerReplay } from "./ledger.ts";

const MODE = 0o600;

export class LedgerFile {
  readonly #file: FileHandle;
  #queue: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * The ledger to go on with after `replay` of what was there: only what may still matter is taken over. Rejects when the disk
   * refuses; what was there stays then.
   */
  static async open(path: string, { armed }: LedgerReplay): Promise<LedgerFile> {
    // In one step: a crash leaves the old ledger or the new one.
    const text = armed.map((order) => ledgerLine({ do: "arm", order })).join("");
    await writeFile(`${path}.new`, text, { mode: MODE, flush: true });
    await rename(`${path}.new`, path);
    return new LedgerFile(await open(path, "a", MODE));
  }

  /** Resolves when it is on the disk. Rejects when the disk is full or gone; what was written before stays. */
  append(record: LedgerRecord): Promise<void> {
    const written = this.#queue.then(async () => {
      await this.#file.appendFile(ledgerLine(record));
      await this.#file.datasync();
    });
    this.#queue = written.catch(() => this.#closeLine());
    return written;
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#file.close();
  }

  /** Half a line may be there. What comes next begins its own, if the disk takes even that; if not, neither will it take that. */
  async #closeLine(): Promise<void> {
    await this.#file.appendFile("\n").catch(() => undefined);
  }
}

/** Of a file that is not there: nothing. */
export async function readLedger(path: string): Promise<LedgerReplay> {
  try {
    return replayLedger(await readFile(path));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return replayLedger(Buffer.alloc(0));
    throw error;
  }
}
