/** Many catchments at once: for every AS and every scenario the route that a solve of its own would give. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { SCENARIOS_MAX, ScenarioSolver } from "#sim/anycast/scenario-solver.ts";
import { measureShares } from "#sim/anycast/shares.ts";
import { CatchmentSolver, type Source } from "#sim/anycast/solve.ts";
import { equalWeights } from "#sim/anycast/weights.ts";
import { loadAsRel } from "#sim/load/load-as-rel.ts";
import { GraphBuilder, type AsGraph } from "#sim/topology/as-graph.ts";
import { attachSites } from "#sim/topology/attach-sites.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { dataFile, GRAPH_2025, NO_DATA } from "../../../bench/shared-data.ts";

const NO_ROUTE = 255;
const GRAPHS = 300;

interface Routes {
  readonly relation: Uint8Array;
  readonly length: Uint16Array;
  readonly next: Int32Array;
}

/** Every route of every scenario, from what the solver says while it works. */
function routesOf(
  solver: ScenarioSolver,
  graph: AsGraph,
  scenarios: readonly (readonly Source[])[],
): Routes[] {
  const routes = scenarios.map((sources) => {
    const relation = new Uint8Array(graph.vertexCount).fill(NO_ROUTE);
    const length = new Uint16Array(graph.vertexCount);
    for (const { vertex, prepends } of sources) {
      relation[vertex] = 0;
      length[vertex] = prepends;
    }
    return { relation, length, next: new Int32Array(graph.vertexCount).fill(-1) };
  });
  let takenTwice = 0;
  solver.solve(scenarios, (vertex, next, relation, length, taken) => {
    for (let left = taken; left !== 0; left &= left - 1) {
      const route = routes[31 - Math.clz32(left & -left)]!;
      if (route.relation[vertex] !== NO_ROUTE) takenTwice += 1;
      route.relation[vertex] = relation;
      route.length[vertex] = length;
      route.next[vertex] = next;
    }
  });
  expect(takenTwice).toBe(0);
  return routes;
}

/** Class, length, next hop, site and ties of every AS, against one full solve for each scenario. */
function check(
  graph: AsGraph,
  sites: readonly number[],
  scenarios: readonly (readonly Source[])[],
  label: string,
): void {
  const solver = new ScenarioSolver(graph, sites);
  const routes = routesOf(solver, graph, scenarios);
  const full = new CatchmentSolver(graph);
  const weights = equalWeights(graph);
  const loads = solver.loads(weights, scenarios.length);
  for (const [index, sources] of scenarios.entries()) {
    const solved = full.solveWithTies(sources);
    const got = routes[index]!;
    const differs: number[] = [];
    for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
      const position = solver.siteOf(vertex, index);
      const isSame =
        solved.relation[vertex] === got.relation[vertex] &&
        (solved.relation[vertex] === NO_ROUTE
          ? position === -1
          : solved.length[vertex] === got.length[vertex] &&
            solved.next[vertex] === got.next[vertex] &&
            solved.site[vertex] === sites[position] &&
            tiesBySite(solved.ties[vertex]!, sources, sites) === solver.tiesOf(vertex, index));
      if (!isSame) differs.push(vertex);
    }
    expect({ label, index, differs }).toEqual({ label, index, differs: [] });
    const shares = measureShares(solved, sources, weights);
    for (const [position, vertex] of sites.entries()) {
      const at = index * sites.length + position;
      const share = shares.sites[sources.findIndex((source) => source.vertex === vertex)];
      expect([label, loads.chosen[at], loads.certain[at], loads.atMost[at]]).toEqual([
        label,
        share?.chosen ?? 0,
        share?.certain ?? 0,
        share === undefined ? 0 : share.certain + share.ambiguous,
      ]);
    }
  }
}

/** From bits of the sources that are up to bits of all sites. */
function tiesBySite(ties: number, sources: readonly Source[], sites: readonly number[]): number {
  let bits = 0;
  for (const [bit, { vertex }] of sources.entries()) {
    if (((ties >>> bit) & 1) === 1) bits |= 1 << sites.indexOf(vertex);
  }
  return bits >>> 0;
}

