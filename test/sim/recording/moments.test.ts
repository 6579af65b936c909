/** What people see of a recording, on a graph small enough to know every answer; and what a collector hears. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { PropagationEngine, type EngineOptions } from "#sim/propagation/engine.ts";
import type { RouteMarks } from "#sim/propagation/paths.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import { collectTable, collectUpdates } from "#sim/recording/collector.ts";
import type { RecordedAct } from "#sim/recording/format.ts";
import { RecordedStory } from "#sim/recording/moments.ts";
import { Recorder } from "#sim/recording/recorder.ts";
import { Replay } from "#sim/recording/replay.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { headerOf, playRandomly, read } from "./play.ts";
import { smallGraph } from "../small-graph.ts";

const DELAY_US = 10_000;
const STEADY: EngineOptions = { delayUs: [DELAY_US, DELAY_US], mraiUs: [0, 0] };
const FAIL_US = 5_000;
const WITHDRAW_US = 300_000;

/** 11 below 10, 21 below 20, 30 and 31 below both; 10 and 20 are peers. */
function widerDiamond() {
  const { graph, at } = smallGraph("10=20", "10>11", "20>21", "10>30", "20>30", "10>31", "20>31");
  return { graph, ten: at(10), eleven: at(11), twenty: at(20), twentyOne: at(21), thirty: at(30) };
}

/** West, at AS 11, fails and is withdrawn 295 ms later; east, at AS 21, stays. */
function lostWest(marks: RouteMarks = { prepends: 0 }): Replay {
  const { graph, eleven, twentyOne, thirty } = widerDiamond();
  const announced = [
    { vertex: eleven, prepends: 0 },
    { vertex: twentyOne, ...marks },
  ];
  const acts: RecordedAct[] = [
    { atUs: FAIL_US, what: "west fails", vertex: eleven, isServing: false },
    { atUs: WITHDRAW_US, what: "west withdraws" },
  ];
  const header = {
    ...headerOf(graph, [eleven, twentyOne], announced),
    vantages: [{ vantage: "lima", vertex: thirty, as: 30 }],
    acts,
  };
  return replayOf(graph, header, announced, (engine) => engine.withdraw(eleven, WITHDRAW_US));
}

function replayOf(
  graph: AsGraph,
  header: ReturnType<typeof headerOf>,
  announced: readonly (RouteMarks & { readonly vertex: number })[],
  act: (engine: PropagationEngine) => void,
): Replay {
  const lines: string[] = [];
  const engine: PropagationEngine = new PropagationEngine(graph, STEADY, new Prng(1), {
    onBestChange: (vertex, atUs) => recorder.bestChanged(vertex, atUs),
    onArrived: (slot, path, atUs) => recorder.arrived(slot, path, atUs),
  });
  const recorder = new Recorder(header, graph, engine, (line) => lines.push(line));
  engine.adopt(announced, new CatchmentSolver(graph).solve(announced));
  engine.advance(WITHDRAW_US);
  act(engine);
  engine.settle();
  recorder.finish();
  return new Replay(read(lines), graph);
}

test("before, while nobody knows, between two hops and after: sites, vantages, packets", () => {
  const story = new RecordedStory(lostWest());
  // AS 11 itself, 10, 30 and 31 had west; 11 is the site, so three are concerned.
  expect(story.affected.length).toBe(3);
  const lookAt = (atUs: number) => {
    const { sites, vantages, fates, routeless, changes, messages } = story.at(atUs);
    return { routes: sites.map(({ routes }) => routes), vantages, fates, routeless, changes, messages };
  };
  const before = {
    routes: [4, 2],
    vantages: ["s1"],
    fates: { right: 3, wrong: 0, lost: 0, looping: 0 },
    routeless: 0,
    changes: 0,
    messages: 0,
  };
  expect(lookAt(FAIL_US - 1)).toEqual(before);
  // Dead and still announced: everybody's packets go there.
  expect(lookAt(FAIL_US)).toEqual({ ...before, fates: { right: 0, wrong: 3, lost: 0, looping: 0 } });
  // AS 10 has heard, and sends to AS 20 what its customers still send to it.
  expect(lookAt(WITHDRAW_US + DELAY_US)).toMatchObject({
    routes: [2, 3],
    fates: { right: 3, wrong: 0, lost: 0, looping: 0 },
    routeless: 1,
    vantages: ["s1"],
  });
  expect(lookAt(WITHDRAW_US + 2 * DELAY_US)).toMatchObject({
    routes: [0, 6],
    vantages: ["s3"],
    routeless: 0,
  });
  // And back.
  expect(lookAt(FAIL_US - 1)).toEqual(before);
  expect(story.at(FAIL_US).sites).toMatchObject([
    { isAnnounced: true, isServing: false },
    { isAnnounced: true, isServing: true },
  ]);
  expect(story.at(WITHDRAW_US).sites[0]).toMatchObject({ isAnnounced: false, isServing: false });
});

