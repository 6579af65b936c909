/**
 * SIGSTOP: the process is frozen and keeps its sockets; the kernel goes on accepting connections for it. Proven by the
 * process' state where the system tells it (proc(5): `T`).
 */
import { nowMs, sleep } from "#core/host/clock.ts";
import { processState } from "../process-stat.ts";
import type { Fault } from "./fault.ts";

const STOP_MS_MAX = 1_000;
const POLL_MS = 2;

export const hang: Fault = {
  inject: ({ process }) => process.signal("SIGSTOP"),
  async confirm({ process }) {
    for (const untilMs = nowMs() + STOP_MS_MAX; nowMs() < untilMs; await sleep(POLL_MS)) {
      const state = processState(process.pid);
      if (state === "T") return "process state T (stopped)";
      if (!process.isRunning) throw new Error("the process has ended");
      if (state === undefined) return "SIGSTOP delivered; this system does not tell a process' state";
    }
    throw new Error(`after ${STOP_MS_MAX} ms the process was not stopped`);
  },
  remove: ({ process }) => process.signal("SIGCONT"),
};
