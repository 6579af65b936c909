/**
 * What Linux tells about a process from outside (proc(5)): memory, open descriptors, how often it woke up, children.
 * Wake-ups show what no descriptor shows: a timer that was never cancelled goes on firing while nothing is to be done.
 * Undefined for a process that is gone. Elsewhere than on Linux there is nothing to read.
 */
import { readdirSync, readFileSync } from "node:fs";
import { processStartTicks } from "#lab/process-stat.ts";

const BYTES_PER_KB = 1_024;

export interface ProcessSample {
  /** With the pid, one process for good. */
  readonly startTicks: string;
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Voluntary context switches of all threads since the start. */
  readonly wakeUps: number;
}

export function sampleProcess(pid: number): ProcessSample | undefined {
  const startTicks = processStartTicks(pid);
  if (startTicks === undefined) return undefined;
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const threads = readdirSync(`/proc/${pid}/task`);
    return {
      startTicks,
      rssBytes: fieldOf(status, "VmRSS") * BYTES_PER_KB,
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      threads: threads.length,
      wakeUps: threads.reduce((sum, thread) => sum + wakeUpsOf(pid, thread), 0),
    };
  } catch {
    return undefined; // It ended while it was being looked at.
  }
}

/** Pids of the children of any of its threads, zombies too. */
export function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
      if (Number(parent) === pid) children.push(Number(name));
    } catch {
      // It ended since the list was made.
    }
  }
  return children;
}

function wakeUpsOf(pid: number, thread: string): number {
  return fieldOf(readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8"), "voluntary_ctxt_switches");
}

/** 0 for a zombie, which has no memory any more. */
function fieldOf(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
}
