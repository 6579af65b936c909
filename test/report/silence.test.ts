import { expect, test } from "vitest";
import { BFD_DEFAULTS, detectionPlan } from "#core/detection.ts";
import type { EventBody, JournalEvent } from "#core/wire/events.ts";
import { FAULT_HOWS, type FaultHow } from "#core/wire/faults.ts";
import type { FailoverEvidence } from "#loadtest/report/evidence.ts";
import { analyseFailover } from "#loadtest/report/failover.ts";
import { renderHtml } from "#loadtest/report/html.ts";
import { renderMarkdown } from "#loadtest/report/markdown.ts";
import { measureSilence, type SilentNode } from "#loadtest/report/silence.ts";
import { renderText } from "#loadtest/report/text.ts";
import { syntheticRun } from "./synthetic-run.ts";

const MS = 1e6;
const FAULT_NS = 62_000 * MS;
const BFD = detectionPlan(9, BFD_DEFAULTS);
const HOLD = detectionPlan(9, undefined);

type Entries = readonly (readonly [atMs: number, body: EventBody])[];

function journal(...entries: Entries): JournalEvent[] {
  return entries.map(([atMs, body], index) => ({
    ...body,
    atNs: FAULT_NS + atMs * MS,
    source: "sim",
    seq: index + 1,
  }));
}

function lost(reason: string): EventBody {
  return { kind: "router.session", site: "ny1", node: "ny1-1", state: "down", reason };
}

const byBfd = lost("BFD down: nothing heard for 300 ms");
const byHold = lost("hold timer expired");

function measured(plan: typeof BFD, entries: Entries, how: FaultHow = "hang"): SilentNode | undefined {
  const events = journal(...entries);
  return measureSilence({
    how,
    plan,
    nodes: ["ny1-1"],
    events,
    faultNs: FAULT_NS,
    reviveNs: FAULT_NS + 20_000 * MS,
  })?.nodes[0];
}

test("the windows are those of multiplier and interval, and of the hold timer", () => {
  expect(BFD.inForce).toMatchObject({ by: "BFD", minMs: 200, maxMs: 300, label: "BFD, 3 x 100 ms" });
  expect(BFD.inForce.meanMs).toBeCloseTo(256, 0);
  expect(BFD.holdTimer).toEqual(HOLD.inForce);
  expect(HOLD.inForce).toMatchObject({ by: "the hold timer", minMs: 6000, meanMs: 7500, maxMs: 9000 });
});

test.each<[string, typeof BFD, Entries, Partial<SilentNode>]>([
  ["by BFD in its window", BFD, [[260, byBfd]], { by: "BFD", atMs: 260, isWithin: true }],
  ["by BFD, too late", BFD, [[351, byBfd]], { by: "BFD", isWithin: false }],
  ["by BFD, sooner than it can", BFD, [[149, byBfd]], { by: "BFD", isWithin: false }],
  ["by the hold timer, though BFD is on", BFD, [[7000, byHold]], { by: "the hold timer", isWithin: false }],
  ["by the hold timer in its window", HOLD, [[7000, byHold]], { by: "the hold timer", isWithin: true }],
  ["by another sign", BFD, [[10, lost("closed by the node")]], { by: null, atMs: 10, isWithin: false }],
  ["never", BFD, [], { by: null, atMs: null, isWithin: false }],
  ["before the fault", BFD, [[-1, byBfd]], { by: null, atMs: null }],
])("lost %s", (_name, plan, entries, expected) => {
  expect(measured(plan, entries)).toMatchObject(expected);
});

test("own stalls of the routers' process widen the window, those of others and of later do not", () => {
  const stall = (process: string, durationMs: number): EventBody => ({ kind: "stall", process, durationMs });
  expect(
    measured(BFD, [
      [180, stall("sim", 400)],
      [700, byBfd],
    ]),
  ).toMatchObject({ stalledMs: 400, isWithin: true });
  expect(
    measured(BFD, [
      [180, stall("ny1-2", 400)],
      [700, byBfd],
    ]),
  ).toMatchObject({ stalledMs: 0, isWithin: false });
  expect(
    measured(BFD, [
      [700, byBfd],
      [2000, stall("sim", 400)],
    ]),
  ).toMatchObject({ stalledMs: 0, isWithin: false });
});

test("faults that end the session themselves are none of silence", () => {
  const silent = FAULT_HOWS.filter((how) => measured(BFD, [], how) !== undefined);
  expect(silent.toSorted()).toEqual(["bgp-cut", "hang", "isolate"]);
});

function hung(plan: typeof BFD, down: EventBody, atMs: number): FailoverEvidence {
  const run = syntheticRun();
  const events = run.events.filter((event) => event.kind !== "router.session");
  return {
    ...run,
    meta: { ...run.meta, how: "hang", nodes: ["ny1-1"] },
    detection: plan,
    events: [...events, ...journal([atMs, down])].toSorted((a, b) => a.atNs - b.atNs),
  };
}

test("every rendering tells what BFD detected and what the hold timer alone would have taken", () => {
  const report = analyseFailover(hung(BFD, byBfd, 268));
  const sentence =
    "Silence noticed by BFD, 3 x 100 ms: ny1-1 268.0 ms after the fault (computed 200 to 300 ms); " +
    "the hold timer, 9 s, alone would have taken 6,000 to 9,000 ms.";
  for (const text of [renderText(report, { isColour: false }), renderMarkdown(report), renderHtml(report)]) {
    expect(text).toContain(sentence);
  }
});

test("without BFD only the hold timer is told of", () => {
  const text = renderText(analyseFailover(hung(HOLD, byHold, 7000)), { isColour: false });
  expect(text).toContain("Silence noticed by the hold timer, 9 s:");
  expect(text).not.toContain("alone");
});

test("a run without such knowledge, or whose fault is none of silence, says nothing of it", () => {
  expect(analyseFailover(syntheticRun()).silence).toBeNull();
  expect(analyseFailover({ ...syntheticRun(), detection: BFD }).silence).toBeNull();
});
