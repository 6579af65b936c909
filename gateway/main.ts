/** A process of the cast: the gateway (`node bin/cast.js gateway`). */
import { flushCompileCache } from "node:module";
import { UserError } from "#core/errors.ts";
import { runChild } from "#core/host/child.ts";
import { nowMs } from "#core/host/clock.ts";
import { EventChannel } from "#core/host/event-channel.ts";
import { randomSeed } from "#core/host/random.ts";
import { VERSION } from "#core/version.ts";
import { Prng } from "#core/prng.ts";
import type { GatewayProcessConfig } from "#core/wire/cast.ts";
import { parseGatewayConfig } from "./config.ts";
import { startGateway, type RunningGateway } from "./gateway.ts";

const startedMs = nowMs();
let gateway: RunningGateway | undefined;
let isLeaving = false;

runChild<GatewayProcessConfig>({
  async start({ document, adminToken }) {
    const parsed = parseGatewayConfig(document);
    if (!parsed.ok) {
      const issues = parsed.issues.map((issue) => `${issue.path}: ${issue.message}`).join("; ");
      throw new UserError("CONFIG_INVALID", issues);
    }
    const events = new EventChannel("gateway", process.stdout);
    gateway = await startGateway(parsed.config, {
      events,
      adminToken,
      version: VERSION,
      prng: new Prng(randomSeed()),
    });
    flushCompileCache();
    const sinceStartMs = Math.round(nowMs() - startedMs);
    events.emit({ kind: "process.ready", process: "gateway", pid: process.pid, sinceStartMs });
  },
  command(command) {
    if (command.do === "stop") void leave();
  },
  terminate() {
    void leave();
  },
});

/** Finishes what is open, then exits. */
async function leave(): Promise<void> {
  if (isLeaving) return;
  isLeaving = true;
  await gateway?.drain();
  process.exit(0);
}
