/**
 * The static solver against an independent reading of the same rules: each AS takes, again and again, the best of what
 * its neighbours chose and may tell it, until nothing changes.
 */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { CatchmentSolver, type Source } from "#sim/anycast/solve.ts";
import { GraphBuilder, RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { loadAsRel } from "#sim/load/load-as-rel.ts";
import { dataFile, GRAPH_2025, NO_DATA } from "../../../bench/shared-data.ts";

const NO_ROUTE = 255;
const GRAPHS = 2_000;

/** Up to twelve ASes; a lower index may sell to a higher one, so nobody is his own provider. */
function randomGraph(prng: Prng): AsGraph {
  const builder = new GraphBuilder();
  const count = 2 + prng.integer(0, 10);
  const order = Array.from({ length: count }, (_, index) => index);
  // AS numbers in no relation to the hierarchy.
  for (let at = count - 1; at > 0; at--) {
    const other = prng.integer(0, at);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  for (const rank of order) builder.addVertex(100 + rank);
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const kind = prng.integer(0, 5);
      if (kind < 2) builder.addTransit(a, b);
      else if (kind === 2) builder.addPeering(a, b);
    }
  }
  return builder.build();
}

function randomSources(prng: Prng, vertexCount: number): Source[] {
  const vertices = new Set<number>();
  const count = 1 + prng.integer(0, Math.min(4, vertexCount) - 1);
  while (vertices.size < count) vertices.add(prng.integer(0, vertexCount - 1));
  return [...vertices].map((vertex) => ({
    vertex,
    prepends: prng.integer(0, 2),
    isNoExport: prng.chance(1, 8),
    isNoPeer: prng.chance(1, 4),
    isBlackhole: prng.chance(1, 8),
  }));
}

interface Known {
  readonly relation: number;
  readonly length: number;
  readonly next: number;
}

/** Every vertex's route once nobody changes his mind any more. */
function fixedPoint(graph: AsGraph, sources: readonly Source[]): (Known | undefined)[] {
  const known: (Known | undefined)[] = Array.from({ length: graph.vertexCount });
  for (const { vertex, prepends } of sources) {
    known[vertex] = { relation: RELATION.customer, length: prepends, next: -1 };
  }
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
      if (sources.some((source) => source.vertex === vertex)) continue;
      const best = offersTo(graph, sources, known, vertex).sort((x, y) => compare(graph, x, y))[0];
      if (JSON.stringify(best) === JSON.stringify(known[vertex])) continue;
      known[vertex] = best;
      isChanged = true;
    }
  }
  return known;
}

/** What a vertex hears now. Nobody offers a path that leads through who would hear it. */
function offersTo(
  graph: AsGraph,
  sources: readonly Source[],
  known: readonly (Known | undefined)[],
  vertex: number,
): Known[] {
  const offers: Known[] = [];
  for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
    const neighbor = graph.neighbors[slot]!;
    const relation = graph.relations[slot]!;
    const route = known[neighbor];
    if (route === undefined || passes(known, neighbor, vertex) || isSilent(sources, route)) continue;
    // My customer tells me its customers' routes only; so does my peer; my provider tells me everything.
    if (relation !== RELATION.provider && route.relation !== RELATION.customer) continue;
    if (relation === RELATION.peer && isKeptFromPeers(sources, known, neighbor)) continue;
    offers.push({ relation, length: route.length + 1, next: neighbor });
  }
  return offers;
}

/** Heard from a site with NO_EXPORT or BLACKHOLE. */
function isSilent(sources: readonly Source[], { next }: Known): boolean {
  return sources.some(
    ({ vertex, isNoExport, isBlackhole }) => (isNoExport === true || isBlackhole === true) && vertex === next,
  );
}

/** Leads to a site with NOPEER, and its owner is not that site. */
function isKeptFromPeers(
  sources: readonly Source[],
  known: readonly (Known | undefined)[],
  vertex: number,
): boolean {
  const site = originOf(known, vertex);
  return site !== vertex && sources.some((source) => source.vertex === site && source.isNoPeer === true);
}

function passes(known: readonly (Known | undefined)[], from: number, through: number): boolean {
  let at = from;
  for (let hops = 0; at !== -1 && hops <= known.length; hops++) {
    if (at === through) return true;
    at = known[at]?.next ?? -1;
  }
  return false;
}

function compare(graph: AsGraph, x: Known, y: Known): number {
  return x.relation - y.relation || x.length - y.length || graph.asn[x.next]! - graph.asn[y.next]!;
}

function originOf(known: readonly (Known | undefined)[], vertex: number): number {
  let at = vertex;
  // While not settled, a way may end in nothing or in a circle.
  for (let hops = 0; hops <= known.length && (known[at]?.next ?? -1) !== -1; hops++) at = known[at]!.next;
  return at;
}