test("who sits behind the AS of a dead site arrives elsewhere once that AS has a route again", () => {
  const { graph, at } = smallGraph("10>11", "11>12", "10>21");
  const [eleven, twentyOne] = [at(11), at(21)];
  const announced = [eleven, twentyOne].map((vertex) => ({ vertex, prepends: 0 }));
  const acts = [{ atUs: FAIL_US, what: "west fails", vertex: eleven, isServing: false }];
  const header = { ...headerOf(graph, [eleven, twentyOne], announced), acts };
  const replay = replayOf(graph, header, announced, (engine) => engine.withdraw(eleven, WITHDRAW_US));
  const story = new RecordedStory(replay);
  const fatesAt = (atUs: number) => story.at(atUs).fates;
  expect(fatesAt(WITHDRAW_US - 1)).toEqual({ right: 0, wrong: 2, lost: 0, looping: 0 });
  // AS 12 has heard of the loss and of nothing else, AS 10 has changed its mind.
  expect(fatesAt(WITHDRAW_US + DELAY_US)).toEqual({ right: 1, wrong: 0, lost: 1, looping: 0 });
  expect(fatesAt(Infinity)).toEqual({ right: 2, wrong: 0, lost: 0, looping: 0 });
});

test("the moments worth a line: what was done, who moved, how many have settled", () => {
  expect(new RecordedStory(lostWest()).moments()).toEqual([
    { atUs: FAIL_US, sort: "act", what: "west fails" },
    { atUs: WITHDRAW_US, sort: "act", what: "west withdraws" },
    { atUs: WITHDRAW_US + 2 * DELAY_US, sort: "moved", vantage: "lima", from: "s1", to: "s3" },
    { atUs: WITHDRAW_US + 2 * DELAY_US, sort: "settled", percent: 50 },
    { atUs: WITHDRAW_US + 2 * DELAY_US, sort: "settled", percent: 80 },
    { atUs: WITHDRAW_US + 2 * DELAY_US, sort: "settled", percent: 95 },
    { atUs: WITHDRAW_US + 2 * DELAY_US, sort: "settled", percent: 100 },
  ]);
});

test("the curve begins at 0, ends at the end, has the moments of the acts, and loses nobody", () => {
  const story = new RecordedStory(lostWest());
  const curve = story.curve();
  expect([curve[0]!.atUs, curve.at(-1)!.atUs]).toEqual([0, story.replay.recording.endUs]);
  for (const atUs of [FAIL_US - 1, FAIL_US, WITHDRAW_US]) {
    expect(curve.some((point) => point.atUs === atUs)).toBe(true);
  }
  for (const { right, wrong, lost, looping } of curve) expect(right + wrong + lost + looping).toBe(3);
  expect(curve.length).toBeLessThan(400);
});

test("a collector has each peer's best route with the peer in front, and hears each change once", () => {
  const replay = lostWest({ prepends: 1, isNoPeer: true });
  const { ten, twenty } = widerDiamond();
  expect(collectTable(replay, [ten, twenty], 0)).toEqual([
    { asPath: [10, 11], communities: [] },
    { asPath: [20, 21, 21], communities: [0xffff_ff04] },
  ]);
  // AS 20 keeps what asks not to be told from peer to peer.
  expect([...collectUpdates(replay, [ten, twenty], 0, Infinity)]).toEqual([
    { peer: 0, atUs: WITHDRAW_US + DELAY_US, route: undefined },
  ]);
  const plain = lostWest();
  expect([...collectUpdates(plain, [ten, twenty], 0, Infinity)]).toEqual([
    { peer: 0, atUs: WITHDRAW_US + DELAY_US, route: { asPath: [10, 20, 21], communities: [] } },
  ]);
  expect([...collectUpdates(replay, [ten], WITHDRAW_US + DELAY_US, WITHDRAW_US + 2 * DELAY_US)]).toEqual([]);
});

test("what a collector was told last is what its peer has, at any moment", () => {
  for (let seed = 0; seed < 6; seed++) {
    const { graph, lines, looks } = playRandomly(seed, TIMING_SETS["fitted-2011"]);
    const replay = new Replay(read(lines), graph);
    const peers = Array.from({ length: 20 }, (_, index) => index * 5);
    for (const { atUs } of looks) {
      const told = collectTable(replay, peers, 0);
      for (const { peer, route } of collectUpdates(replay, peers, 0, atUs)) told[peer] = route;
      expect(told).toEqual(collectTable(replay, peers, atUs));
    }
  }
});
