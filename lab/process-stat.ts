/** What Linux tells about a process (proc(5)); undefined elsewhere and for a process that is gone. */
import { readdirSync, readFileSync } from "node:fs";
import { codeOf } from "#core/errors.ts";

/** Start time in clock ticks since boot: together with the pid it names one process for good. */
export function processStartTicks(pid: number): string | undefined {
  return statFields(pid)?.[19];
}

/** `R` running, `S` sleeping, `T` stopped, `Z` zombie. */
export function processState(pid: number): string | undefined {
  return statFields(pid)?.[0];
}

/**
 * Process `pid` lives and is the one that started at `startTicks`, as far as the system tells. A zombie is gone: it
 * does nothing any more but wait for its parent to look.
 */
export function isSameProcess(pid: number, startTicks: string | undefined): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== "EPERM") return false;
  }
  const fields = statFields(pid);
  if (fields === undefined) return true;
  const isGone = fields[0] === "Z" || fields[0] === "X";
  return !isGone && (startTicks === undefined || startTicks === fields[19]);
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

/** Clock ticks a second in proc(5), the same on every Linux that Node runs on (USER_HZ). */
const TICKS_PER_S = 100;
const MS_PER_TICK = 1_000 / TICKS_PER_S;
const BYTES_PER_KB = 1_024;
const NS_PER_MS = 1e6;

/** Processor time since its start, user and system, and resident memory. */
export function processUsage(pid: number): { readonly cpuMs: number; readonly rssBytes: number } | undefined {
  const fields = statFields(pid);
  const rssKb = residentKb(pid);
  if (fields === undefined || rssKb === undefined) return undefined;
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK,
    rssBytes: rssKb * BYTES_PER_KB,
  };
}

/**
 * Of the thread of a process that is named so (proc(5), `comm`), since its start: for how long it ran, or waited for a processor
 * that others had. Undefined: there is none.
 */
export function threadBusyMs(pid: number, name: string): number | undefined {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      if (readFileSync(`/proc/${pid}/task/${thread}/comm`, "utf8") !== `${name}\n`) continue;
      const [runNs, waitNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
      return (Number(runNs) + Number(waitNs)) / NS_PER_MS;
    }
  } catch {
    // It has gone meanwhile.
  }
  return undefined;
}

/** A zombie has none. */
function residentKb(pid: number): number | undefined {
  try {
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return match === null ? undefined : Number(match[1]);
  } catch {
    return undefined;
  }
}
