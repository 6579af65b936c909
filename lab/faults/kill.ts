/** SIGKILL: the process is gone at once, and the kernel closes its sockets. Proven by its end. */
import { describeExit } from "../cast-process.ts";
import { within } from "../waiting.ts";
import type { Fault } from "./fault.ts";

const EXIT_MS_MAX = 2_000;

export const kill: Fault = {
  inject: ({ process }) => process.end("SIGKILL"),
  async confirm({ process }) {
    return describeExit(await within(process.exited, EXIT_MS_MAX, "the process did not end"));
  },
  remove: (target) => target.restart(),
};
