/** The story of a fault, from its events. */
import { expect, test } from "vitest";
import { fromSnapshot, hear, type PageState } from "#dashboard/model/page-state.ts";
import { eventsAt, kill, mended, moved, snapshotOf, type At } from "./events.ts";

function after(script: readonly At[]): PageState {
  return eventsAt(script).reduce(hear, fromSnapshot(snapshotOf([])));
}

function linesOf({ story }: PageState): string[] {
  return story.items.map(({ sort, atNs }) => `${(atNs - story.originNs!) / 1e6} ${sort}`);
}

const LOSS: readonly At[] = [
  [1000, kill("ny1")],
  [1003, { kind: "router.session", site: "ny1", node: "ny1-1", state: "down", reason: "closed" }],
  [
    1012,
    { kind: "gateway.node", node: "ny1-1", site: "ny1", from: "healthy", to: "ejected", reason: "reset" },
  ],
  [1011, { kind: "site.withdrawn", site: "ny1", reason: "no path" }],
  [1060, moved("new-york", "ny1", null)],
  [1140, moved("new-york", null, "la1")],
  [1140, { kind: "routes.settled", revision: 2, durationMs: 80 }],
];
const RETURN: readonly At[] = [
  [5000, { kind: "revive.asked", target: "ny1", nodes: ["ny1-1", "ny1-2"] }],
  [5001, mended("ny1-1")],
  [5900, { kind: "site.announced", site: "ny1", nodes: ["ny1-1"], isGracefulShutdown: false }],
  [
    6000,
    { kind: "gateway.node", node: "ny1-1", site: "ny1", from: "unproven", to: "healthy", reason: "checks" },
  ],
  [6400, moved("new-york", "la1", "ny1")],
];

test("a loss is told in the order in which it happened, from the fault on", () => {
  expect(linesOf(after(LOSS))).toEqual([
    "0 fault",
    "3 session",
    "11 withdrawn",
    "12 detected",
    "60 moved",
    "140 moved",
    "140 settled",
  ]);
});

test("three figures sum it up, and a return does not change them", () => {
  const figures = { detectedMs: 12, withdrawnMs: 11, convergedMs: 140 };
  expect(after(LOSS).story.figures).toEqual(figures);
  const state = after([...LOSS, ...RETURN]);
  expect(state.story.figures).toEqual(figures);
  expect(linesOf(state).slice(7)).toEqual(["4000 revive", "4900 announced", "5000 trusted", "5400 failback"]);
});

test("who has moved is known by where it was when the story began", () => {
  expect(after(LOSS).story.homes).toEqual(new Map([["new-york", "ny1"]]));
});

test("a second fault while the first lasts belongs to its story; after the repair it begins a new one", () => {
  expect(linesOf(after([...LOSS, [2000, kill("la1")]])).at(-1)).toBe("1000 fault");
  const later = after([...LOSS, ...RETURN, [9000, kill("la1")]]);
  expect(linesOf(later)).toEqual(["0 fault"]);
  expect(later.story.figures).toEqual({ detectedMs: null, withdrawnMs: null, convergedMs: null });
});

test("only the first failure and the first rescue are steps of a story", () => {
  const failed = {
    kind: "load.failed",
    index: 1,
    vantage: "new-york",
    method: "GET",
    dueNs: 0,
    reason: "reset",
    node: null,
  } as const;
  const rescued = {
    kind: "gateway.window",
    fromNs: 0,
    requests: 5,
    failed: 0,
    rescued: 2,
    hedged: 0,
    resets: 0,
  } as const;
  const state = after([
    [0, kill("ny1")],
    [1, failed],
    [2, failed],
    [3, rescued],
    [4, rescued],
  ]);
  expect(linesOf(state)).toEqual(["0 fault", "1 failure", "3 rescue"]);
});

test("before the first fault the story is that of the start, without what everybody is expected to do", () => {
  const state = after([
    [0, { kind: "lab.started", seed: 1, mode: "anycast", version: "1" }],
    [
      900,
      { kind: "gateway.node", node: "ny1-1", site: "ny1", from: "unproven", to: "healthy", reason: "checks" },
    ],
    [1000, { kind: "site.announced", site: "ny1", nodes: ["ny1-1"], isGracefulShutdown: false }],
    [1500, { kind: "lab.ready", sinceStartMs: 1500 }],
  ]);
  expect(state.story.isFault).toBe(false);
  expect(linesOf(state)).toEqual(["0 started", "1000 announced", "1500 ready"]);
});

test("a story without end is bounded and keeps its fault", () => {
  const hunting = Array.from({ length: 500 }, (_, index): At => [index, moved(`v${index}`, "a", "b")]);
  const { story } = after([[0, kill("ny1")], ...hunting]);
  expect(story.items).toHaveLength(160);
  expect(story.items[0]).toMatchObject({ sort: "fault" });
  expect(story.items.at(-1)).toMatchObject({ event: { vantage: "v499" } });
});
