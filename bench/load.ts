/**
 * Closed-loop load on one port for a fixed time: wrk where it is installed, `closed-loop.ts` where it is not. Closed
 * loop is right here and nowhere else: what is measured is the cost of a request on a busy core, and latency beside
 * it; failover is measured open-loop.
 */
import { fileURLToPath } from "node:url";
import { BenchProcess, programPath } from "./processes.ts";

export const CONNECTIONS = 64;

export interface LoadOutcome {
  readonly requests: number;
  readonly failed: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const wrk = programPath("wrk");
export const loadTool = wrk === undefined ? "closed-loop.ts" : "wrk";
const OWN_LOAD = fileURLToPath(new URL("./closed-loop.ts", import.meta.url));

export async function runLoad(port: number, seconds: number, core: number): Promise<LoadOutcome> {
  const command =
    wrk === undefined
      ? [process.execPath, OWN_LOAD, String(port), String(CONNECTIONS), String(seconds)]
      : [wrk, "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--latency", `http://127.0.0.1:${port}/`];
  const output = await new BenchProcess("load", command, { core }).output();
  const outcome = wrk === undefined ? (JSON.parse(output) as LoadOutcome) : parseWrk(output);
  if (outcome.requests === 0) throw new Error(`no request was answered on port ${port}: ${output}`);
  return outcome;
}

/** Of `wrk --latency`; exported for its test. */
export function parseWrk(output: string): LoadOutcome {
  const requests = Number(/(\d+) requests in /.exec(output)?.[1] ?? 0);
  const socketErrors = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const failed = socketErrors.reduce((sum, count) => sum + Number(count), refused);
  return { requests, failed, p50Us: percentileUs(output, "50"), p99Us: percentileUs(output, "99") };
}

const US_PER_UNIT: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 };

function percentileUs(output: string, percent: string): number {
  const [, value, unit] = new RegExp(`\\s${percent}%\\s+([\\d.]+)(us|ms|s)\\s`).exec(output) ?? [];
  return Number(value ?? Number.NaN) * (US_PER_UNIT[unit ?? ""] ?? Number.NaN);
}
