import { expect, test } from "vitest";
import { BFD_DEFAULTS, detectionPlan } from "#core/detection.ts";
import type { EventBody, JournalEvent } from "#core/wire/events.ts";
import type { LoadResult, Percentiles, SpeedTest, SpeedTestRow } from "#core/wire/measure.ts";
import type { GoldenEvidence } from "#drills/golden/evidence.ts";
import { judgeGolden, verdictOf, voidReasons } from "#drills/golden/judge.ts";

const MS = 1e6;
const FAULT_NS = 1000 * MS;
const REVIVE_NS = 20_000 * MS;
const HOME = new Map([
  ["new-york", "ny1"],
  ["london", "ams1"],
]);
const COLD_MS: Readonly<Record<string, number>> = {
  "new-york ny1": 34,
  "new-york la1": 231.1,
  "london ams1": 50.1,
};
const EMPTY: Percentiles = { p50: 1, p90: 1, p99: 1, p999: 1, max: 1 };

function row(
  vantage: string,
  site: string | null,
  ttfbMs: number | null,
  status: number | null = 200,
): SpeedTestRow {
  const rest = { connectMs: 1, totalMs: ttfbMs, floorMs: 0, singleOriginMs: 0, samples: [] };
  return { vantage, city: vantage, status, site, ttfbMs, ...rest };
}

function speedTest(label: string, rows: SpeedTestRow[]): SpeedTest {
  return {
    schema: "anycastle.test/v1",
    label,
    url: "http://127.0.0.1:1/",
    takenAt: "2026-01-01T00:00:00.000Z",
    startNs: 0,
    rounds: 9,
    originSite: "ny1",
    rows,
  };
}

function loadResult(changes: Partial<LoadResult> = {}): LoadResult {
  return {
    schema: "anycastle.load/v1",
    url: "http://127.0.0.1:1/",
    seed: 1,
    rate: 500,
    startNs: 0,
    endNs: 1,
    planned: 1000,
    sent: 1000,
    ok: 1000,
    failed: {},
    failedTotal: 0,
    failureBound: 0.003,
    latency: EMPTY,
    ttfb: EMPTY,
    sendLag: EMPTY,
    cohorts: [],
    vantages: [],
    duplicated: 0,
    isVoid: false,
    voidReasons: [],
    ...changes,
  };
}

function journal(...events: [atMs: number, body: EventBody][]): JournalEvent[] {
  return events.map(([atMs, body], index) => ({ seq: index + 1, atNs: atMs * MS, source: "test", ...body }));
}

function golden(changes: Partial<GoldenEvidence> = {}): GoldenEvidence {
  const home = [row("new-york", "ny1", 34.9), row("london", "ams1", 50.5)];
  return {
    target: "ny1",
    how: "kill",
    mode: "anycast",
    nodes: ["ny1-1"],
    world: { home: HOME, coldTtfbMs: (vantage, site) => COLD_MS[`${vantage} ${site}`] ?? Number.NaN },
    prediction: {
      moves: [{ vantage: "new-york", from: "ny1", to: "la1" }],
      lossMin: 0,
      lossMean: 0,
      lossMax: 36,
      basis: "one second of New York",
    },
    detection: detectionPlan(9, BFD_DEFAULTS),
    events: journal(
      [1000, { kind: "fault.injected", target: "ny1", how: "kill", nodes: ["ny1-1"] }],
      [
        1001,
        { kind: "fault.confirmed", target: "ny1", how: "kill", node: "ny1-1", evidence: "exit SIGKILL" },
      ],
      [1003, { kind: "site.withdrawn", site: "ny1", reason: "no path left" }],
      [1200, { kind: "vantage.moved", vantage: "new-york", from: "ny1", to: null, revision: 2 }],
      [1400, { kind: "vantage.moved", vantage: "new-york", from: null, to: "la1", revision: 3 }],
      [20_500, { kind: "node.serving", node: "ny1-1", state: "ready", reason: "own check" }],
      [20_501, { kind: "bgp.announced", node: "ny1-1", isGracefulShutdown: false }],
      [20_900, { kind: "vantage.moved", vantage: "new-york", from: "la1", to: "ny1", revision: 4 }],
    ),
    tests: {
      before: speedTest("before", home),
      next: speedTest("next", [row("new-york", "la1", 232), row("london", "ams1", 51)]),
      during: speedTest("during", [row("new-york", "la1", 232), row("london", "ams1", 50.9)]),
      after: speedTest("after", home),
    },
    load: loadResult(),
    failedByMethod: new Map(),
    faultNs: FAULT_NS,
    reviveNs: REVIVE_NS,
    stallsMs: [],
    stolenCores: 0,
    foreignCores: 0,
    ...changes,
  };
}

/** Names of the steps that were missed, and the strict and lenient verdicts. */
function check(changes: Partial<GoldenEvidence>, missed: string[], strict: string, lenient: string): void {
  const evidence = golden(changes);
  const steps = judgeGolden(evidence);
  expect(steps.filter((step) => step.state === "missed").map((step) => step.name)).toEqual(missed);
  expect(verdictOf(steps, voidReasons(evidence), true)).toBe(strict);
  expect(verdictOf(steps, voidReasons(evidence), false)).toBe(lenient);
}

