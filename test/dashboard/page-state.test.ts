/** What the page knows, message by message: the same from a snapshot as from having been there. */
import { expect, test } from "vitest";
import { Journal } from "#lab/journal.ts";
import { PageMemory } from "#lab/page/page-memory.ts";
import { fromSnapshot, hear, type PageState } from "#dashboard/model/page-state.ts";
import { eventsAt, kill, loadWindow, mended, moved, row, snapshotOf, type At } from "./events.ts";

const RUN: readonly At[] = [
  [0, { kind: "lab.started", seed: 1, mode: "anycast", version: "1" }],
  [10, { kind: "process.started", process: "ny1-1", pid: 7 }],
  [20, { kind: "node.serving", node: "ny1-1", state: "ready", reason: "own readiness answers" }, "ny1-1"],
  [100, { kind: "load.started", rate: 200, planned: 100, startNs: 0 }, "load"],
  [200, loadWindow(30, 60), "load"],
  [300, row(1, "new-york", "ny1", 34), "load"],
  [301, row(1, "london", "ams1", 51), "load"],
  [302, { kind: "test.finished", label: "t", ok: 2, failed: 0 }, "load"],
  [400, kill("ny1")],
  [410, loadWindow(31, 230, 2), "load"],
  [
    411,
    { kind: "gateway.window", fromNs: 0, requests: 20, failed: 0, rescued: 3, hedged: 1, resets: 0 },
    "gateway",
  ],
  [420, moved("new-york", "ny1", "la1"), "sim"],
  [500, row(2, "new-york", "la1", 231), "load"],
  [501, row(2, "london", "ams1", 52), "load"],
  [502, { kind: "test.finished", label: "t", ok: 2, failed: 0 }, "load"],
  [510, { kind: "process.log", process: "ny1-1", line: "bye" }, "ny1-1"],
];
const LATER: readonly At[] = [
  [600, { kind: "revive.asked", target: "ny1", nodes: ["ny1-1", "ny1-2"] }],
  [601, mended("ny1-1")],
  [700, loadWindow(30, 61), "load"],
  [800, { kind: "process.usage", processes: [] }],
];

function live(script: readonly At[]): PageState {
  return eventsAt(script).reduce(hear, fromSnapshot(snapshotOf([])));
}

/** As a page that comes late: the lab's memory of the first part, then the rest live. */
function late(first: readonly At[], rest: readonly At[]): PageState {
  const journal = new Journal(undefined);
  const memory = new PageMemory();
  journal.subscribe((event) => memory.hear(event));
  for (const event of eventsAt(first)) journal.append(event);
  const snapshot = snapshotOf(memory.events(), { seq: journal.lastSeq, totals: memory.totals() });
  return eventsAt(rest, journal.lastSeq + 1).reduce(hear, fromSnapshot(snapshot));
}

/** What is on the screen; a snapshot leaves out marks before the story. */
function shown({ totals, tests, story, windows, logs }: PageState): unknown {
  return { totals, tests, items: story.items, figures: story.figures, homes: story.homes, windows, logs };
}

test.each(Array.from({ length: RUN.length + 1 }, (_, index) => index))(
  "a page that comes after %i events shows what one that was there from the start shows",
  (index) => {
    expect(shown(late(RUN.slice(0, index), [...RUN.slice(index), ...LATER]))).toEqual(
      shown(live([...RUN, ...LATER])),
    );
  },
);

test("the test before the fault stands beside the newest", () => {
  const { tests } = live(RUN);
  expect([tests.before.get("new-york")?.ttfbMs, tests.last.get("new-york")?.ttfbMs]).toEqual([34, 231]);
});

test("what the snapshot has counted is not counted again", () => {
  const events = eventsAt(RUN);
  const totals = live(RUN).totals;
  expect(fromSnapshot(snapshotOf(events, { totals })).totals).toEqual(totals);
  expect(totals).toMatchObject({ load: { rate: 200, sent: 40, failed: 2 }, gateway: { rescued: 3 } });
});

test("parts that an event does not touch stay the same objects", () => {
  const before = live(RUN);
  const [event] = eventsAt([[900, loadWindow(30, 60), "load"]], 100);
  const after = hear(before, event!);
  expect(after.story).toBe(before.story);
  expect(after.tests).toBe(before.tests);
  expect(after.logs).toBe(before.logs);
  expect(after.windows).not.toBe(before.windows);
});

test("lists have bounds", () => {
  const many = Array.from({ length: 2_000 }, (_, index): At[] => [
    [index, loadWindow(30, 60), "load"],
    [index, { kind: "process.log", process: "sim", line: `${index}` }, "sim"],
    [index, { kind: "process.log", process: `p${index}`, line: "x" }, "sim"],
  ]).flat();
  const state = live(many);
  expect(state.windows).toHaveLength(900);
  expect(state.logs.get("sim")).toHaveLength(20);
  expect(state.logs.get("sim")?.at(-1)).toBe("1999");
  expect(state.logs.size).toBeLessThanOrEqual(96);
});
