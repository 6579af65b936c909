/**
 * A process of the cast: the relay before the nodes (`node bin/cast.js relay`). Orders reach it over its HTTP API alone,
 * the lab's too: an order needs an answer, which the lab's pipe has no place for, and one way in is tested once. When it
 * dies, what it carried is reset, and the lab starts it anew with the proxies of its configuration and no toxic.
 */
import { flushCompileCache } from "node:module";
import { runChild } from "#core/host/child.ts";
import { nowMs } from "#core/host/clock.ts";
import { EventChannel } from "#core/host/event-channel.ts";
import { watchStalls } from "#core/host/stalls.ts";
import { Prng } from "#core/prng.ts";
import type { RelayConfig } from "#core/wire/cast.ts";
import { createRelayApi } from "./api/api.ts";
import { ProxyCollection } from "./proxy-collection.ts";

/** What passes is late by that much. */
const STALL_MS = 200;

const startedMs = nowMs();

runChild<RelayConfig>({
  async start({ seed, apiHost, apiPort, proxies }) {
    const events = new EventChannel("relay", process.stdout);
    const collection = new ProxyCollection(new Prng(seed).fork("relay"), events);
    // Nodes first: the gateway's first checks are on their way.
    for (const proxy of proxies) await collection.create({ ...proxy, enabled: true });
    await createRelayApi(collection).listen({ host: apiHost, port: apiPort });
    flushCompileCache();
    watchStalls(STALL_MS, (durationMs) =>
      events.emit({ kind: "stall", process: "relay", durationMs: Math.round(durationMs) }),
    );
    const sinceStartMs = Math.round(nowMs() - startedMs);
    events.emit({ kind: "process.ready", process: "relay", pid: process.pid, sinceStartMs });
  },
  command(command) {
    if (command.do === "stop") process.exit(0);
  },
  // What it carries would be reset sooner or later anyway: a relay has no end of its own to wait for.
  terminate: () => process.exit(0),
});
