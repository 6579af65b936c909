/**
 * Where everything ends: the engine that plays every message, the static solver, a fixed point that knows neither, and
 * paths counted out one by one must agree on every AS, and a service that is gone must be gone everywhere.
 */
import { Prng } from "#core/prng.ts";
import { CatchmentSolver, type Source } from "#sim/anycast/solve.ts";
import { PropagationEngine, type EngineOptions } from "#sim/propagation/engine.ts";
import { TIMING_NAMES, TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { fixedPoint, isSameRoute, originOf, tiesOf, type KnownRoute } from "./fixed-point.ts";
import { randomInternet, randomSources } from "./random-internet.ts";
import { Equalities, type TruthRow } from "./truth-row.ts";
import { classesByPaths } from "./valley-free.ts";

const NO_ROUTE = 255;
const SITES = 5;
const GENERATED_ASES = [100, 400] as const;
const LEFTOVER_ASES = [100, 160] as const;
/** Half of the pauses are so short that the last change is still under way, whatever the timers; the others may not be. */
const PAUSE_US_MAX = { short: 200_000, long: 40_000_000 } as const;
const SMALL_GRAPHS_SEED = 20_251_124;

/** Random announcements and withdrawals on generated Internets of 100 to 400 ASes, with every set of timers in turn. */
export function generatedEndStates(graphs: number, actsEach: number): TruthRow {
  const equalities = new Equalities("ASes");
  for (let seed = 0; seed < graphs; seed++) {
    const prng = new Prng(seed).fork("truth/generated");
    const graph = generateGraph(prng.integer(...GENERATED_ASES), prng);
    const timing = TIMING_SETS[TIMING_NAMES[seed % TIMING_NAMES.length]!];
    compareEndState(graph, timing, actsEach, prng, equalities);
  }
  return equalities.row(
    {
      quantity: `end of ${actsEach} random announcements and withdrawals, ${graphs} generated Internets`,
      source: "every AS: engine against static solve, site and next hop",
    },
    "the static solve",
  );
}

/** The same on a graph that was given. */
export function givenEndState(name: string, graph: AsGraph, acts: number): TruthRow {
  const equalities = new Equalities("ASes");
  compareEndState(graph, TIMING_SETS["no-mrai"], acts, new Prng(1).fork(`truth/${name}`), equalities);
  return equalities.row(
    {
      quantity: `end of ${acts} random announcements and withdrawals, ${name}`,
      source: "every AS: engine against static solve, site and next hop",
    },
    "the static solve",
  );
}

function compareEndState(
  graph: AsGraph,
  timing: EngineOptions,
  acts: number,
  prng: Prng,
  equalities: Equalities,
): void {
  const engine = new PropagationEngine(graph, timing, prng.fork("engine"));
  const sites = randomSites(graph, prng);
  const up = new Set<Source>();
  let nowUs = 0;
  for (let act = 0; act < acts; act++) {
    const site = sites[prng.integer(0, sites.length - 1)]!;
    if (up.delete(site)) engine.withdraw(site.vertex, nowUs);
    else {
      up.add(site);
      engine.announce(site.vertex, site, nowUs);
    }
    nowUs += drawPauseUs(prng);
    engine.advance(nowUs);
  }
  engine.settle();
  const { site, next } = new CatchmentSolver(graph).solve([...up]);
  for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
    const hop = engine.nextHop(vertex);
    // The engine calls a site its own next hop, the solver none.
    const isSame =
      (engine.siteOf(vertex) ?? -1) === site[vertex] && (hop === vertex ? -1 : hop) === next[vertex];
    equalities.note(
      isSame,
      () => `AS ${graph.asn[vertex]} of ${graph.vertexCount}: next hop ${hop}, not ${next[vertex]}`,
    );
  }
}

/** Some prepend, one asks for no export. */
function randomSites(graph: AsGraph, prng: Prng): Source[] {
  const vertices = new Set<number>();
  while (vertices.size < SITES) vertices.add(prng.integer(0, graph.vertexCount - 1));
  return [...vertices].map((vertex, index) => ({ vertex, prepends: index % 3, isNoExport: index === 4 }));
}

function drawPauseUs(prng: Prng): number {
  return prng.integer(0, prng.chance(1, 2) ? PAUSE_US_MAX.short : PAUSE_US_MAX.long);
}

