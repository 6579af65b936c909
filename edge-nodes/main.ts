/** A process of the cast: one edge node (`node bin/cast.js node`). */
import { flushCompileCache } from "node:module";
import { runChild } from "#core/host/child.ts";
import { nowMs } from "#core/host/clock.ts";
import { EventChannel } from "#core/host/event-channel.ts";
import type { NodeConfig } from "#core/wire/cast.ts";
import { EdgeNode } from "./edge-node.ts";

const startedMs = nowMs();
let node: EdgeNode | undefined;

runChild<NodeConfig>({
  async start(config) {
    const events = new EventChannel(config.node, process.stdout);
    node = new EdgeNode(config, events, () => process.exit(0));
    await node.start();
    flushCompileCache(); // The next node of the cast finds compiled code.
    const sinceStartMs = Math.round(nowMs() - startedMs);
    events.emit({ kind: "process.ready", process: config.node, pid: process.pid, sinceStartMs });
  },
  command(command) {
    node?.command(command);
  },
  terminate() {
    if (node === undefined) process.exit(143);
    node.terminate();
  },
});
