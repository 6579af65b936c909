import { expect, test } from "vitest";
import type { EventBody, JournalEvent } from "#core/wire/events.ts";
import type { RequestRecord } from "#loadtest/load/request-record.ts";
import type { FailoverEvidence } from "#loadtest/report/evidence.ts";
import { analyseFailover } from "#loadtest/report/failover.ts";
import { quantile } from "#loadtest/report/quantile.ts";
import { syntheticRun } from "./synthetic-run.ts";

const MS = 1e6;
const FAULT_NS = 100_000 * MS;
const REVIVE_MS = 3000;

interface Change {
  readonly latencyMs?: number;
  readonly error?: string;
  readonly node?: string | null;
}

/**
 * 100 requests/s from 5 s before the fault to 5 s after, one every 10 ms, all answered in 20 ms by b1-1 unless `changes`
 * says otherwise for the request due at that millisecond.
 */
function plan(changes: Readonly<Record<number, Change>>): RequestRecord[] {
  const requests: RequestRecord[] = [];
  for (let dueMs = -5000; dueMs < 5000; dueMs += 10) {
    const { latencyMs = 20, error, node = "b1-1" } = changes[dueMs] ?? {};
    const dueNs = FAULT_NS + dueMs * MS;
    requests.push({
      index: requests.length,
      dueNs,
      sentNs: dueNs,
      connectNs: null,
      firstByteNs: error === undefined ? dueNs + latencyMs * MS : null,
      endNs: dueNs + latencyMs * MS,
      status: error === undefined ? 200 : null,
      error: error ?? null,
      node: error === undefined ? node : null,
      site: error === undefined && node !== null ? node.slice(0, 2) : null,
      cohort: dueMs % 20 === 0 ? "fresh" : "keep-alive",
      vantage: "v1",
      method: "GET",
      isReused: dueMs % 20 !== 0,
    });
  }
  return requests;
}

function journal(...entries: readonly (readonly [atMs: number, body: EventBody])[]): JournalEvent[] {
  return entries.map(([atMs, body], index) => ({
    ...body,
    atNs: FAULT_NS + atMs * MS,
    source: "lab",
    seq: index + 1,
  }));
}

const FAULT: readonly [number, EventBody] = [
  0,
  { kind: "fault.injected", target: "a1", how: "kill", nodes: ["a1-1", "a1-2"] },
];
const REVIVE: readonly [number, EventBody] = [
  REVIVE_MS,
  { kind: "revive.asked", target: "a1", nodes: ["a1-1", "a1-2"] },
];

function move(vantage: string, from: string, to: string): EventBody {
  return { kind: "vantage.moved", vantage, from, to, revision: 1 };
}

function out(node: string): EventBody {
  return { kind: "gateway.node", node, site: "a1", from: "healthy", to: "ejected", reason: "ECONNRESET" };
}

function run(
  requests: RequestRecord[],
  events: JournalEvent[],
  other: Partial<FailoverEvidence> = {},
): FailoverEvidence {
  const base = syntheticRun();
  const failed = requests.filter((request) => request.error !== null).length;
  return {
    ...base,
    meta: { ...base.meta, target: "a1", nodes: ["a1-1", "a1-2"] },
    loadResult: {
      ...base.loadResult,
      rate: 100,
      planned: requests.length,
      sent: requests.length,
      ok: requests.length - failed,
      failed: { refused: failed },
      failedTotal: failed,
      failureBound: failed === 0 ? 3 / requests.length : null,
      startNs: FAULT_NS - 5000 * MS,
      vantages: base.loadResult.vantages.slice(0, 4),
    },
    requests,
    events,
    tests: [],
    ...other,
  };
}

/** Two failures in the outage, one in the return, one slow answer, one last answer of the dying node. */
const LOSSY = plan({
  [-4000]: { latencyMs: 30 },
  [-3000]: { latencyMs: 30 },
  [-2990]: { latencyMs: 30 },
  [-2980]: { latencyMs: 30 },
  [-2970]: { latencyMs: 30 },
  [-2960]: { latencyMs: 30 },
  [20]: { error: "refused", latencyMs: 5 },
  [30]: { node: "a1-1" },
  [50]: { error: "refused", latencyMs: 5 },
  [100]: { latencyMs: 300 },
  [3500]: { error: "reset", latencyMs: 5 },
});

