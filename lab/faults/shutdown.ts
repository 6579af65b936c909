/**
 * SIGTERM: GRACEFUL_SHUTDOWN, serve until the traffic has gone, withdraw, exit. Proven by what the node says on the way
 * (draining, drained) and by its end with status 0.
 */
import { describeExit } from "../cast-process.ts";
import { within } from "../waiting.ts";
import type { Fault } from "./fault.ts";

/** The node begins at once; the rest is for a slow box. */
const DRAINING_MS_MAX = 2_000;
/** The node's own limit is 5 s; the rest is for a slow box. */
const EXIT_MS_MAX = 10_000;

export const shutdown: Fault = {
  inject: ({ process }) => process.end("SIGTERM"),
  async confirm(target) {
    const isDraining = target.hear(
      (event) => event.kind === "node.serving" && event.state === "draining",
      DRAINING_MS_MAX,
      `${target.node} to say that it is draining`,
    );
    const [exit] = await Promise.all([
      within(target.process.exited, EXIT_MS_MAX, "the process did not end"),
      isDraining,
    ]);
    if (exit.code !== 0) throw new Error(`it said that it was draining, then ${describeExit(exit)}`);
    return `said that it was draining, then ${describeExit(exit)}`;
  },
  remove: (target) => target.restart(),
};
