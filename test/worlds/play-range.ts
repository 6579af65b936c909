/** A run of seeds, played one after the other; what they gave together. In a thread of its own when there are several. */
import { parentPort, workerData } from "node:worker_threads";
import { play } from "./play.ts";
import type { Mark } from "./marks.ts";
import { worldOf } from "./world.ts";

export interface Range {
  readonly from: number;
  /** Behind the last. */
  readonly to: number;
  /** Seeds are shared out: every so-manieth one is this thread's. */
  readonly step: number;
  readonly failuresMax: number;
}

export interface FailedWorld {
  readonly seed: number;
  readonly violations: readonly string[];
}

export interface RangeResult {
  worlds: number;
  requests: number;
  attempts: number;
  steps: number;
  /** Worlds with one faulty node. */
  gentle: number;
  readonly excused: Record<string, number>;
  /** The same in worlds with one faulty node. */
  readonly excusedGentle: Record<string, number>;
  readonly marks: Partial<Record<Mark, number>>;
  readonly failed: FailedWorld[];
}

export function emptyResult(): RangeResult {
  return {
    worlds: 0,
    requests: 0,
    attempts: 0,
    steps: 0,
    gentle: 0,
    excused: {},
    excusedGentle: {},
    marks: {},
    failed: [],
  };
}

export function playRange({ from, to, step, failuresMax }: Range): RangeResult {
  const result = emptyResult();
  for (let seed = from; seed < to && result.failed.length < failuresMax; seed += step) playOne(seed, result);
  return result;
}

function playOne(seed: number, result: RangeResult): void {
  const world = worldOf(seed);
  result.worlds += 1;
  if (world.onlyFaulty !== undefined) result.gentle += 1;
  try {
    const { attempts, excused, marks, requests, steps, violations } = play(world);
    result.requests += requests;
    result.attempts += attempts;
    result.steps += steps;
    addCounts(world.onlyFaulty === undefined ? result.excused : result.excusedGentle, excused);
    addCounts(result.marks, marks);
    if (violations.length > 0) result.failed.push({ seed, violations });
  } catch (error) {
    // A broken invariant of the policy is a violation too.
    result.failed.push({ seed, violations: [error instanceof Error ? (error.stack ?? error.message) : "?"] });
  }
}

export function addCounts(to: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) to[name] = (to[name] ?? 0) + count;
}

// Between threads there is no origin.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
if (parentPort !== null) parentPort.postMessage(playRange(workerData as Range));
