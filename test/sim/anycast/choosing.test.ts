/** Planning with a catchment: where a lost site's clients go, what prepending moves, which sites to open, hot potato. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { findBestSites, type BestSites, type SiteChoice } from "#sim/anycast/best-sites.ts";
import { measureShifts } from "#sim/anycast/load-shift.ts";
import { sweepPrepends } from "#sim/anycast/prepend-sweep.ts";
import { RttTable } from "#sim/anycast/rtt-table.ts";
import { measureShares } from "#sim/anycast/shares.ts";
import { CatchmentSolver, type Source, type TiedCatchment } from "#sim/anycast/solve.ts";
import { coneWeights, equalWeights, type Weights } from "#sim/anycast/weights.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { diamond, smallGraph } from "../small-graph.ts";

const NO_ROUTE = 255;

function sitesAt(vertices: readonly number[]): Source[] {
  return vertices.map((vertex) => ({ vertex, prepends: 0 }));
}

function solve(graph: AsGraph, sources: readonly Source[]): TiedCatchment {
  return new CatchmentSolver(graph).solveWithTies(sources);
}

test("a lost site's clients are followed from where they were to where they are", () => {
  const { graph, eleven, twentyOne } = diamond();
  const [west] = measureShifts(graph, sitesAt([eleven, twentyOne]), equalWeights(graph));
  // AS 10 and 11 were certainly there, AS 30 perhaps: all go to the other.
  expect(west).toEqual({
    lost: 0,
    from: { certain: 2, atMost: 3, chosen: 3 },
    to: [
      { certain: 0, atMost: 0, chosen: 0 },
      { certain: 2, atMost: 3, chosen: 3 },
    ],
    unreachable: { certain: 0, atMost: 0, chosen: 0 },
    others: { certain: 0, atMost: 0, chosen: 0 },
  });
});

test("who stays may move too: AS 5 hears something shorter once its provider has lost a customer's long route", () => {
  const { graph, at } = smallGraph("1>4", "1=2", "2>6", "1>5", "3>5", "3>7");
  const [provider, long, five, near, far] = [at(1), at(4), at(5), at(6), at(7)];
  // Prepending makes the customer's route long, and AS 1 prefers it all the same.
  const sources = [
    { vertex: long, prepends: 6 },
    { vertex: near, prepends: 0 },
    { vertex: far, prepends: 3 },
  ];
  const before = solve(graph, sources);
  expect([before.site[provider], before.site[five]]).toEqual([long, far]);
  const [lostLong] = measureShifts(graph, sources, equalWeights(graph));
  expect(lostLong).toMatchObject({
    from: { certain: 2, atMost: 2, chosen: 2 },
    others: { certain: 1, atMost: 1, chosen: 1 },
  });
});

/** Each AS followed by itself, through two solves. */
function shiftsOneByOne(graph: AsGraph, sources: readonly Source[], weights: Weights) {
  const before = solve(graph, sources);
  return sources.map((_, lost) => {
    const left = sources.filter((_source, position) => position !== lost);
    const after = solve(graph, left);
    const row = sources.map(() => ({ certain: 0, atMost: 0, chosen: 0 }));
    for (const [vertex, weight] of weights.entries()) {
      const was = sources.filter((_source, bit) => ((before.ties[vertex]! >>> bit) & 1) === 1);
      const is = left.filter((_source, bit) => ((after.ties[vertex]! >>> bit) & 1) === 1);
      if (!was.includes(sources[lost]!)) continue;
      if (before.site[vertex] === sources[lost]!.vertex && after.site[vertex] !== -1) {
        row[sources.findIndex((source) => source.vertex === after.site[vertex])]!.chosen += weight;
      }
      for (const source of is) {
        const cell = row[sources.indexOf(source)]!;
        cell.atMost += weight;
        if (was.length === 1 && is.length === 1) cell.certain += weight;
      }
    }
    return row;
  });
}

test("shifts equal a count AS by AS on 60 random Internets", () => {
  const prng = new Prng(11);
  for (let count = 0; count < 60; count++) {
    const graph = generateGraph(100 + 4 * count, prng.fork(`${count}`));
    const sources = sitesAt(prng.shuffle([...graph.asn.keys()]).slice(0, prng.integer(2, 9)));
    const weights = coneWeights(graph);
    const got = measureShifts(graph, sources, weights).map(({ to }) => to);
    expect({ count, got }).toEqual({ count, got: shiftsOneByOne(graph, sources, weights) });
  }
});

