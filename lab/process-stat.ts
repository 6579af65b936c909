/** What Linux tells about a process (proc(5)); undefined elsewhere and for a process that is gone. */
import { readFileSync } from "node:fs";

/** Start time in clock ticks since boot: together with the pid it names one process for good. */
export function processStartTicks(pid: number): string | undefined {
  return statFields(pid)?.[19];
}

/** `R` running, `S` sleeping, `T` stopped, `Z` zombie. */
export function processState(pid: number): string | undefined {
  return statFields(pid)?.[0];
}

/** From the state (field 3) on: the command before it may hold spaces and parentheses. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
