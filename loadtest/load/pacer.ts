/**
 * Wakes a load run when its next request is due. Timers count whole milliseconds, so the last stretch before a due time
 * is waited out in turns of the event loop, each of which lets the thread sleep for at most 50 us: answers are read
 * meanwhile, and no core is burnt. Never early: a request that leaves before it is due would flatter the server.
 */
import { after, nowNs, type Timer } from "#core/host/clock.ts";

const NS_PER_MS = 1e6;
/** A timer may fire this much too late on a quiet box; nearer than that, turns of the loop take over. */
const TIMER_SLACK_NS = 1.2 * NS_PER_MS;
const NAP_MS = 0.05;

export interface Paced {
  readonly nextDueNs: number | undefined;
  pump(): void;
}

/** Runs until `nextDueNs` is undefined. Returns the way to stop earlier. */
export function pace(run: Paced): () => void {
  const lock = new Int32Array(new SharedArrayBuffer(4));
  let timer: Timer | undefined;
  let isStopped = false;
  turn();
  return () => {
    isStopped = true;
    timer?.cancel();
  };

  function turn(): void {
    if (isStopped) return;
    let dueNs = run.nextDueNs;
    if (dueNs !== undefined && dueNs <= nowNs()) {
      run.pump();
      dueNs = run.nextDueNs;
    }
    if (dueNs === undefined) return;
    const leftNs = dueNs - nowNs();
    if (leftNs > TIMER_SLACK_NS + NS_PER_MS) {
      timer = after(Math.floor((leftNs - TIMER_SLACK_NS) / NS_PER_MS), turn);
      return;
    }
    if (leftNs > 0) Atomics.wait(lock, 0, 0, Math.min(NAP_MS, leftNs / NS_PER_MS));
    setImmediate(turn);
  }
}
