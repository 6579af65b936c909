/**
 * Files that are there whole or not at all: written beside their place and moved there at the end. A full disk, a crash
 * or Ctrl-C leaves what was there before, and no half file under the name that was asked for; what a killed run left beside it
 * goes with the next one to the same name. What is no plain file (a device, a pipe, a link such as /dev/stdout) is written
 * as it stands: a plain file moved there would take its place.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf, messageOf, UserError } from "#core/errors.ts";

/** Written at once, so that a line does not cost a call. */
const CHUNK_CHARS = 64 * 1024;

export class WholeFile {
  readonly #file: string;
  /** Where it is written until it is whole; undefined: in its place. */
  readonly #partial: string | undefined;
  readonly #descriptor: number;
  #waiting: string[] = [];
  #waitingChars = 0;

  /** Throws `UserError` where the file cannot be made. */
  constructor(file: string) {
    this.#file = file;
    const partial = this.#try(() => (isReplaceable(file) ? `${file}.${process.pid}.partial` : undefined));
    if (partial !== undefined) sweepPartials(file);
    this.#descriptor = this.#try(() =>
      partial === undefined ? openSync(file, "w") : openSync(partial, "wx"),
    );
    // Only now: another's file of this name is not ours to throw away.
    this.#partial = partial;
  }

  /** Throws `UserError`; nothing of the file is left then. */
  write(text: string): void {
    this.#waiting.push(text);
    this.#waitingChars += text.length;
    if (this.#waitingChars >= CHUNK_CHARS) this.#flush();
  }

  writeBytes(bytes: Uint8Array): void {
    this.#flush();
    this.#writeAll(bytes);
  }

  /** From here on it is there. */
  finish(): void {
    this.#flush();
    this.#try(() => {
      if (this.#partial !== undefined) fsyncSync(this.#descriptor);
      closeSync(this.#descriptor);
      if (this.#partial !== undefined) renameSync(this.#partial, this.#file);
    });
  }

  /** As if it had never been begun. */
  discard(): void {
    try {
      closeSync(this.#descriptor);
    } catch {
      // It was closed, or was never open: what matters is that nothing is left.
    }
    if (this.#partial !== undefined) rmSync(this.#partial, { force: true });
  }

  #flush(): void {
    if (this.#waitingChars === 0) return;
    const text = this.#waiting.join("");
    this.#waiting = [];
    this.#waitingChars = 0;
    this.#writeAll(Buffer.from(text));
  }

  #writeAll(bytes: Uint8Array): void {
    this.#try(() => {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#descriptor, bytes, at);
    });
  }

  #try<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (this.#descriptor !== undefined) this.discard();
      throw new UserError("FILE_UNWRITABLE", `${this.#file} cannot be written: ${messageOf(error)}`, {
        hint: "name a file in a directory that is yours and has room",
        cause: error,
      });
    }
  }
}

export function writeWhole(file: string, text: string): void {
  const whole = new WholeFile(file);
  whole.write(text);
  whole.finish();
}

/** A plain file, or nothing yet. */
function isReplaceable(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isFile() ?? true;
}

/** Of runs that are no more. A run cannot do it itself: a signal ends it in the middle of its work. */
function sweepPartials(file: string): void {
  const folder = dirname(file);
  if (!existsSync(folder)) return;
  const start = `${basename(file)}.`;
  for (const name of readdirSync(folder)) {
    const pid = name.startsWith(start) ? /^(\d+)\.partial$/.exec(name.slice(start.length))?.[1] : undefined;
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM"; // Somebody else's.
  }
}
