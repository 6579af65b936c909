/** What the simulator says of a failure of the lab: where every router ends, and how long the change takes to spread. */
import { Prng } from "#core/prng.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { carryOut } from "#sim/change/acts.ts";
import { PropagationEngine, type EngineOptions } from "#sim/propagation/engine.ts";
import type { Failure } from "./failures.ts";
import type { LabTopology } from "./topology.ts";

const UNIT_STEPS = 2 ** 30;

/** By vertex: AS path as heard, `64621 64500`; empty: its own; undefined: none. */
export type BestPaths = readonly (string | undefined)[];

export interface Prediction {
  readonly paths: BestPaths;
  /** From the first change of a best path to the last, µs. */
  readonly spreadUs: number;
  /** From the failure to the first change, µs. */
  readonly noticedUs: number;
}

export function pathsBefore(topology: LabTopology): BestPaths {
  return pathsOf(
    topology,
    settled(topology, { delayUs: [1, 1], mraiUs: [0, 0] }, new Prng(1), () => undefined),
  );
}

export function predict(
  topology: LabTopology,
  failure: Failure,
  timing: EngineOptions,
  seed: number,
): Prediction {
  const prng = new Prng(seed).fork(failure.kind);
  let firstUs = Infinity;
  let lastUs = 0;
  const engine = settled(topology, timing, prng, (vertex, atUs) => {
    // A site that announces itself otherwise has the same best route as before: its own.
    if (engine.nextHop(vertex) === vertex) return;
    firstUs = Math.min(firstUs, atUs);
    lastUs = atUs;
  });
  const chance = prng.fork("acts");
  const draws = { prng: chance, noticeUs: () => drawDelayUs(timing, chance) };
  for (const act of failure.acts(topology, draws)) {
    engine.advance(act.atUs);
    carryOut(engine, act);
  }
  engine.settle();
  return { paths: pathsOf(topology, engine), spreadUs: Math.max(0, lastUs - firstUs), noticedUs: firstUs };
}

function settled(
  { graph, sites }: LabTopology,
  timing: EngineOptions,
  prng: Prng,
  changed: (vertex: number, atUs: number) => void,
): PropagationEngine {
  const engine = new PropagationEngine(graph, timing, prng, { onBestChange: changed });
  engine.adopt(sites, new CatchmentSolver(graph).solve(sites));
  return engine;
}

function pathsOf({ graph, routers }: LabTopology, engine: PropagationEngine): BestPaths {
  const { parent, length } = engine.paths;
  return routers.map(({ vertex }) => {
    const best = engine.bestPath(vertex);
    if (best === 0) return undefined;
    if (engine.nextHop(vertex) === vertex) return "";
    const numbers = engine.paths.vertices(best).map((at) => graph.asn[at]!);
    let root = best;
    while (parent[root] !== 0) root = parent[root]!;
    // The site's own AS, as often as it prepends.
    for (let more = 1; more < length[root]!; more++) numbers.push(numbers.at(-1)!);
    return numbers.join(" ");
  });
}

/** As the engine draws a message's. */
function drawDelayUs({ delayUs: [min, max], delayMeanUs }: EngineOptions, prng: Prng): number {
  if (delayMeanUs === undefined) return prng.integer(min, max);
  const unit = prng.integer(1, UNIT_STEPS) / UNIT_STEPS;
  return Math.min(max, min + Math.round(-delayMeanUs * Math.log(unit)));
}