test("the story as told holds", () => check({}, [], "held", "held"));

test("a lost GET is a miss, a lost POST is counted and shown", () => {
  check({ failedByMethod: new Map([["GET", 1]]) }, ["nothing lost"], "missed", "missed");
  check({ failedByMethod: new Map([["POST", 1]]) }, [], "held", "held");
  expect(judgeGolden(golden({ failedByMethod: new Map([["POST", 3]]) })).at(-1)?.measured).toContain(
    "3 failed",
  );
});

test("a POST done twice is a miss", () =>
  check({ load: loadResult({ duplicated: 1 }) }, ["nothing done twice"], "missed", "missed"));

test("a request that was not sent is a miss", () =>
  check({ load: loadResult({ sent: 999 }) }, ["the whole plan was sent"], "missed", "missed"));

test("a wrong time counts only in a strict run", () => {
  const { tests } = golden();
  const during = speedTest("during", [row("new-york", "la1", 262), row("london", "ams1", 50.9)]);
  check({ tests: { ...tests, during } }, ["times while it is down"], "missed", "held");
  const moved = speedTest("during", [row("new-york", "la1", 231), row("london", "ams1", 53)]);
  check({ tests: { ...tests, during: moved } }, ["the others do not notice"], "missed", "held");
});

test("a wrong site or a status that is not 200 always counts", () => {
  const { tests } = golden();
  const during = speedTest("during", [row("new-york", "ams1", 231), row("london", "ams1", 50)]);
  check({ tests: { ...tests, during } }, ["served while it is down"], "missed", "missed");
  const next = speedTest("next", [row("new-york", null, null, 502), row("london", "ams1", 50)]);
  check({ tests: { ...tests, next } }, ["the very next request"], "missed", "missed");
  // The bare network may lose the very next request: that is what the mode shows.
  check({ tests: { ...tests, next }, mode: "anycast-only" }, [], "held", "held");
});

test("a vantage that moved without need, or not where it should, is a miss", () => {
  const { events } = golden();
  const extra = journal([
    1500,
    { kind: "vantage.moved", vantage: "london", from: "ams1", to: "ny1", revision: 9 },
  ]);
  check({ events: [...events, ...extra] }, ["the network moves those it should"], "missed", "missed");
  const never = events.filter((event) => event.kind !== "vantage.moved");
  check({ events: never }, ["the network moves those it should"], "missed", "missed");
});

test("a slow convergence counts only in a strict run", () => {
  const events = golden().events.map((event) => (event.seq === 5 ? { ...event, atNs: 6100 * MS } : event));
  check({ events }, ["converged after detection"], "missed", "held");
});

test("a fault that was not seen to work is a miss", () => {
  const events = golden().events.filter((event) => event.kind !== "fault.confirmed");
  check({ events }, ["fault confirmed"], "missed", "missed");
});

/** The story with a hang: when and by what the router lost the node. */
function hung(atMs: number, reason: string): Partial<GoldenEvidence> {
  const down = { kind: "router.session", site: "ny1", node: "ny1-1", state: "down", reason } as const;
  const told = golden().events.map((event) =>
    event.kind === "fault.confirmed" ? { ...event, how: "hang" as const } : event,
  );
  return { how: "hang", events: [...told, ...journal([1000 + atMs, down])] };
}

test("silence has to be noticed by what is to notice it; when, counts only in a strict run", () => {
  const noticed = "silence is noticed";
  const inTime = "silence is noticed in time";
  check(hung(270, "BFD down: nothing heard for 300 ms"), [], "held", "held");
  check(hung(420, "BFD down: nothing heard for 300 ms"), [inTime], "missed", "held");
  check(hung(7000, "hold timer expired"), [noticed, inTime], "missed", "missed");
  const detection = detectionPlan(9, undefined);
  check({ ...hung(7000, "hold timer expired"), detection }, [], "held", "held");
});

test("a node that announces before it is ready is a miss", () => {
  const events = golden().events.filter((event) => event.kind !== "node.serving");
  check({ events }, ["announced only after proven healthy"], "missed", "missed");
});

test("the bare network may lose what was predicted and no more", () => {
  check({ mode: "anycast-only", failedByMethod: new Map([["GET", 36]]) }, [], "held", "held");
  const more = new Map([["GET", 37]]);
  check({ mode: "anycast-only", failedByMethod: more }, ["lost no more than predicted"], "missed", "missed");
});

test("a box that froze, was stolen or was shared makes the run void whatever else was measured", () => {
  const lost = new Map([["GET", 5]]);
  check({ stallsMs: [400], failedByMethod: lost }, ["nothing lost"], "void", "void");
  check({ stolenCores: 0.2 }, [], "void", "void");
  check({ foreignCores: 0.5 }, [], "void", "void");
  check({ load: loadResult({ isVoid: true, voidReasons: ["send lag"] }) }, [], "void", "void");
});
