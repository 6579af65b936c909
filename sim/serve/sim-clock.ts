/**
 * Time as the simulator's driving parts need it: one monotonic axis in two units, timers, and "after the sockets were
 * read". The process runs on the host's clock; tests put a clock of their own in its place.
 */
import type { Scheduler } from "#bgp/session-driver.ts";
import { after, nowMs, nowUs } from "#core/host/clock.ts";

export interface SimClock extends Scheduler {
  /** Whole microseconds on the same axis as `nowMs`. */
  nowUs(): number;
}

export const HOST_CLOCK: SimClock = {
  nowMs,
  nowUs,
  after,
  // libuv reads a bounded number of sockets a turn: two turns for what came in during a stall.
  afterReads: (fn) => void setImmediate(() => setImmediate(fn)),
};
