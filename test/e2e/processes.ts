/** Processes that a command has started, by pid: who lives, and until when. */
import type { LabStatus } from "#core/wire/control.ts";
import { processState } from "#lab/process-stat.ts";

const POLL_MS = 10;

/** Of the lab itself and of everybody it started. */
export function pidsOf({ pid, sites, processes }: LabStatus): number[] {
  const children = [...sites.flatMap(({ nodes }) => nodes), ...processes];
  return [pid, ...children.flatMap((child) => (child.pid === null ? [] : [child.pid]))];
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Killed, but its parent has not asked for its status yet.
    return processState(pid) !== "Z";
  } catch {
    return false;
  }
}

/** Polls, as nobody tells the end of another's child. Those that live on after `ms`. */
export async function outliving(pids: readonly number[], ms: number): Promise<readonly number[]> {
  const untilMs = performance.now() + ms;
  while (pids.some(isAlive) && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return pids.filter(isAlive);
}
