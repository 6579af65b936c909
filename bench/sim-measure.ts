/**
 * One measured run of the simulator on a graph of the size of the Internet, in a process of its own, so that its peak
 * memory is that of the work: `node bench/sim-measure.ts GRAPH TASK`, where GRAPH is a file, or `generate:10000`. Prints
 * one JSON document.
 */
import { nowMs } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import { CatchmentSolver, type Catchment, type Source } from "#sim/anycast/solve.ts";
import { equalWeights } from "#sim/anycast/weights.ts";
import { solveAllCombinations } from "#sim/anycast/what-if.ts";
import { loadAsRel } from "#sim/load/load-as-rel.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { OneSiteSolver } from "./one-site-solver.ts";
import { median } from "./results.ts";

/** Networks with many neighbours that stand in for nine sites; the first is the one that goes. */
const SITE_ASES = [13_335, 54_113, 4_134, 20_940, 8_075, 60_068, 16_509, 15_169, 32_934];
const SOLVES = 50;
const GENERATOR_SEED = 1;
const BYTES_PER_KIB = 1024;

const [graphPath = "", task = ""] = process.argv.slice(2);
const startMs = nowMs();
const [, generated] = /^generate:(\d+)$/.exec(graphPath) ?? [];
const graph =
  generated === undefined
    ? await loadAsRel(graphPath)
    : generateGraph(Number(generated), new Prng(GENERATOR_SEED));
const loadMs = nowMs() - startMs;
const sources = sitesOf(graph);
const figures: Record<string, number> = { load_ms: loadMs, ...run(task) };
figures["rss_mb"] = (process.resourceUsage().maxRSS * BYTES_PER_KIB) / 1e6;
process.stdout.write(
  `${JSON.stringify({ figures, ases: graph.vertexCount, links: graph.neighbors.length / 2 })}\n`,
);

function run(name: string): Record<string, number> {
  switch (name) {
    case "solve":
      return solveTimes();
    case "resolve":
      return { resolve_one_ms: resolveOne() };
    case "withdraw":
      return { withdraw_ms: withdraw(graph, new CatchmentSolver(graph), 1) };
    case "whatif":
      return { whatif512_ms: timed(() => solveAllCombinations(graph, sources, equalWeights(graph))) };
    case "whatif-one-by-one":
      return { whatif512_one_by_one_ms: timed(solveOneByOne) };
    case "size":
      return {
        ...solveTimes(),
        whatif512_ms: timed(() => solveAllCombinations(graph, sources, equalWeights(graph))),
        withdraw_ms: withdraw(graph, new CatchmentSolver(graph), 1),
      };
    case "withdraw100": {
      const solver = new CatchmentSolver(graph);
      return {
        withdraw100_ms: timed(() => {
          for (let seed = 1; seed <= 100; seed++) withdraw(graph, solver, seed);
        }),
      };
    }
    default:
      throw new Error(`no task "${name}"`);
  }
}

/** One site goes or comes back, each in its turn; checked against a full solve, AS by AS. */
function resolveOne(): number {
  const solver = new CatchmentSolver(graph);
  const trial = new OneSiteSolver(graph, sources, solver.solve(sources));
  const times: number[] = [];
  for (let count = 0; count < SOLVES; count++) {
    const site = sources[count % sources.length]!;
    for (const isUp of [false, true]) {
      let found: Catchment | undefined;
      times.push(timed(() => (found = trial.change(site, isUp))));
      const whole = solver.solve(isUp ? sources : sources.filter((source) => source !== site));
      for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
        const isRouted = whole.next[vertex] !== -1 || whole.site[vertex] !== -1;
        const isSame =
          found!.relation[vertex] === whole.relation[vertex] &&
          found!.next[vertex] === whole.next[vertex] &&
          found!.site[vertex] === whole.site[vertex] &&
          (!isRouted || found!.length[vertex] === whole.length[vertex]);
        if (!isSame) throw new Error(`AS ${graph.asn[vertex]} is solved otherwise after a change`);
      }
    }
  }
  return median(times);
}

/** Every combination by a full solve of its own and a sum of its loads: what a pass for 32 of them is measured against. */
function solveOneByOne(): void {
  const solver = new CatchmentSolver(graph);
  const loads = new Float64Array(graph.vertexCount);
  for (let mask = 1; mask < 2 ** sources.length; mask++) {
    const { site } = solver.solve(sources.filter((_, index) => (mask & (1 << index)) !== 0));
    for (let vertex = 0; vertex < site.length; vertex++) {
      if (site[vertex] !== -1) loads[site[vertex]!]! += 1;
    }
  }
}

/** On the whole Internet the named ones; on a generated one those with most neighbours. */
function sitesOf({ asn, offsets, vertexCount }: AsGraph): Source[] {
  if (generated === undefined) return SITE_ASES.map((each) => ({ vertex: asn.indexOf(each), prepends: 0 }));
  const degree = (vertex: number): number => offsets[vertex + 1]! - offsets[vertex]!;
  const vertices = Array.from({ length: vertexCount }, (_, vertex) => vertex);
  vertices.sort((x, y) => degree(y) - degree(x) || x - y);
  return vertices.slice(0, SITE_ASES.length).map((vertex) => ({ vertex, prepends: 0 }));
}

/** Medians within this process; the first solves compile the code. */
function solveTimes(): Record<string, number> {
  const solver = new CatchmentSolver(graph);
  const plain: number[] = [];
  const tied: number[] = [];
  for (let count = 0; count < SOLVES; count++) {
    plain.push(timed(() => solver.solve(sources)));
    tied.push(timed(() => solver.solveWithTies(sources)));
  }
  return { catchment_ms: median(plain), catchment_ties_ms: median(tied) };
}

/** The time of the withdrawal itself, until nothing is under way. */
function withdraw(on: AsGraph, solver: CatchmentSolver, seed: number): number {
  const engine = new PropagationEngine(on, TIMING_SETS["rfc-4271"], new Prng(seed));
  engine.adopt(sources, solver.solve(sources));
  return timed(() => {
    engine.withdraw(sources[0]!.vertex, 0);
    engine.settle();
  });
}

function timed(work: () => void): number {
  const beganMs = nowMs();
  work();
  return nowMs() - beganMs;
}