test("the measures of a lossy failover are those computed by hand", () => {
  const { measures, budget } = analyseFailover(
    run(LOSSY, journal(FAULT, [4, out("a1-1")], [9.5, out("a1-2")], [300, out("a1-1")], REVIVE)),
  );
  // 498 requests ended before the fault; the 494th of their sorted latencies is the fifth-slowest: one of the six of 30 ms.
  expect(measures.baselineP99Ms).toBe(30);
  expect(measures.slowAboveMs).toBe(280);
  expect(measures.firstFailureMs).toBe(20);
  expect(measures.errorWindowMs).toBe(50 - 20 + 10);
  expect(measures.rerouteMs).toBe(60);
  expect(measures.recoveryMs).toBe(110);
  expect(measures.detection.map((entry) => [entry.node, entry.atMs])).toEqual([
    ["a1-1", 4],
    ["a1-2", 9.5],
  ]);
  expect(measures.detectMs).toBe(9.5);
  expect([measures.failed, measures.failedDuring, measures.failedFailback]).toEqual([3, 2, 1]);
  expect(measures.slow).toBe(1);
  expect(measures.latencyDebtMs).toBe(300 - 30);
  expect(measures.successRatio).toBe(997 / 1000);
  expect(measures.failureBound).toBeNull();
  expect(measures.resolutionMs).toBe(10);
  expect(budget.outageS).toBeCloseTo(0.03, 12);
  expect(budget.budgetS).toBeCloseTo(1296, 9);
  expect(budget.share).toBeCloseTo(0.03 / 1296, 12);
});

test("a node that the gateway never took out leaves the detection open", () => {
  const { measures } = analyseFailover(run(plan({}), journal(FAULT, [4, out("a1-1")], REVIVE)));
  expect(measures.detection).toHaveLength(1);
  expect(measures.detectMs).toBeNull();
});

test("a request in flight as the fault strikes belongs to the fault, however early it was due", () => {
  const requests = plan({ [-40]: { error: "reset", latencyMs: 45 } });
  const { measures } = analyseFailover(run(requests, journal(FAULT, REVIVE)));
  expect(measures.firstFailureMs).toBe(-40);
  expect(measures.failedDuring).toBe(1);
});

test("a failure that was over before the fault is nobody's outage", () => {
  const requests = plan({ [-400]: { error: "reset", latencyMs: 5 } });
  const { measures } = analyseFailover(run(requests, journal(FAULT, REVIVE)));
  expect([measures.failed, measures.failedDuring, measures.failedFailback]).toEqual([1, 0, 0]);
  expect(measures.firstFailureMs).toBeNull();
  expect(measures.errorWindowMs).toBeNull();
});

test("a target that answers to the end was never rerouted", () => {
  const everything = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [index * 10, { node: "a1-1" }]),
  );
  const { measures } = analyseFailover(run(plan(everything), journal(FAULT, REVIVE)));
  expect(measures.rerouteMs).toBeNull();
});

test("service that is never steady for a second has not recovered", () => {
  const everyHalfSecond = Object.fromEntries(
    [0, 500, 1000, 1500, 2000, 2500].map((dueMs) => [dueMs, { error: "timeout" }]),
  );
  const { measures } = analyseFailover(run(plan(everyHalfSecond), journal(FAULT, REVIVE)));
  expect(measures.recoveryMs).toBeNull();
});

test("without a failure the bound is 3/n and every loss figure is zero or absent", () => {
  const { measures, budget } = analyseFailover(run(plan({}), journal(FAULT, REVIVE)));
  expect(measures.failureBound).toBe(3 / 1000);
  expect(measures.firstFailureMs).toBeNull();
  expect(measures.rerouteMs).toBe(0);
  expect(measures.recoveryMs).toBe(0);
  expect(budget.share).toBe(0);
});

