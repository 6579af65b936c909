/** SIGKILL: the process is gone at once, and the kernel closes its sockets. Proven by its exit. */
import { within, type Fault } from "./fault.ts";

const EXIT_MS_MAX = 2_000;

export const kill: Fault = {
  endsProcess: true,
  inject: ({ process }) => process.kill("SIGKILL"),
  confirm: ({ process }) => within(process.exited, EXIT_MS_MAX, "the process did not end"),
  remove: (target) => target.restart(),
};
