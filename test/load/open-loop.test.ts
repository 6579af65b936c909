/**
 * Coordinated omission, on a virtual clock: a server that answers in 4 ms stands still for 1.4 s, once. The open loop
 * must see it in full; a loader that waits for its 100 connections, fed with the same plan, sees nothing of it.
 */
import { expect, test } from "vitest";
import type { ExchangeEnd } from "#loadtest/http/client-connection.ts";
import { LoadRun, type Transport } from "#loadtest/load/load-run.ts";
import { Plan } from "#loadtest/load/plan.ts";
import type { RequestRecord } from "#loadtest/load/request-record.ts";
import { quantile, sortedNumbers } from "#loadtest/report/quantile.ts";

const MS = 1e6;
const RATE = 2_000;
const SERVICE_NS = 4 * MS;
const STALL_FROM_NS = 20_000 * MS;
const STALL_NS = 1_400 * MS;
const STEP_NS = 0.5 * MS;

/** When a request that arrives at `atNs` is answered. */
function answeredAt(atNs: number): number {
  const isHeld = atNs + SERVICE_NS > STALL_FROM_NS && atNs < STALL_FROM_NS + STALL_NS;
  return isHeld ? STALL_FROM_NS + STALL_NS + SERVICE_NS : atNs + SERVICE_NS;
}

interface VirtualRun {
  readonly records: RequestRecord[];
  readonly warmUp: RequestRecord[];
  readonly run: LoadRun;
}

function runVirtually(options: {
  readonly answeredAt: (atNs: number) => number;
  readonly durationMs?: number;
  readonly timeoutMs?: number;
  readonly openMax?: number;
  readonly onStep?: (run: LoadRun, nowNs: number) => void;
}): VirtualRun {
  let nowNs = 0;
  const state = { isFinished: false };
  const answers: { readonly atNs: number; readonly end: () => void }[] = [];
  const transport: Transport = {
    send(_request, onEnd) {
      let isOver = false;
      const finish = (error: string | null): void => {
        if (isOver) return;
        isOver = true;
        onEnd(endAt(nowNs, error));
      };
      answers.push({ atNs: options.answeredAt(nowNs), end: () => finish(null) });
      return { isReused: true, abort: finish };
    },
  };
  const records: RequestRecord[] = [];
  const warmUp: RequestRecord[] = [];
  const run = new LoadRun({
    now: () => nowNs,
    plan: new Plan({
      rate: RATE,
      warmUpMs: 10_000,
      durationMs: options.durationMs ?? 20_000,
      vantageCount: 1,
      freshPercent: 0,
      postPercent: 0,
      seed: 1,
    }),
    vantages: ["here"],
    startNs: 0,
    timeoutMs: options.timeoutMs ?? 10_000,
    openMax: options.openMax ?? 10_000,
    transport,
    onRecord: (record, isWarmUp) => (isWarmUp ? warmUp : records).push(record),
    onSent: () => undefined,
    onFinished: () => {
      state.isFinished = true;
    },
  });
  for (let next = 0; !state.isFinished; nowNs += STEP_NS) {
    run.pump();
    for (; next < answers.length && answers[next]!.atNs <= nowNs; next++) answers[next]!.end();
    run.expire();
    options.onStep?.(run, nowNs);
  }
  return { records, warmUp, run };
}

function endAt(nowNs: number, error: string | null): ExchangeEnd {
  const status = error === null ? 200 : null;
  return {
    connectNs: null,
    firstByteNs: nowNs,
    endNs: nowNs,
    status,
    site: null,
    node: null,
    head: null,
    error,
  };
}

/** The same plan through 100 connections, each of which waits for its answer; latency from the real send time. */
function closedLoopLatenciesNs(): number[] {
  const freeAtNs = Array.from({ length: 100 }, () => 0);
  const latencies: number[] = [];
  for (let index = 0; index < RATE * 30; index++) {
    const dueNs = (index * 1e9) / RATE;
    let connection = 0;
    for (let other = 1; other < freeAtNs.length; other++) {
      if (freeAtNs[other]! < freeAtNs[connection]!) connection = other;
    }
    const sentNs = Math.max(dueNs, freeAtNs[connection]!);
    freeAtNs[connection] = answeredAt(sentNs);
    if (dueNs >= 10_000 * MS) latencies.push(freeAtNs[connection]! - sentNs);
  }
  return latencies;
}

const p99Ms = (values: Iterable<number>): number => quantile(sortedNumbers(values), 0.99)! / MS;

test("a stall of 1.4 s is seen in full: p99 is 1.2 s, over a hundred times what a closed loop says", () => {
  const { records, warmUp } = runVirtually({ answeredAt });
  expect([warmUp.length, records.length]).toEqual([RATE * 10, RATE * 20]);
  const openMs = p99Ms(records.map((record) => record.endNs! - record.dueNs));
  const closedMs = p99Ms(closedLoopLatenciesNs());
  expect(openMs).toBeGreaterThan(1_150);
  expect(openMs).toBeLessThan(1_300);
  expect(openMs / closedMs).toBeGreaterThan(100);
});

test("every planned request becomes one record, in a stall too", () => {
  const { records } = runVirtually({ answeredAt });
  expect(records.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: RATE * 20 }, (_, index) => RATE * 10 + index),
  );
  expect(records.every(({ error, sentNs, dueNs }) => error === null && sentNs! - dueNs < STEP_NS)).toBe(true);
});

test("a server that never answers costs each request its deadline, not the plan", () => {
  const { records } = runVirtually({ answeredAt: () => Infinity, durationMs: 1_000, timeoutMs: 700 });
  expect(records).toHaveLength(RATE);
  expect(new Set(records.map(({ error }) => error))).toEqual(new Set(["timeout"]));
  for (const { endNs, dueNs } of records) expect(endNs! - dueNs).toBeLessThanOrEqual(701 * MS);
});

test("too many on their way: the rest is recorded as not sent, at once", () => {
  const { records, warmUp } = runVirtually({
    answeredAt: () => Infinity,
    durationMs: 1_000,
    timeoutMs: 60_000,
    openMax: 100,
  });
  const unsent = [...warmUp, ...records].filter(({ error }) => error === "not-sent");
  expect(unsent).toHaveLength(RATE * 11 - 100);
  expect(unsent.every(({ sentNs }) => sentNs === null)).toBe(true);
});

test("a stop ends the plan there: what was due was sent and is waited for, the rest was never planned", () => {
  const { records, run } = runVirtually({
    answeredAt: (atNs) => atNs + 100 * MS,
    onStep: (run, nowNs) => {
      if (nowNs === 12_000 * MS) run.stop();
    },
  });
  expect(run.planned).toBe(RATE * 2 + 1);
  expect(records).toHaveLength(run.planned);
  expect(records.every(({ error }) => error === null)).toBe(true);
});

test("a stop in the warm-up leaves nothing planned", () => {
  const { records, run } = runVirtually({
    answeredAt,
    onStep: (run, nowNs) => {
      if (nowNs === 500 * MS) run.stop();
    },
  });
  expect([run.planned, records.length]).toEqual([0, 0]);
});