test(`routes, sites and ties equal the fixed point on ${GRAPHS} random graphs`, () => {
  const prng = new Prng(20_251_124);
  for (let count = 0; count < GRAPHS; count++) {
    const graph = randomGraph(prng);
    const sources = randomSources(prng, graph.vertexCount);
    const known = fixedPoint(graph, sources);
    const solved = new CatchmentSolver(graph).solveWithTies(sources);
    const got = known.map((_, vertex) =>
      solved.relation[vertex] === NO_ROUTE
        ? undefined
        : { relation: solved.relation[vertex], length: solved.length[vertex], next: solved.next[vertex] },
    );
    expect({ count, routes: got }).toEqual({ count, routes: known });
    for (const [vertex, route] of known.entries()) {
      expect(solved.site[vertex]).toBe(route === undefined ? -1 : originOf(known, vertex));
    }
    expect([...solved.ties]).toEqual(tiesOf(graph, sources, known));
  }
});

/** Bit by bit: who could be reached if every AS took any of its equally good offers. */
function tiesOf(graph: AsGraph, sources: readonly Source[], known: readonly (Known | undefined)[]): number[] {
  const ties = known.map((_, vertex) => {
    const bit = sources.findIndex((source) => source.vertex === vertex);
    return bit === -1 ? 0 : 1 << bit;
  });
  const order = [...known.keys()]
    .filter((vertex) => known[vertex] !== undefined && known[vertex].next !== -1)
    .sort((x, y) => known[x]!.length - known[y]!.length);
  for (const vertex of order) {
    const { relation, length } = known[vertex]!;
    for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
      const route = known[graph.neighbors[slot]!];
      if (route === undefined || graph.relations[slot] !== relation || route.length + 1 !== length) continue;
      if (isSilent(sources, route)) continue;
      if (relation === RELATION.peer && isKeptFromPeers(sources, known, graph.neighbors[slot]!)) continue;
      if (relation !== RELATION.provider && route.relation !== RELATION.customer) continue;
      ties[vertex]! |= ties[graph.neighbors[slot]!]!;
    }
  }
  return ties;
}

test("a solver may be used again: nothing of the last solve is left", () => {
  const prng = new Prng(7);
  for (let count = 0; count < 200; count++) {
    const graph = randomGraph(prng);
    const solver = new CatchmentSolver(graph);
    const first = randomSources(prng, graph.vertexCount);
    const second = randomSources(prng, graph.vertexCount);
    solver.solveWithTies(first);
    const again = solver.solve(second);
    const fresh = new CatchmentSolver(graph).solve(second);
    expect({ ...again, length: undefined }).toEqual({ ...fresh, length: undefined });
    // The length of who has no route means nothing.
    for (const [vertex, relation] of fresh.relation.entries()) {
      if (relation !== NO_ROUTE) expect(again.length[vertex]).toBe(fresh.length[vertex]);
    }
  }
});

test("a route with NO_EXPORT stops at who hears it from the site", () => {
  const builder = new GraphBuilder();
  const [top, middle, site, other] = [1, 2, 3, 4].map((asn) => builder.addVertex(asn)) as [
    number,
    number,
    number,
    number,
  ];
  builder.addTransit(top, middle);
  builder.addTransit(middle, site);
  builder.addTransit(middle, other);
  const solver = new CatchmentSolver(builder.build());
  const silent = solver.solve([{ vertex: site, prepends: 0, isNoExport: true }]);
  expect([...silent.site]).toEqual([-1, site, site, -1]);
  const loud = solver.solve([{ vertex: site, prepends: 0 }]);
  expect([...loud.site]).toEqual([site, site, site, site]);
});

test("a peer-only site is heard by its peers and their customers, not above them", () => {
  const builder = new GraphBuilder();
  const [above, peer, below, site] = [1, 2, 3, 4].map((asn) => builder.addVertex(asn)) as [
    number,
    number,
    number,
    number,
  ];
  builder.addTransit(above, peer);
  builder.addTransit(peer, below);
  builder.addPeering(peer, site);
  const { site: reached, relation } = new CatchmentSolver(builder.build()).solve([
    { vertex: site, prepends: 0 },
  ]);
  expect([...reached]).toEqual([-1, site, site, site]);
  expect(relation[peer]).toBe(RELATION.peer);
});

test("catchments of the Internet of September 2025", async (context) => {
  const path = dataFile(GRAPH_2025);
  if (path === undefined) return context.skip(NO_DATA);
  const graph = await loadAsRel(path);
  const solver = new CatchmentSolver(graph);
  expect(sizes(graph, solver, [13_335, 54_113])).toEqual({ 13335: 47_116, 54113: 31_196, none: 326 });
  expect(
    sizes(graph, solver, [13_335, 54_113, 4_134, 20_940, 8_075, 60_068, 16_509, 15_169, 32_934]),
  ).toEqual({
    13335: 21_337,
    54113: 19_528,
    4134: 11_841,
    20940: 11_835,
    8075: 7_092,
    60068: 6_295,
    16509: 422,
    15169: 27,
    32934: 3,
    none: 258,
  });
});

/** ASes by the AS of the site they reach. */
function sizes(graph: AsGraph, solver: CatchmentSolver, ases: readonly number[]): Record<string, number> {
  const { site } = solver.solve(ases.map((asn) => ({ vertex: graph.asn.indexOf(asn), prepends: 0 })));
  const counts: Record<string, number> = {};
  for (const vertex of site) {
    const name = vertex === -1 ? "none" : String(graph.asn[vertex]);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