test("a prepending sweep is one full solve a step, and a customer's route does not care", () => {
  const graph = generateGraph(400, new Prng(5));
  const sources = sitesAt([12, 150, 399]);
  const weights = equalWeights(graph);
  // More steps than go in one pass.
  const steps = sweepPrepends(graph, sources, 1, 40, weights);
  expect(steps.map(({ prepends }) => prepends)).toEqual([...Array(41).keys()]);
  for (const { prepends, loads } of steps) {
    const prepended = sources.map((source, site) => (site === 1 ? { ...source, prepends } : source));
    const shares = measureShares(solve(graph, prepended), prepended, weights);
    expect({ prepends, loads }).toEqual({
      prepends,
      loads: shares.sites.map(({ certain, ambiguous, chosen }) => ({
        certain,
        atMost: certain + ambiguous,
        chosen,
      })),
    });
  }
  expect(steps.at(-1)!.loads[1]!.certain).toBeGreaterThan(0);
  expect(steps[0]!.loads[1]!.atMost).toBeGreaterThan(steps.at(-1)!.loads[1]!.atMost);
});

/** Every choice looked at with full solves: the least worst case there is. */
function leastCost(graph: AsGraph, sources: readonly Source[], weights: Weights, count: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const cost = (up: readonly Source[]): number => {
    if (up.length === 0) return total;
    const { sites, unreachable } = measureShares(solve(graph, up), up, weights);
    return Math.max(...sites.map(({ certain, ambiguous }) => certain + ambiguous)) + unreachable;
  };
  let least = Infinity;
  for (let mask = 1; mask < 2 ** sources.length; mask++) {
    const chosen = sources.filter((_source, site) => (mask & (1 << site)) !== 0);
    if (chosen.length !== count) continue;
    const losses = count === 1 ? [chosen] : chosen.map((lost) => chosen.filter((source) => source !== lost));
    least = Math.min(least, Math.max(...losses.map(cost)));
  }
  return least;
}

function costOf({ worst }: SiteChoice): number {
  return worst.load.atMost + worst.unreachable;
}

test("the best k of m is the best of all choices; forward greedy stays between its floor and its own cost", () => {
  const prng = new Prng(21);
  for (let round = 0; round < 20; round++) {
    const graph = generateGraph(100 + 10 * round, prng.fork(`${round}`));
    const sources = sitesAt(prng.shuffle([...graph.asn.keys()]).slice(0, 6));
    const weights = coneWeights(graph);
    const count = 1 + (round % 4);
    const question = { graph, sources, weights, count };
    const exact = findBestSites(question);
    const least = leastCost(graph, sources, weights, count);
    expect([exact.method, costOf(exact.byLoad[0]!)]).toEqual(["exact", least]);
    const greedy = findBestSites({ ...question, combinationsMax: 0 });
    expect(greedy.method).toBe("forward greedy");
    expect(costOf(greedy.byLoad[0]!)).toBeGreaterThanOrEqual(least);
    expect(least).toBeGreaterThanOrEqual(greedy.loadFloor);
    expect(greedy.byLoad[0]!.sites).toHaveLength(count);
  }
});

/** Times by chance to every site, for every third AS. */
function randomRtts(prng: Prng, graph: AsGraph, siteCount: number): RttTable {
  const rtts = new RttTable(graph.vertexCount, siteCount);
  for (let vertex = 0; vertex < graph.vertexCount; vertex += 3) {
    rtts.place(
      vertex,
      Array.from({ length: siteCount }, () => prng.integer(1_000, 300_000)),
    );
  }
  return rtts;
}

