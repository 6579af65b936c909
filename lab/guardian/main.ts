/**
 * The guardian (`node bin/cast.js guardian`): a process that outlives its lab by a moment. The lab tells it the
 * processes it starts; when the lab's end of the pipe closes, however the lab ended, it kills them all, frozen ones
 * too, removes what the lab left in its runtime directory, and ends.
 *
 * Orders are NDJSON on standard input (`GuardianOrder`). A pid counts only together with its start time, so that a
 * number used again by somebody else's process is never killed.
 */
import { NdjsonReader } from "#core/host/ndjson.ts";
import { clearLockOf } from "../runtime-lock.ts";
import { labFilePath, removeLabFile } from "../runtime-dir.ts";
import type { GuardianOrder } from "./guardian.ts";
import { killWatched } from "./kill-watched.ts";

const watched = new Map<number, string | null>();
/** Runtime directories, each with the pid of its lab. */
const dirs = new Map<string, number>();

const reader = new NdjsonReader(
  (value) => hear(value as GuardianOrder),
  () => undefined,
);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.stdin.on("data", (chunk: Buffer) => reader.push(chunk));
process.stdin.on("end", finish);
process.stdin.on("error", finish);

function hear(order: GuardianOrder): void {
  switch (order.do) {
    case "watch":
      watched.set(order.pid, order.startTicks);
      return;
    case "forget":
      watched.delete(order.pid);
      return;
    case "clear":
      dirs.set(order.dir, order.pid);
      return;
    case "keep":
      dirs.clear();
      return;
    default:
  }
}

function finish(): void {
  killWatched(watched);
  for (const [dir, pid] of dirs) clear(dir, pid);
  process.exit(0);
}

/** A directory that has gone, or a disk that refuses: what is left there holds nobody up, as its process is gone. */
function clear(dir: string, pid: number): void {
  try {
    clearLockOf(dir, pid, () => removeLabFile(labFilePath(dir), pid));
  } catch {
    // Nobody is left to be told.
  }
}
