/** Changes played message by message: exact on a small graph, and in the end what the static solve says. */
import { describe, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { CatchmentSolver, type Source } from "#sim/anycast/solve.ts";
import { equalWeights } from "#sim/anycast/weights.ts";
import type { Act } from "#sim/change/acts.ts";
import {
  flapping,
  joining,
  leaking,
  leavingGracefully,
  losing,
  moving,
  resettingSession,
} from "#sim/change/change.ts";
import { movedBetween, servedBy } from "#sim/change/clients.ts";
import { detectionWindowUs, drawDetectionUs, type Detection } from "#sim/change/detection.ts";
import { playChange, type PlayedChange } from "#sim/change/play-change.ts";
import { DAMPING_SETS } from "#sim/propagation/damping.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { smallGraph } from "../small-graph.ts";
import { DELAY_US, serviceOnDiamond, STEADY } from "./service-on-diamond.ts";

const SECOND_US = 1_000_000;

function after(us: number): Detection {
  return { kind: "after", us };
}

function lose(detectionUs: number): PlayedChange {
  const { base, graph, west } = serviceOnDiamond();
  const how = { detection: after(detectionUs), isRouter: false };
  const acts = losing(graph, west, how, new Prng(1));
  return playChange({ ...base, acts, clients: servedBy(base.solved, west.vertex) }, new Prng(1));
}

describe("a loss", () => {
  test("AS 10 learns after one delay and carries AS 30 with it; AS 30 itself decides after two", () => {
    const { affected, affectedAses, convergedUs, blackholeSeconds, loopSeconds, grid, isSettled } = lose(0);
    expect([affected, affectedAses, isSettled]).toEqual([2, 2, true]);
    expect([convergedUs.get(0.5), convergedUs.get(1)]).toEqual([DELAY_US, 2 * DELAY_US]);
    // Two clients without service for one delay.
    expect(blackholeSeconds).toBeCloseTo(0.02, 9);
    expect(loopSeconds).toBe(0);
    expect(grid[0]).toMatchObject({ atUs: 0, right: 0, wrong: 2, lost: 0, looping: 0, there: 0 });
    expect(grid.at(-1)).toMatchObject({ right: 2, wrong: 0, lost: 0, looping: 0 });
  });

  test("until it is detected nothing moves", () => {
    const { convergedUs, blackholeSeconds } = lose(300_000);
    expect([convergedUs.get(0.5), convergedUs.get(1)]).toEqual([300_000 + DELAY_US, 300_000 + 2 * DELAY_US]);
    expect(blackholeSeconds).toBeCloseTo(0.62, 9);
  });

  test("of a router behind two upstreams: each finds out by itself, and until then its clients are lost", () => {
    // 10 and 20 are peers, both above the router (64500); 30 below 10, 40 below 20; another site (60) below 50, above both.
    const { graph, at } = smallGraph(
      "10=20",
      "10>30",
      "20>40",
      "50>10",
      "50>20",
      "50>60",
      "10>64500",
      "20>64500",
    );
    const [thirty, forty, other, router] = [at(30), at(40), at(60), at(64_500)];
    const sources = [router, other].map((vertex, index) => ({ site: `s${index}`, vertex, prepends: 0 }));
    const solved = new CatchmentSolver(graph).solve(sources);
    const prng = new Prng(5);
    const detection: Detection = { kind: "bfd", multiplier: 3, intervalUs: 300_000 };
    const acts = losing(graph, sources[0]!, { detection, isRouter: true }, prng);
    const closes = acts.filter(({ kind }) => kind === "close");
    expect(closes.map((act) => (act.kind === "close" ? graph.neighbors[act.slot] : -1))).toEqual([
      router,
      router,
    ]);
    for (const { atUs } of closes) {
      expect(atUs).toBeGreaterThan(600_000);
      expect(atUs).toBeLessThanOrEqual(900_000);
    }
    const run = playChange(
      {
        graph,
        sources,
        solved,
        routersFrom: router,
        acts,
        clients: [thirty, forty],
        observers: [thirty, forty],
        timing: STEADY,
        weights: equalWeights(graph),
      },
      new Prng(1),
    );
    const [firstUs, lastUs] = [closes[0]!.atUs, closes[1]!.atUs];
    // Whoever hangs on the first to notice goes through its peer, which still believes, to the dead router.
    const ends = run.histories.map(({ steps }) => steps.map(({ atUs, fate }) => ({ atUs, fate })));
    for (const steps of ends) expect(steps[0]).toEqual({ atUs: 0, fate: "wrong" });
    expect(run.grid.findLast(({ atUs }) => atUs < lastUs)!.wrong).toBe(2);
    expect(firstUs).toBeLessThan(lastUs);
    expect(run.grid.at(-1)).toMatchObject({ right: 2, wrong: 0, lost: 0 });
  });
});

describe("detection", () => {
  test.for([
    [{ kind: "hold", holdUs: 90 * SECOND_US }, 60 * SECOND_US + 1, 90 * SECOND_US],
    [{ kind: "bfd", multiplier: 3, intervalUs: 300_000 }, 600_001, 900_000],
    [
      { kind: "check", intervalUs: 5 * SECOND_US, fastUs: SECOND_US, failures: 3, checkUs: 0 },
      2 * SECOND_US,
      7 * SECOND_US,
    ],
    [
      { kind: "check", intervalUs: 5 * SECOND_US, fastUs: SECOND_US, failures: 3, checkUs: 5 * SECOND_US },
      17 * SECOND_US,
      22 * SECOND_US,
    ],
    [after(7), 7, 7],
  ] as const)("%j is drawn all over its window", ([detection, min, max]) => {
    const prng = new Prng(1);
    const draws = Array.from({ length: 4_000 }, () => drawDetectionUs(detection, prng));
    const span = max - min;
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(min);
    expect(Math.max(...draws)).toBeLessThanOrEqual(max);
    expect(Math.min(...draws)).toBeLessThanOrEqual(min + span / 100);
    expect(Math.max(...draws)).toBeGreaterThanOrEqual(max - span / 100);
    expect(detectionWindowUs(detection)[1]).toBe(max);
  });
});

test("graceful: nobody is lost if it waits, and whoever has not left when it goes is", () => {
  const { base, west } = serviceOnDiamond();
  const clients = servedBy(base.solved, west.vertex);
  const play = (waitUs: number): PlayedChange =>
    playChange(
      { ...base, acts: leavingGracefully(west, waitUs), clients, subject: west.vertex },
      new Prng(1),
    );
  expect(play(5 * DELAY_US).blackholeSeconds).toBe(0);
  // Two of them, until AS 10 has heard.
  expect(play(0).blackholeSeconds).toBeCloseTo(0.02, 9);
});

test("a flap: away and back as often as it is asked to, and with damping away for half an hour at the end", () => {
  const { base, west } = serviceOnDiamond();
  const clients = servedBy(base.solved, west.vertex);
  const acts = flapping(west, { times: 3, downUs: 10 * SECOND_US, upUs: 50 * SECOND_US });
  const plain = playChange({ ...base, acts, clients, subject: west.vertex }, new Prng(1));
  const thereAt = (run: PlayedChange, atS: number): number =>
    run.grid.findLast(({ atUs }) => atUs <= atS * SECOND_US)!.there;
  expect([5, 30, 65, 90, 125, 150].map((atS) => thereAt(plain, atS))).toEqual([0, 2, 0, 2, 0, 2]);
  expect(plain.grid.at(-1)!.there).toBe(2);
  const damping = { ...DAMPING_SETS.cisco, percent: 100 };
  const damped = playChange(
    { ...base, acts, clients, subject: west.vertex, timing: { ...STEADY, damping } },
    new Prng(1),
  );
  // The third withdrawal comes while two have hardly decayed.
  expect([5, 30, 65, 90, 125, 150, 600].map((atS) => thereAt(damped, atS))).toEqual([0, 2, 0, 2, 0, 0, 0]);
  // They are served all the time, by the other site.
  expect(damped.grid.findLast(({ atUs }) => atUs <= 600 * SECOND_US)!.right).toBe(2);
  expect(damped.grid.at(-1)!.there).toBe(2);
  expect(damped.grid.at(-1)!.atUs).toBeGreaterThan(25 * 60 * SECOND_US);
});

test("a session that is reset takes its clients away and brings them back", () => {
  const { base, graph, west, ten } = serviceOnDiamond();
  const acts = resettingSession(graph, west, ten, 2 * SECOND_US);
  const run = playChange(
    { ...base, acts, clients: servedBy(base.solved, west.vertex), subject: west.vertex, observers: [ten] },
    new Prng(1),
  );
  expect(run.grid[0]).toMatchObject({ right: 2, there: 0 });
  expect(run.grid.at(-1)).toMatchObject({ right: 2, there: 2 });
  // Both ends know at once: AS 10 has its peer's route in the same moment.
  expect(run.histories[0]).toMatchObject({ vertex: ten, bestChanges: 2, announcements: 1, withdrawals: 0 });
  expect(run.histories[0]!.steps.map(({ atUs, way }) => [atUs, way.at(-1)])).toEqual([
    [0, base.sources[1]!.vertex],
    [2 * SECOND_US + DELAY_US, west.vertex],
  ]);
});

describe("a site that joins", () => {
  const { graph, west, east, ten, thirty } = serviceOnDiamond();
  const solved = new CatchmentSolver(graph).solve([east]);
  const all = new CatchmentSolver(graph).solve([west, east]);
  const base = { graph, sources: [east], solved, timing: STEADY, weights: equalWeights(graph) };

  test("draws AS 10 after one delay, AS 30 after two", () => {
    const clients = movedBetween(solved, all).filter((vertex) => vertex !== west.vertex);
    expect(clients).toEqual([ten, thirty]);
    const run = playChange({ ...base, acts: joining(west), clients, subject: west.vertex }, new Prng(1));
    expect(run.grid[0]).toMatchObject({ right: 2, there: 0 });
    expect(run.grid.find(({ there }) => there === 1)!.atUs).toBe(DELAY_US);
    // AS 30 went through AS 20 until AS 10 told it of a path as short.
    expect(run.grid.findLast(({ atUs }) => atUs < 2 * DELAY_US)!.there).toBe(1);
    expect([run.convergedUs.get(0.5), run.convergedUs.get(1)]).toEqual([DELAY_US, 2 * DELAY_US]);
  });

  test("in place of another: an overlap spares all who may choose, a gap costs its length for all", () => {
    const clients = [ten, thirty, graph.asn.indexOf(20)];
    const play = (overlapUs: number): PlayedChange =>
      playChange(
        { ...base, acts: moving(east, west, overlapUs), clients, subject: west.vertex },
        new Prng(1),
      );
    const overlapping = play(SECOND_US);
    // AS 20 prefers its customer until that is gone, and hears of it one delay later.
    expect([overlapping.blackholeSeconds, overlapping.loopSeconds]).toEqual([0.01, 0]);
    expect(overlapping.grid.at(-1)).toMatchObject({ right: 3, there: 3 });
    // Three clients for a second, and until they have heard: AS 10 one delay, its peer and its customer two.
    expect(play(-SECOND_US).blackholeSeconds).toBeCloseTo(3 + 0.01 + 0.02 + 0.02, 2);
  });
});

test("a leak draws in those who prefer a customer's route, and lets them go", () => {
  const { graph, at } = smallGraph("10=20", "10>30", "20>30", "10>40", "20>50");
  const [leaker, site] = [at(30), at(40)];
  const sources = [{ vertex: site, prepends: 0 }];
  const run = playChange(
    {
      graph,
      sources,
      solved: new CatchmentSolver(graph).solve(sources),
      acts: leaking(graph, leaker, SECOND_US),
      clients: [at(10), at(20), at(50)],
      via: leaker,
      timing: STEADY,
      weights: equalWeights(graph),
    },
    new Prng(1),
  );
  expect(run.grid[0]!.through).toBe(0);
  // AS 20 and its customer.
  expect(run.grid.find(({ through }) => through > 0)).toMatchObject({ atUs: DELAY_US, through: 2, right: 3 });
  expect(run.grid.at(-1)).toMatchObject({ through: 0, right: 3 });
});

test("who goes to a site with BLACKHOLE arrives nowhere; the site's own neighbour drops it", () => {
  const { graph, west, east, ten, thirty } = serviceOnDiamond();
  const sources = [{ ...west, isBlackhole: true }, east];
  const solved = new CatchmentSolver(graph).solve(sources);
  const clients = servedBy(solved, west.vertex);
  expect(clients).toEqual([ten]);
  const acts: Act[] = [{ atUs: SECOND_US, kind: "withdraw", vertex: east.vertex, what: "east withdraws" }];
  const plan = { graph, sources, solved, acts, timing: STEADY, weights: equalWeights(graph) };
  const run = playChange({ ...plan, clients: [ten, thirty] }, new Prng(1));
  // AS 30 hears nothing of west and goes to east through AS 20, until that is gone.
  expect(run.grid[0]).toMatchObject({ right: 1, lost: 1 });
  expect(run.grid.at(-1)).toMatchObject({ right: 0, lost: 2 });
});

test("a router of the service serves whoever still comes, and hands nothing on", () => {
  // West is the router; once AS 10 has changed its mind, it tells west of east.
  const { graph, at } = smallGraph("10=20", "10>30", "20>21", "10>64500");
  const sources = [at(64_500), at(21)].map((vertex) => ({ vertex, prepends: 0 }));
  const solved = new CatchmentSolver(graph).solve(sources);
  const acts: Act[] = [{ atUs: 0, kind: "withdraw", vertex: at(64_500), what: "west withdraws" }];
  const plan = { graph, sources, solved, acts, timing: STEADY, weights: equalWeights(graph) };
  const subject = at(64_500);
  const run = playChange({ ...plan, clients: [at(10), at(30)], routersFrom: subject, subject }, new Prng(1));
  expect([run.blackholeSeconds, run.loopSeconds]).toEqual([0, 0]);
  expect(run.grid[0]!.there).toBe(2);
  expect(run.grid.at(-1)).toMatchObject({ there: 0, right: 2 });
});

test("histories of single ASes say at every look what the grid says of all", () => {
  for (let seed = 0; seed < 6; seed++) {
    const prng = new Prng(seed).fork("histories");
    const graph = generateGraph(200, prng);
    const sources = [10, 90, 170].map((vertex) => ({ site: `s${vertex}`, vertex, prepends: 0 }));
    const solved = new CatchmentSolver(graph).solve(sources);
    const clients = servedBy(solved, 90);
    const acts = flapping(sources[1]!, { times: 2, downUs: 700_000, upUs: 2 * SECOND_US });
    const run = playChange(
      {
        graph,
        sources,
        solved,
        acts,
        clients,
        observers: clients,
        timing: TIMING_SETS["fitted-2011"],
        weights: equalWeights(graph),
      },
      prng,
    );
    expect(run.histories.map(({ vertex }) => vertex)).toEqual(clients);
    for (const { atUs, right, wrong, lost, looping } of run.grid) {
      const counted = { right: 0, wrong: 0, lost: 0, looping: 0 };
      for (const { steps } of run.histories) counted[steps.findLast((step) => step.atUs <= atUs)!.fate] += 1;
      expect({ atUs, ...counted }).toEqual({ atUs, right, wrong, lost, looping });
    }
  }
});

test("whatever the change, it ends where the static solve of what is left says", () => {
  for (let seed = 0; seed < 8; seed++) {
    const prng = new Prng(seed).fork("ends");
    const graph = generateGraph(150 + 30 * seed, prng);
    const [first, second, third] = [5, 70, 140].map((vertex) => ({
      site: `s${vertex}`,
      vertex,
      prepends: 0,
    })) as [
      { site: string; vertex: number; prepends: number },
      { site: string; vertex: number; prepends: number },
      { site: string; vertex: number; prepends: number },
    ];
    const detection: Detection = { kind: "hold", holdUs: 9 * SECOND_US };
    const changes: readonly (readonly [acts: Act[], before: Source[], after: Source[]])[] = [
      [losing(graph, first, { detection, isRouter: false }, prng), [first, second], [second]],
      [leavingGracefully(first, 3 * SECOND_US), [first, second], [second]],
      [flapping(first, { times: 3, downUs: SECOND_US, upUs: SECOND_US }), [first, second], [first, second]],
      [
        resettingSession(graph, first, graph.neighbors[graph.offsets[first.vertex]!]!, SECOND_US),
        [first, second],
        [first, second],
      ],
      [joining(third), [first, second], [first, second, third]],
      [moving(first, third, 2 * SECOND_US), [first, second], [second, third]],
      [moving(first, third, -2 * SECOND_US), [first, second], [second, third]],
      [leaking(graph, 33, 5 * SECOND_US), [first, second], [first, second]],
    ];
    for (const [acts, before, afterwards] of changes) {
      const solved = new CatchmentSolver(graph).solve(before);
      const end = new CatchmentSolver(graph).solve(afterwards);
      // Every AS is observed: the last way of its packets ends at the site of the solve.
      const others = [...graph.asn.keys()].filter((vertex) => ![5, 70, 140].includes(vertex));
      const run = playChange(
        {
          graph,
          sources: before,
          solved,
          acts,
          clients: others,
          observers: others,
          timing: TIMING_SETS["no-mrai"],
          weights: equalWeights(graph),
        },
        prng,
      );
      const ends = run.histories.map(({ steps }) =>
        steps.at(-1)!.fate === "right" ? steps.at(-1)!.way.at(-1) : -1,
      );
      expect(ends).toEqual(others.map((vertex) => end.site[vertex]));
    }
  }
});