test("by time: the mean over who has a place, from the nearest to the farthest of the equally good sites", () => {
  const prng = new Prng(31);
  const graph = generateGraph(300, prng.fork("graph"));
  const sources = sitesAt([3, 60, 140, 222, 299]);
  const weights = equalWeights(graph);
  const rtts = randomRtts(prng, graph, sources.length);
  const best: BestSites = findBestSites({ graph, sources, weights, count: 2, rtts });
  const meanOf = (sites: readonly number[]): number => {
    const { ties } = solve(
      graph,
      sites.map((site) => sources[site]!),
    );
    const times = rtts.placed.map((vertex) =>
      Math.max(
        ...sites
          .filter((_, bit) => ((ties[vertex]! >>> bit) & 1) === 1)
          .map((site) => rtts.rttUs(vertex, site)),
      ),
    );
    return times.reduce((sum, us) => sum + us, 0) / times.length / 1_000;
  };
  const means = [0, 1, 2, 3, 4].flatMap((x) =>
    [0, 1, 2, 3, 4].filter((y) => y > x).map((y) => meanOf([x, y])),
  );
  expect(best.byTime[0]!.rtt!.farthestMs).toBeCloseTo(Math.min(...means), 9);
  expect(best.byTime[0]!.rtt!.nearestMs).toBeGreaterThanOrEqual(best.timeFloorMs!);
  for (const { rtt } of best.byTime) expect(rtt!.nearestMs).toBeLessThanOrEqual(rtt!.farthestMs);
});

test("hot potato: an AS with a place takes the nearest of what its equally good neighbours chose, others the lowest AS", () => {
  const { graph, eleven, twentyOne, ten, twenty, thirty } = diamond();
  const sources = sitesAt([eleven, twentyOne]);
  const rtts = new RttTable(graph.vertexCount, 2);
  expect(new CatchmentSolver(graph, rtts).solve(sources).next[thirty]).toBe(ten);
  rtts.place(thirty, [80_000, 20_000]);
  const solved = new CatchmentSolver(graph, rtts).solve(sources);
  expect([solved.next[thirty], solved.site[thirty]]).toEqual([twenty, twentyOne]);
  // As near to both: the rule after it decides.
  rtts.place(thirty, [20_000, 20_000]);
  expect(new CatchmentSolver(graph, rtts).solve(sources).next[thirty]).toBe(ten);
});

test("hot potato moves ties only: classes, lengths and tie sets stay, and nobody could have done better", () => {
  const prng = new Prng(41);
  for (let count = 0; count < 60; count++) {
    const graph = generateGraph(100 + 5 * count, prng.fork(`${count}`));
    const sources = sitesAt(prng.shuffle([...graph.asn.keys()]).slice(0, 5));
    const rtts = randomRtts(prng, graph, sources.length);
    const lowest = solve(graph, sources);
    const hot = new CatchmentSolver(graph, rtts).solveWithTies(sources);
    expect([...hot.relation]).toEqual([...lowest.relation]);
    expect([...hot.ties]).toEqual([...lowest.ties]);
    const position = (vertex: number): number => sources.findIndex((source) => source.vertex === vertex);
    for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
      if (hot.relation[vertex] === NO_ROUTE || hot.next[vertex] === -1) continue;
      expect(hot.length[vertex]).toBe(lowest.length[vertex]);
      expect(hot.site[vertex]).toBe(hot.site[hot.next[vertex]!]);
      const equals = equalNeighbors(graph, hot, vertex);
      const usOf = (neighbor: number): number =>
        rtts.has(vertex) ? rtts.rttUs(vertex, position(hot.site[neighbor]!)) : 0;
      const best = equals.toSorted((x, y) => usOf(x) - usOf(y) || graph.asn[x]! - graph.asn[y]!)[0];
      expect([count, vertex, hot.next[vertex]]).toEqual([count, vertex, best]);
    }
  }
});

/** Neighbours whose offer is as good as the one taken. */
function equalNeighbors(graph: AsGraph, solved: TiedCatchment, vertex: number): number[] {
  const equals: number[] = [];
  for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
    const neighbor = graph.neighbors[slot]!;
    if (solved.relation[neighbor] === NO_ROUTE || graph.relations[slot] !== solved.relation[vertex]) continue;
    if (solved.length[neighbor]! + 1 !== solved.length[vertex]) continue;
    // Customers and peers tell their customers' routes only.
    if (graph.relations[slot] !== 2 && solved.relation[neighbor] !== 0) continue;
    equals.push(neighbor);
  }
  return equals;
}
