/** How long a drain waits: exact on a small graph, and where it ends equal to what the engine holds to be right. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { equalWeights } from "#sim/anycast/weights.ts";
import { servedBy } from "#sim/change/clients.ts";
import { asking, DRAIN_GRID_GROWTH, leftAfterUs } from "#sim/change/drain.ts";
import type { DrainWay } from "#sim/change/drain-ways.ts";
import { playChange, type GridPoint, type PlayedChange } from "#sim/change/play-change.ts";
import type { EngineOptions } from "#sim/propagation/engine.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { DELAY_US, serviceOnDiamond, STEADY } from "./service-on-diamond.ts";

function drain(
  graph: AsGraph,
  vertices: readonly number[],
  way: DrainWay,
  timing: EngineOptions = STEADY,
): PlayedChange {
  const sources = vertices.map((vertex) => ({ site: `s${vertex}`, vertex, prepends: 0 }));
  const solved = new CatchmentSolver(graph).solve(sources);
  const [site] = sources;
  const plan = {
    graph,
    sources,
    solved,
    acts: asking(site!, way, 3),
    clients: servedBy(solved, site!.vertex),
    subject: site!.vertex,
    timing,
    weights: equalWeights(graph),
    gridGrowth: DRAIN_GRID_GROWTH,
  };
  return playChange(plan, new Prng(1));
}

function nowhere({ wrong, lost, looping }: GridPoint): number {
  return wrong + lost + looping;
}

function small(): [graph: AsGraph, sites: readonly number[]] {
  const { graph, west, east } = serviceOnDiamond();
  return [graph, [west.vertex, east.vertex]];
}

test("graceful: AS 10 prefers its peer as soon as it hears, and carries AS 30 with it; nobody loses a packet", () => {
  const run = drain(...small(), "graceful-shutdown");
  expect([run.affected, run.affectedAses, run.blackholeSeconds, run.loopSeconds]).toEqual([2, 2, 0, 0]);
  expect([leftAfterUs(run, 0.5), leftAfterUs(run, 1)]).toEqual([DELAY_US, DELAY_US]);
  expect(run.grid[0]).toMatchObject({ atUs: 0, right: 2, there: 2 });
});

test("prepends: AS 30 goes after two delays, AS 10 never, for it has its customer's route", () => {
  const run = drain(...small(), "prepend");
  const halfUs = leftAfterUs(run, 0.5)!;
  expect(halfUs).toBeGreaterThanOrEqual(2 * DELAY_US);
  expect(halfUs).toBeLessThanOrEqual(2 * DELAY_US * 1.05);
  expect(leftAfterUs(run, 0.51)).toBeUndefined();
  expect(run.grid.at(-1)).toMatchObject({ there: 1, right: 2 });
});

test("a share that comes back has not left", () => {
  const point = (atUs: number, there: number): GridPoint => ({
    atUs,
    there,
    right: 10,
    wrong: 0,
    lost: 0,
    looping: 0,
    through: 0,
  });
  const run = { ...drain(...small(), "withdraw"), affected: 10 };
  const grid = [point(0, 10), point(1, 2), point(2, 6), point(3, 1)];
  expect([0.4, 0.5, 0.9, 0.95].map((share) => leftAfterUs({ ...run, grid }, share))).toEqual([
    1,
    3,
    3,
    undefined,
  ]);
});

test("on a generated Internet with MRAI: withdrawing moves all, graceful all who may go, nearly without a loss", () => {
  const graph = generateGraph(1_000, new Prng(3));
  const asked = drain(graph, [17, 900], "graceful-shutdown", TIMING_SETS["rfc-4271"]);
  const gone = drain(graph, [17, 900], "withdraw", TIMING_SETS["rfc-4271"]);
  expect([gone.grid.at(-1)!.there, nowhere(gone.grid.at(-1)!)]).toEqual([0, 0]);
  expect(nowhere(asked.grid.at(-1)!)).toBe(0);
  expect(leftAfterUs(asked, 0.9)).toBeGreaterThan(0);
  // Circles while some have heard and others have not: rare, and short.
  expect((asked.blackholeSeconds + asked.loopSeconds) / asked.affected).toBeLessThan(0.5);
});

test("where half of the ASes do not honour the community, more stay", () => {
  const graph = generateGraph(1_000, new Prng(3));
  const [all, half] = [100, 50].map((gracefulPercent) =>
    drain(graph, [17, 900], "graceful-shutdown", { ...STEADY, gracefulPercent }),
  );
  expect(half!.grid.at(-1)!.there).toBeGreaterThan(all!.grid.at(-1)!.there);
});
