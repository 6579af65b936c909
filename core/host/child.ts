/**
 * The life of a process of the cast: read the configuration from the first line of standard input, hand later lines
 * on as commands, and end when the lab's end of the pipe closes, so that no process outlives its lab.
 */
import type { CastCommand, CastConfig } from "#core/wire/cast.ts";
import { NdjsonReader } from "./ndjson.ts";

/** A configuration holds a whole network at most (`LiveWorld`). */
const CONFIG_BYTES_MAX = 16 * 1024 * 1024;

export interface ChildHandlers<C extends CastConfig> {
  /** The first line. A rejection is printed and ends the process with 1. */
  readonly start: (config: C) => Promise<void>;
  /** Each later line. */
  readonly command: (command: CastCommand) => void;
  /** SIGTERM or SIGINT. The process has registered for them before it says that it is ready. */
  readonly terminate: () => void;
}

export function runChild<C extends CastConfig>(handlers: ChildHandlers<C>): void {
  let isStarted = false;
  const reader = new NdjsonReader(
    (value) => {
      if (isStarted) return handlers.command(value as CastCommand);
      isStarted = true;
      handlers.start(value as C).catch(fail);
    },
    (error) => fail(error),
    CONFIG_BYTES_MAX,
  );
  process.on("SIGTERM", () => handlers.terminate());
  process.on("SIGINT", () => undefined); // Ctrl-C reaches the whole process group; the lab decides what it means.
  process.stdin.on("data", (chunk: Buffer) => reader.push(chunk));
  process.stdin.on("end", () => process.exit(0));
  process.stdin.on("error", () => process.exit(0));
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
