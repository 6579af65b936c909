/** SIGTERM: GRACEFUL_SHUTDOWN, serve until the traffic has gone, withdraw, exit. Proven by its exit. */
import { within, type Fault } from "./fault.ts";

/** The node's own limit is 5 s; the rest is for a slow box. */
const EXIT_MS_MAX = 10_000;

export const shutdown: Fault = {
  endsProcess: true,
  inject: ({ process }) => process.kill("SIGTERM"),
  confirm: ({ process }) => within(process.exited, EXIT_MS_MAX, "the process did not end"),
  remove: (target) => target.restart(),
};
