/**
 * The directory for what has come of request bodies and is too much for memory (`body.spill`): who may still write there, and how
 * much. What does not fit is not kept, and its request not repeated; nothing waits for room.
 */
import { accessSync, constants, statSync } from "node:fs";
import { readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, UserError } from "#core/errors.ts";
import { randomToken } from "#core/host/random.ts";
import type { SpillConfig } from "../config/body.ts";
import { SpillFile, type SpillFileOptions } from "./spill-file.ts";

/** Each holds one of the process's descriptors. */
const FILES_MAX = 512;
/** Of names that exist for a moment; what a crash in that moment left is taken away at the next start. */
const NAME = "anycastle-body-";

export const SPILL_RESULTS = ["kept", "full", "failed"] as const;

/** Counts on, whichever directory a configuration has. */
export interface SpillCounts extends Record<(typeof SPILL_RESULTS)[number], number> {
  /** In files now, and how many of those there are. */
  bytes: number;
  files: number;
}

export class SpillStore {
  readonly bytesMax: number;
  readonly #config: SpillConfig;
  readonly #counts: SpillCounts;

  constructor(config: SpillConfig, counts: SpillCounts) {
    this.#config = config;
    this.#counts = counts;
    this.bytesMax = config.bytesMax;
  }

  /** Undefined: there are too many. */
  open(options: Pick<SpillFileOptions, "onDrain" | "onFailed">): SpillFile | undefined {
    if (this.#counts.files >= FILES_MAX) {
      this.#counts.full += 1;
      return undefined;
    }
    this.#counts.files += 1;
    this.#counts.kept += 1;
    return new SpillFile({
      path: join(this.#config.directory, `${NAME}${randomToken()}`),
      onDrain: options.onDrain,
      onFailed: (error) => {
        this.#counts.failed += 1;
        options.onFailed(error);
      },
    });
  }

  /** Room for so many more bytes; false: there is none. */
  reserve(bytes: number): boolean {
    const isRoom = this.#counts.bytes + bytes <= this.#config.totalBytesMax;
    if (isRoom) this.#counts.bytes += bytes;
    else this.#counts.full += 1;
    return isRoom;
  }

  /** A file is closed in which so many bytes were reserved. */
  release(bytes: number): void {
    this.#counts.files -= 1;
    this.#counts.bytes -= bytes;
  }
}

/** Throws `SPILL_DIRECTORY` for what is no directory to write to. */
export function checkSpill(config: SpillConfig | undefined): void {
  if (config === undefined) return;
  const { directory } = config;
  try {
    if (!statSync(directory).isDirectory()) throw new Error("it is no directory");
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new UserError("SPILL_DIRECTORY", `body.spill.directory: ${directory}: ${messageOf(error)}`, {
      hint: `make it, for the gateway alone: install -d -m 700 ${directory}`,
      cause: error,
    });
  }
}

/** Of those who crashed. Files in use have no name. */
export async function sweepSpill({ directory }: SpillConfig): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const left = names.filter((name) => name.startsWith(NAME));
  await Promise.all(left.map((name) => unlink(join(directory, name)).catch(() => undefined)));
}
