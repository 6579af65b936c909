/**
 * The guardian: a process that outlives its lab by a moment. The lab tells it the processes it starts; when the lab's
 * end of the pipe closes, however the lab ended, it kills them all, frozen ones too, and removes the lab's file.
 *
 * Standard input is NDJSON: {"watch": pid}, {"forget": pid}, {"file": path}. A pid counts only together with its start
 * time, so that a number used again by somebody else's process is never killed.
 */
import { readFileSync, rmSync } from "node:fs";
import { NdjsonReader } from "#core/host/ndjson.ts";
import { processStartTicks } from "../process-stat.ts";

const watched = new Map<number, string | undefined>();
const files = new Map<string, number>();

const reader = new NdjsonReader(hear, () => undefined);
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
process.on("SIGHUP", () => undefined);
process.stdin.on("data", (chunk: Buffer) => reader.push(chunk));
process.stdin.on("end", finish);
process.stdin.on("error", finish);

function hear(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if ("watch" in value && typeof value.watch === "number")
    watched.set(value.watch, processStartTicks(value.watch));
  if ("forget" in value && typeof value.forget === "number") watched.delete(value.forget);
  if ("file" in value && typeof value.file === "string" && "pid" in value && typeof value.pid === "number") {
    files.set(value.file, value.pid);
  }
}

function finish(): void {
  for (const [pid, start] of watched) {
    if (start !== undefined && processStartTicks(pid) !== start) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It is gone, which is what was wanted.
    }
  }
  for (const [file, pid] of files) removeOwn(file, pid);
  process.exit(0);
}

/** Another lab may have written its own by now. */
function removeOwn(file: string, pid: number): void {
  try {
    const { pid: writer } = JSON.parse(readFileSync(file, "utf8")) as { pid?: unknown };
    if (writer === pid) rmSync(file, { force: true });
  } catch {
    // No file, or not a lab's: nothing to remove.
  }
}
