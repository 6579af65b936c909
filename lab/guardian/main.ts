/**
 * The guardian (`node bin/cast.js guardian`): a process that outlives its lab by a moment. The lab tells it the
 * processes it starts; when the lab's end of the pipe closes, however the lab ended, it kills them all, frozen ones
 * too, removes the lab's file, and ends.
 *
 * Orders are NDJSON on standard input (`GuardianOrder`). A pid counts only together with its start time, so that a
 * number used again by somebody else's process is never killed.
 */
import { NdjsonReader } from "#core/host/ndjson.ts";
import { removeLabFile } from "../runtime-dir.ts";
import type { GuardianOrder } from "./guardian.ts";
import { killWatched } from "./kill-watched.ts";

const watched = new Map<number, string | null>();
const files = new Map<string, number>();

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
    case "remove":
      files.set(order.file, order.pid);
      return;
    default:
  }
}

function finish(): void {
  killWatched(watched);
  for (const [file, pid] of files) removeLabFile(file, pid);
  process.exit(0);
}
