/** Time and turns of this process' loop, as the session drivers of `bgp` need them. */
import type { Scheduler } from "#bgp/session-driver.ts";
import { after, nowMs } from "#core/host/clock.ts";

export const HOST_SCHEDULER: Scheduler = {
  nowMs,
  after,
  // The first of the two ends a turn that may have been under way; between them sockets are read.
  afterReads: (fn) => void setImmediate(() => setImmediate(fn)),
};
