/** A process of the cast: the simulated Internet (`node bin/cast.js sim`). */
import { flushCompileCache } from "node:module";
import { runChild } from "#core/host/child.ts";
import { after, nowMs } from "#core/host/clock.ts";
import { EventChannel } from "#core/host/event-channel.ts";
import type { SimConfig } from "#core/wire/cast.ts";
import { Simulator } from "./simulator.ts";

/** Time for the last NOTIFICATIONs to leave before the process does. */
const FAREWELL_MS = 50;

const startedMs = nowMs();
let simulator: Simulator | undefined;

runChild<SimConfig>({
  async start(config) {
    const events = new EventChannel("sim", process.stdout);
    simulator = new Simulator(config, (body, atNs) => events.emit(body, atNs));
    await simulator.start();
    flushCompileCache();
    const sinceStartMs = Math.round(nowMs() - startedMs);
    events.emit({ kind: "process.ready", process: "sim", pid: process.pid, sinceStartMs });
  },
  command(command) {
    if (command.do === "stop") terminate("stopped by the lab");
  },
  terminate: () => terminate("SIGTERM"),
});

function terminate(reason: string): void {
  if (simulator === undefined) process.exit(143);
  simulator.stop(reason);
  after(FAREWELL_MS, () => process.exit(0));
}