/** Any of the sites, each announced as chance wants it. */
function randomScenario(prng: Prng, sites: readonly number[]): Source[] {
  return sites
    .filter(() => prng.chance(2, 3))
    .map((vertex) => ({
      vertex,
      prepends: prng.chance(1, 3) ? prng.integer(0, 6) : 0,
      isNoExport: prng.chance(1, 8),
      isNoPeer: prng.chance(1, 8),
      isBlackhole: prng.chance(1, 12),
    }));
}

/** Up to 25 ASes in every kind of relation, dense, AS numbers in no relation to the hierarchy. */
function denseGraph(prng: Prng): AsGraph {
  const builder = new GraphBuilder();
  const count = prng.integer(2, 25);
  for (const rank of prng.shuffle([...Array(count).keys()])) builder.addVertex(100 + rank);
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const kind = prng.integer(0, 7);
      if (kind < 2) builder.addTransit(a, b);
      else if (kind === 2) builder.addPeering(a, b);
    }
  }
  return builder.build();
}

test(`every AS in up to ${SCENARIOS_MAX} scenarios on ${GRAPHS} random graphs: class, length, next hop, site, ties`, () => {
  const prng = new Prng(512);
  for (let count = 0; count < GRAPHS; count++) {
    const graph = count % 4 === 0 ? generateGraph(100 + count, prng.fork(`${count}`)) : denseGraph(prng);
    const sites = prng.shuffle([...graph.asn.keys()]).slice(0, prng.integer(1, 9));
    const scenarios = Array.from({ length: prng.integer(1, SCENARIOS_MAX) }, () =>
      randomScenario(prng, sites),
    );
    check(graph, sites, scenarios, `graph ${count}`);
  }
});

test("routers of one AS behind the same upstreams, peer-only ones among them, keep their order in a tie", () => {
  const prng = new Prng(64_500);
  for (let count = 0; count < 40; count++) {
    const base = generateGraph(100 + 7 * count, prng.fork(`${count}`));
    const attachments = ["a", "b", "c", "d"].map((site, index) => ({
      site,
      upstreams: [...new Set([0, 1, 2].map(() => prng.integer(0, 30)))].map((vertex) => ({
        as: base.asn[vertex]!,
        kind: index === 3 ? ("ixp" as const) : prng.chance(1, 2) ? ("transit" as const) : ("peer" as const),
      })),
      prepends: 0,
      isNoExport: false,
    }));
    const { graph, sites } = attachSites(base, 64_500, attachments);
    const scenarios = Array.from({ length: 15 }, (_, index) =>
      sites.filter((_site, bit) => ((index + 1) & (1 << bit)) !== 0),
    );
    check(
      graph,
      sites.map(({ vertex }) => vertex),
      scenarios,
      `graph ${count}`,
    );
  }
});

test("a solver may be used again: nothing of the last scenarios is left", () => {
  const prng = new Prng(8);
  const graph = generateGraph(300, prng.fork("graph"));
  const sites = [3, 77, 150, 299];
  const solver = new ScenarioSolver(graph, sites);
  solver.solve(Array.from({ length: SCENARIOS_MAX }, () => randomScenario(prng, sites)));
  const second = [randomScenario(prng, sites), randomScenario(prng, sites)];
  solver.solve(second);
  const fresh = new ScenarioSolver(graph, sites);
  fresh.solve(second);
  for (const scenario of [0, 1, 2, 31]) {
    for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
      expect(solver.siteOf(vertex, scenario)).toBe(fresh.siteOf(vertex, scenario));
      expect(solver.tiesOf(vertex, scenario)).toBe(fresh.tiesOf(vertex, scenario));
    }
  }
});

test("the whole Internet: 32 combinations of nine sites, every AS", { timeout: 60_000 }, async (context) => {
  const path = dataFile(GRAPH_2025);
  if (path === undefined) return context.skip(NO_DATA);
  const graph = await loadAsRel(path);
  const sites = [13_335, 54_113, 4_134, 20_940, 8_075, 60_068, 16_509, 15_169, 32_934].map((asn) =>
    graph.asn.indexOf(asn),
  );
  const prng = new Prng(9);
  const scenarios = Array.from({ length: SCENARIOS_MAX }, (_, index) => {
    // Every site up, each alone, and any of them, some with prepends.
    if (index === 0) return sites.map((vertex) => ({ vertex, prepends: 0 }));
    if (index <= sites.length) return [{ vertex: sites[index - 1]!, prepends: 0 }];
    return randomScenario(prng, sites);
  });
  check(graph, sites, scenarios, "2025-09-01");
});
