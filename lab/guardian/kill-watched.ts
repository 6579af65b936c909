/** SIGKILL for processes by pid and start time: a number used again by somebody else's process is never killed. */
import { processStartTicks } from "../process-stat.ts";

/** `startTicks` null: the system does not tell, and the pid alone must do. */
export function killWatched(watched: Iterable<readonly [pid: number, startTicks: string | null]>): void {
  for (const [pid, startTicks] of watched) {
    if (startTicks !== null && processStartTicks(pid) !== startTicks) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It is gone, which is what was wanted.
    }
  }
}
