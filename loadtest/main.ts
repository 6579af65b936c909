/**
 * A process of the cast: the load (`node bin/cast.js load`). Its own process, so that neither the gateway's work nor a
 * page's can delay a send. It exits when the plan has been run and the result is on disk.
 */
import { writeFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { runChild } from "#core/host/child.ts";
import { nowMs } from "#core/host/clock.ts";
import { EventChannel } from "#core/host/event-channel.ts";
import { watchStalls } from "#core/host/stalls.ts";
import type { LoadConfig } from "#core/wire/cast.ts";
import { parseLoadDocument } from "./load/load-document.ts";
import { Loader } from "./load/loader.ts";

const STALL_MS = 200;
const EXIT_TERMINATED = 143;

const startedMs = nowMs();
let loader: Loader | undefined;

runChild<LoadConfig>({
  async start(config) {
    wakePunctually();
    const events = new EventChannel("load", process.stdout);
    loader = new Loader(parseLoadDocument(config.document), String(process.pid), (body, atNs) =>
      events.emit(body, atNs),
    );
    flushCompileCache();
    watchStalls(STALL_MS, (durationMs) =>
      events.emit({ kind: "stall", process: "load", durationMs: Math.round(durationMs) }),
    );
    const sinceStartMs = Math.round(nowMs() - startedMs);
    events.emit({ kind: "process.ready", process: "load", pid: process.pid, sinceStartMs });
    await loader.run();
    // What was said last must be read before the process is gone; the pipe is the lab's.
    process.stdout.write("", () => process.exit(0));
  },
  command(command) {
    if (command.do === "stop") loader?.stop();
  },
  terminate() {
    if (loader === undefined) process.exit(EXIT_TERMINATED);
    loader.stop();
  },
});

/** Linux rounds every sleep up by 50 us unless told otherwise; elsewhere there is nothing to tell. */
function wakePunctually(): void {
  try {
    writeFileSync("/proc/self/timerslack_ns", "1");
  } catch {
    // Sends are then up to 50 us later; the send lag shows it.
  }
}