/** No zombies: when the last site has withdrawn, nobody keeps a route, whatever the delays drawn. */
export function leftoverRoutes(seeds: number): TruthRow {
  const equalities = new Equalities("ASes");
  for (let seed = 0; seed < seeds; seed++) {
    const prng = new Prng(seed).fork("truth/leftover");
    const graph = generateGraph(prng.integer(...LEFTOVER_ASES), prng);
    const timing = TIMING_SETS[TIMING_NAMES[seed % TIMING_NAMES.length]!];
    const engine = new PropagationEngine(graph, timing, prng.fork("engine"));
    const sites = randomSites(graph, prng);
    for (const site of sites) engine.announce(site.vertex, site, 0);
    let nowUs = drawPauseUs(prng);
    engine.advance(nowUs);
    for (const { vertex } of sites) {
      engine.withdraw(vertex, nowUs);
      nowUs += drawPauseUs(prng);
      engine.advance(nowUs);
    }
    engine.settle();
    for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
      const left = engine.siteOf(vertex);
      equalities.note(left === undefined, () => `seed ${seed}: AS ${graph.asn[vertex]} still has a route`);
    }
  }
  return equalities.row(
    {
      quantity: `ASes with a route after the last site has withdrawn, ${seeds} seeds`,
      source: "a withdrawal overtaken by an announcement would leave one",
    },
    "none",
  );
}

/** Routes, sites and tied sites of the static solve, and the classes of its routes. */
export function solverAgainstOracles(graphs: number): TruthRow[] {
  const prng = new Prng(SMALL_GRAPHS_SEED);
  const routes = new Equalities("ASes");
  const classes = new Equalities("ASes");
  for (let count = 0; count < graphs; count++) {
    const graph = randomInternet(prng);
    const solver = new CatchmentSolver(graph);
    compareWithFixedPoint(graph, solver, randomSources(prng, graph.vertexCount, true), routes);
    // What a community hides is hidden from who looks at paths alone.
    const plain = randomSources(prng, graph.vertexCount, false);
    const { relation } = solver.solve(plain);
    for (const [vertex, wanted] of classesByPaths(graph, plain).entries()) {
      classes.note(relation[vertex] === wanted, () => `graph ${count}: AS ${graph.asn[vertex]}`);
    }
  }
  return [
    routes.row(
      {
        quantity: `routes, sites and ties of the static solve, ${graphs} random graphs, communities too`,
        source: "independent fixed point, sim/truth/fixed-point.ts",
      },
      "the fixed point",
    ),
    classes.row(
      {
        quantity: `classes of the static solve's routes, ${graphs} random graphs`,
        source: "every valley-free path walked, sim/truth/valley-free.ts",
      },
      "the best class of any path",
    ),
  ];
}

function compareWithFixedPoint(
  graph: AsGraph,
  solver: CatchmentSolver,
  sources: readonly Source[],
  equalities: Equalities,
): void {
  const known = fixedPoint(graph, sources);
  const { relation, length, next, site, ties } = solver.solveWithTies(sources);
  const wantedTies = tiesOf(graph, sources, known);
  for (const [vertex, route] of known.entries()) {
    const got: KnownRoute | undefined =
      relation[vertex] === NO_ROUTE
        ? undefined
        : { relation: relation[vertex]!, length: length[vertex]!, next: next[vertex]! };
    const wantedSite = route === undefined ? -1 : originOf(known, vertex);
    equalities.note(
      isSameRoute(got, route) && site[vertex] === wantedSite && ties[vertex] === wantedTies[vertex],
      () => `AS ${graph.asn[vertex]}: ${JSON.stringify(got)} and not ${JSON.stringify(route)}`,
    );
  }
}

/** Catchment of each AS when these announce together, and how many reach nobody. */
const CATCHMENTS_2025 = [
  { sizes: { 13335: 47_116, 54113: 31_196 }, none: 326 },
  {
    sizes: {
      13335: 21_337,
      54113: 19_528,
      4134: 11_841,
      20940: 11_835,
      8075: 7_092,
      60068: 6_295,
      16509: 422,
      15169: 27,
      32934: 3,
    },
    none: 258,
  },
] as const;

export function catchments2025(graph: AsGraph): TruthRow[] {
  const solver = new CatchmentSolver(graph);
  return CATCHMENTS_2025.map(({ sizes, none }) => {
    const wanted = Object.entries(sizes).map(([asn, size]) => ({ asn: Number(asn), size }));
    const equalities = new Equalities("catchments");
    const { site } = solver.solve(wanted.map(({ asn }) => ({ vertex: graph.asn.indexOf(asn), prepends: 0 })));
    const counts = new Map<number, number>();
    for (const vertex of site) counts.set(vertex, (counts.get(vertex) ?? 0) + 1);
    for (const { asn, size } of wanted) {
      const got = counts.get(graph.asn.indexOf(asn)) ?? 0;
      equalities.note(got === size, () => `AS ${asn}: ${got}, not ${size}`);
    }
    equalities.note(counts.get(-1) === none, () => `without a route: ${counts.get(-1)}, not ${none}`);
    return equalities.row(
      {
        quantity: `catchments of ${wanted.length} large networks, CAIDA 2025-09-01`,
        source: "ties to the lowest AS; class and length of every AS as TopologyMapping/bgpsim @4289818",
      },
      `${wanted.map(({ asn, size }) => `${asn} ${size}`).join(", ")}, none ${none}`,
    );
  });
}