test("rescues count from the fault on and come off the first-try success", () => {
  const window = (rescued: number): EventBody => ({
    kind: "gateway.window",
    fromNs: 0,
    requests: 10,
    failed: 0,
    rescued,
    hedged: 2,
    resets: 0,
  });
  const { measures } = analyseFailover(
    run(plan({}), journal([-200, window(5)], FAULT, [100, window(7)], [200, window(3)], REVIVE)),
  );
  expect(measures.rescued).toBe(10);
  expect(measures.hedged).toBe(4);
  expect(measures.firstTryRatio).toBe(990 / 1000);
});

test("convergence counts the last move of each vantage, of those that moved and of all", () => {
  const events = journal(
    FAULT,
    [1, { kind: "router.session", site: "a1", node: "a1-1", state: "down", reason: "reset" }],
    [2, { kind: "site.withdrawn", site: "a1", reason: "no node left" }],
    [100, move("v1", "a1", "c1")],
    [200, move("v2", "a1", "b1")],
    [400, move("v1", "c1", "b1")],
    REVIVE,
    [3800, move("v1", "b1", "a1")],
    [3900, move("v2", "b1", "a1")],
  );
  const { convergence, measures } = analyseFailover(run(plan({}), events));
  expect(convergence.sessionDownMs).toBe(1);
  expect(convergence.withdrawnMs).toBe(2);
  expect(convergence.moves).toEqual([
    { vantage: "v2", from: "a1", to: "b1", atMs: 200 },
    { vantage: "v1", from: "a1", to: "b1", atMs: 400 },
  ]);
  // Of four vantages two stay where they are: converged at 0.
  expect(convergence.shares).toEqual([
    { share: 0.5, affectedMs: 200, allMs: 0 },
    { share: 0.8, affectedMs: 400, allMs: 400 },
    { share: 0.95, affectedMs: 400, allMs: 400 },
    { share: 1, affectedMs: 400, allMs: 400 },
  ]);
  expect(measures.failback.askedMs).toBe(3000);
  expect(measures.failback.returnedAfterMs).toBe(900);
  expect(measures.failback.readyAfterMs).toBeNull();
});

test("the phases split every request once, per cohort and per vantage", () => {
  const report = analyseFailover(run(LOSSY, journal(FAULT, [4, out("a1-1")], REVIVE)));
  for (const rows of [report.cohorts, report.vantages]) {
    const all = rows.flatMap((row) => Object.values(row.phases));
    expect(all.reduce((sum, stats) => sum + stats.sent, 0)).toBe(1000);
    expect(all.reduce((sum, stats) => sum + stats.failed, 0)).toBe(3);
  }
  const [row] = report.vantages;
  // The failover ends with its last failure, due at 50 ms: two in flight before the fault and six after it.
  expect(row?.phases.failover).toMatchObject({ sent: 8, failed: 2 });
  expect(row?.phases.down.sent).toBe(294);
  expect(row?.phases.before.sent).toBe(498);
});

test("the ribbon puts each request of its stretch into the bin of its due time", () => {
  const { ribbon } = analyseFailover(run(LOSSY, journal(FAULT, REVIVE)));
  expect(ribbon.startMs).toBe(-1000);
  expect(ribbon.sent.every((count) => count === 1)).toBe(true);
  expect(ribbon.sent).toHaveLength(300);
  const binsOf = (column: readonly number[]): number[] =>
    column.flatMap((count, bin) => (count > 0 ? [ribbon.startMs + bin * ribbon.binMs] : []));
  expect(binsOf(ribbon.failed)).toEqual([20, 50]);
  expect(binsOf(ribbon.slow)).toEqual([100]);
});

test("a prediction of the bare network is held against the bare network only", () => {
  const predicted = { moves: [], lossMin: 1.2, lossMean: 2, lossMax: 2.5, basis: "by hand" };
  const events = journal(FAULT, REVIVE);
  const base = run(LOSSY, events, { predicted });
  expect(analyseFailover(base).loss).toMatchObject({ measured: 2, isComparable: false, isWithin: null });
  const bare = { ...base, meta: { ...base.meta, mode: "anycast-only" as const } };
  expect(analyseFailover(bare).loss).toMatchObject({ isComparable: true, isWithin: true });
  const modest = { ...bare, predicted: { ...predicted, lossMax: 1 } };
  expect(analyseFailover(modest).loss.isWithin).toBe(false);
});

