/** A service on a generated graph, changed at random moments while an engine plays it and a recorder writes it down. */
import { Prng } from "#core/prng.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { PropagationEngine, type EngineOptions } from "#sim/propagation/engine.ts";
import type { RouteMarks } from "#sim/propagation/paths.ts";
import { digestGraph } from "#sim/recording/digest.ts";
import { RECORDING_SCHEMA, type RecordingHeader } from "#sim/recording/format.ts";
import { RecordingReader, type Recording } from "#sim/recording/read-recording.ts";
import { Recorder } from "#sim/recording/recorder.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { generateGraph } from "#sim/topology/generate.ts";

const SITES = 5;
const STEPS = 12;
const STEP_US_MAX = 20_000_000;

export interface Played {
  readonly graph: AsGraph;
  readonly lines: readonly string[];
  /** What the engine itself said at each of these moments: AS numbers of the best path of every vertex. */
  readonly looks: readonly { readonly atUs: number; readonly paths: readonly string[] }[];
  readonly counts: { readonly announcements: number; readonly withdrawals: number };
}

export function playRandomly(seed: number, timing: EngineOptions): Played {
  const prng = new Prng(seed);
  const graph = generateGraph(prng.integer(100, 300), prng.fork("graph"));
  const sites = Array.from({ length: SITES }, (_, index) =>
    Math.floor((graph.vertexCount * (2 * index + 1)) / (2 * SITES)),
  );
  const up = new Map<number, RouteMarks>(
    sites.slice(0, 3).map((vertex) => [vertex, { prepends: vertex % 3 }]),
  );
  const announced = [...up].map(([vertex, marks]) => ({ vertex, ...marks }));
  const lines: string[] = [];
  const looks: { atUs: number; paths: string[] }[] = [];
  const engine: PropagationEngine = new PropagationEngine(graph, timing, prng.fork("run"), {
    onBestChange: (vertex, atUs) => recorder.bestChanged(vertex, atUs),
    onArrived: (slot, path, atUs) => recorder.arrived(slot, path, atUs),
  });
  const header = headerOf(graph, sites, announced);
  const recorder = new Recorder(header, graph, engine, (line) => lines.push(line));
  engine.adopt(announced, new CatchmentSolver(graph).solve(announced));
  const look = (atUs: number): void => {
    looks.push({ atUs, paths: [...graph.asn.keys()].map((vertex) => pathText(engine, graph, vertex)) });
  };
  look(0);
  let nowUs = 0;
  for (let step = 0; step < STEPS; step++) {
    nowUs += prng.integer(1, STEP_US_MAX);
    engine.advance(nowUs);
    changeOne(engine, up, sites[prng.integer(0, SITES - 1)]!, prng, nowUs);
    look(nowUs);
    nowUs += prng.integer(1, STEP_US_MAX);
    engine.advance(nowUs);
    look(nowUs);
  }
  engine.settle();
  look(engine.lastArrivalUs + 1);
  recorder.finish();
  return { graph, lines, looks, counts: { ...engine.counts } };
}

function changeOne(
  engine: PropagationEngine,
  up: Map<number, RouteMarks>,
  site: number,
  prng: Prng,
  nowUs: number,
): void {
  if (up.has(site) && prng.chance(2, 3)) {
    up.delete(site);
    engine.withdraw(site, nowUs);
    return;
  }
  const marks = { prepends: prng.integer(0, 3), isGraceful: prng.chance(1, 4), isNoPeer: prng.chance(1, 4) };
  up.set(site, marks);
  engine.announce(site, marks, nowUs);
}

function pathText(engine: PropagationEngine, graph: AsGraph, vertex: number): string {
  const path = engine.bestPath(vertex);
  const { length } = engine.paths;
  return `${length[path]}: ${engine.paths
    .vertices(path)
    .map((at) => graph.asn[at])
    .join(" ")}`;
}

export function headerOf(
  graph: AsGraph,
  sites: readonly number[],
  announced: RecordingHeader["announced"],
): RecordingHeader {
  return {
    schema: RECORDING_SCHEMA,
    version: "test",
    title: "sites come and go",
    world: { graph: "any" },
    graph: {
      name: "generated",
      vertices: graph.vertexCount,
      networks: graph.vertexCount,
      digest: digestGraph(graph),
    },
    timing: "any",
    seed: 1,
    run: 0,
    sites: sites.map((vertex) => ({ site: `s${vertex}`, vertex, as: graph.asn[vertex]! })),
    vantages: [],
    announced,
    acts: [],
  };
}

export function read(lines: readonly string[]): Recording {
  const reader = new RecordingReader();
  for (const line of lines) reader.push(line);
  return reader.finish();
}
