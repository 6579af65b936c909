/** How long a drain waits: exact on a small graph, and where it ends equal to what the engine holds to be right. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { leftAfterUs, playDrain, type Drain } from "#sim/anycast/drain.ts";
import type { DrainWay } from "#sim/anycast/drain-ways.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { equalWeights } from "#sim/anycast/weights.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import { GraphBuilder, type AsGraph } from "#sim/topology/as-graph.ts";
import { generateGraph } from "#sim/topology/generate.ts";

const DELAY_US = 10_000;

function drain(graph: AsGraph, vertices: readonly number[], way: DrainWay, prepends = 3): Drain {
  const sources = vertices.map((vertex) => ({ vertex, prepends: 0 }));
  const solved = new CatchmentSolver(graph).solve(sources);
  const timing = { delayUs: [DELAY_US, DELAY_US], mraiUs: [0, 0] } as const;
  const weights = equalWeights(graph);
  return playDrain({ graph, sources, solved, drained: 0, way, prepends, timing, weights }, new Prng(1));
}

/** 11 below 10, 21 below 20, 30 below both; 10 and 20 are peers. The sites are 11 and 21. */
function diamond(): [graph: AsGraph, sites: readonly number[]] {
  const builder = new GraphBuilder();
  const [ten, eleven, twenty, twentyOne, thirty] = [10, 11, 20, 21, 30].map((asn) => builder.addVertex(asn));
  builder.addPeering(ten!, twenty!);
  builder.addTransit(ten!, eleven!);
  builder.addTransit(twenty!, twentyOne!);
  builder.addTransit(ten!, thirty!);
  builder.addTransit(twenty!, thirty!);
  return [builder.build(), [eleven!, twentyOne!]];
}

test("graceful: AS 10 prefers its peer as soon as it hears, and carries AS 30 with it; nobody loses a packet", () => {
  const run = drain(...diamond(), "graceful-shutdown");
  expect([run.served, run.servedAses, run.lostSeconds]).toEqual([2, 2, 0]);
  expect([leftAfterUs(run, 0.5), leftAfterUs(run, 1)]).toEqual([DELAY_US, DELAY_US]);
  expect(run.points[0]).toEqual({ atUs: 0, there: 2, nowhere: 0 });
});

test("prepends: AS 30 goes after two delays, AS 10 never, for it has its customer's route", () => {
  const run = drain(...diamond(), "prepend");
  const halfUs = leftAfterUs(run, 0.5)!;
  expect(halfUs).toBeGreaterThanOrEqual(2 * DELAY_US);
  expect(halfUs).toBeLessThanOrEqual(2 * DELAY_US * 1.05);
  expect(leftAfterUs(run, 0.51)).toBeUndefined();
  expect(run.points.at(-1)).toMatchObject({ there: 1, nowhere: 0 });
});

test("a share that comes back has not left", () => {
  const point = (atUs: number, there: number) => ({ atUs, there, nowhere: 0 });
  const run = {
    served: 10,
    servedAses: 10,
    lostSeconds: 0,
    points: [point(0, 10), point(1, 2), point(2, 6), point(3, 1)],
  };
  expect([0.4, 0.5, 0.9, 0.95].map((share) => leftAfterUs(run, share))).toEqual([1, 3, 3, undefined]);
});

test("on a generated Internet with MRAI: withdrawing moves all, graceful all who may go, nearly without a loss", () => {
  const graph = generateGraph(1_000, new Prng(3));
  const sources = [17, 900].map((vertex) => ({ vertex, prepends: 0 }));
  const solved = new CatchmentSolver(graph).solve(sources);
  const base = { graph, sources, solved, drained: 0, prepends: 0, weights: equalWeights(graph) };
  const timing = TIMING_SETS["rfc-4271"];
  const asked = playDrain({ ...base, way: "graceful-shutdown", timing }, new Prng(1));
  const gone = playDrain({ ...base, way: "withdraw", timing }, new Prng(1));
  expect(gone.points.at(-1)).toMatchObject({ there: 0, nowhere: 0 });
  expect(asked.points.at(-1)!.nowhere).toBe(0);
  expect(leftAfterUs(asked, 0.9)).toBeGreaterThan(0);
  // Circles while some have heard and others have not: rare, and short.
  expect(asked.lostSeconds / asked.served).toBeLessThan(0.5);
});