test("the reasons of a missed run are the steps that count, times only when strict", () => {
  const step = { expected: "x", measured: "y", state: "missed" } as const;
  const steps = [
    { ...step, name: "nothing lost", isTiming: false },
    { ...step, name: "times", isTiming: true },
  ];
  const base = run(plan({}), journal(FAULT), { verdict: "missed", steps });
  const lenient = { ...base, meta: { ...base.meta, isStrict: false } };
  expect(analyseFailover(lenient).reasons).toEqual(["nothing lost: expected x; measured y"]);
  expect(analyseFailover(base).reasons).toHaveLength(2);
});

test("a void verdict without a reason, or a reason without it, is a bug", () => {
  const base = run(plan({}), journal(FAULT));
  expect(() => analyseFailover({ ...base, verdict: "void" })).toThrow(/void/);
  expect(() => analyseFailover({ ...base, voidReasons: ["noise"] })).toThrow(/void/);
});

test("a run whose fault was never ordered has no times, and still a report", () => {
  const report = analyseFailover(run(plan({}), []));
  expect(report.fault.orderedNs).toBeNull();
  expect(report.timeline).toEqual([]);
  expect(report.measures).toMatchObject({ rerouteMs: null, recoveryMs: null, baselineP99Ms: null, slow: 0 });
  expect(report.convergence.shares.every((row) => row.allMs === null)).toBe(true);
  expect(report.vantages[0]?.phases.before.sent).toBe(1000);
});

test("the timeline tells the story in order, each thing once", () => {
  const report = analyseFailover(syntheticRun(900));
  const times = report.timeline.map((entry) => entry.atMs);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  const labels = report.timeline.map((entry) => entry.label);
  expect(labels).toEqual([
    "kill ordered",
    "router loses ny1-1",
    "router loses ny1-2",
    "ny1 withdrawn",
    "gateway takes ny1-1 out",
    "gateway takes ny1-2 out",
    "fault confirmed",
    "first failed request",
    "first rescues counted",
    "last failed request",
    "new-york moves",
    "routes settled",
    "revival asked for",
    "ny1-1 ready",
    "ny1-2 ready",
    "ny1-1 announces",
    "ny1-2 announces",
    "gateway trusts ny1-1",
    "gateway trusts ny1-2",
    "new-york moves",
    "routes settled",
  ]);
});

test("only the vantages that the fault concerns are affected", () => {
  expect(analyseFailover(syntheticRun()).affected).toEqual(["new-york"]);
});

test("deltas of the speed tests are against the first test", () => {
  const { tests } = analyseFailover(syntheticRun());
  const row = tests.rows.find((candidate) => candidate.vantage === "new-york");
  expect(row?.cells[0]?.deltaMs).toBeNull();
  expect(row?.cells[1]?.deltaMs).toBeCloseTo(row!.cells[1]!.ttfbMs! - row!.cells[0]!.ttfbMs!, 2);
  expect(tests.columns.map((column) => column.label)).toEqual(["before", "during", "after"]);
});

test("the document stays small however long the run was", () => {
  const one = plan(LOSSY.length > 0 ? { [20]: { error: "refused" } } : {});
  const many = Array.from({ length: 60 }, (_, copy) =>
    one.map((request) => ({
      ...request,
      dueNs: request.dueNs + copy * 10_000 * MS,
      error: request.error ?? (copy % 3 === 0 ? "timeout" : null),
    })),
  ).flat();
  const { chart, ribbon } = analyseFailover(run(many, journal(FAULT, [1, move("v1", "a1", "b1")])));
  for (const series of chart.affected) expect(series.atMs.length).toBeLessThanOrEqual(2000);
  expect(chart.failedAtMs.length).toBeLessThanOrEqual(2000);
  expect(ribbon.sent.length).toBeLessThanOrEqual(2000);
  expect(chart.others.atMs.length).toBeLessThanOrEqual(301);
});

test("a quantile is a sample: the smallest that enough others do not exceed", () => {
  expect(quantile([], 0.5)).toBeNull();
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
  expect(quantile([1, 2, 3, 4], 0.51)).toBe(3);
  expect(quantile([1, 2, 3, 4], 1)).toBe(4);
  expect(quantile([7], 0)).toBe(7);
});
