/**
 * The static solver against an independent reading of the same rules: each AS takes, again and again, the best of what
 * its neighbours chose and may tell it, until nothing changes.
 */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { RELATION } from "#sim/topology/as-graph.ts";
import { loadAsRel } from "#sim/load/load-as-rel.ts";
import { catchments2025 } from "#sim/truth/end-states.ts";
import { fixedPoint, originOf, tiesOf } from "#sim/truth/fixed-point.ts";
import { randomInternet, randomSources } from "#sim/truth/random-internet.ts";
import { dataFile, GRAPH_2025, NO_DATA } from "../../../bench/shared-data.ts";
import { smallGraph } from "../small-graph.ts";

const NO_ROUTE = 255;
const GRAPHS = 2_000;

test(`routes, sites and ties equal the fixed point on ${GRAPHS} random graphs`, () => {
  const prng = new Prng(20_251_124);
  for (let count = 0; count < GRAPHS; count++) {
    const graph = randomInternet(prng);
    const sources = randomSources(prng, graph.vertexCount, true);
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

test("a solver may be used again: nothing of the last solve is left", () => {
  const prng = new Prng(7);
  for (let count = 0; count < 200; count++) {
    const graph = randomInternet(prng);
    const solver = new CatchmentSolver(graph);
    const first = randomSources(prng, graph.vertexCount, true);
    const second = randomSources(prng, graph.vertexCount, true);
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
  const { graph, at } = smallGraph("1>2", "2>3", "2>4");
  const site = at(3);
  const solver = new CatchmentSolver(graph);
  const silent = solver.solve([{ vertex: site, prepends: 0, isNoExport: true }]);
  expect([...silent.site]).toEqual([-1, site, site, -1]);
  const loud = solver.solve([{ vertex: site, prepends: 0 }]);
  expect([...loud.site]).toEqual([site, site, site, site]);
});

test("a peer-only site is heard by its peers and their customers, not above them", () => {
  const { graph, at } = smallGraph("1>2", "2>3", "2=4");
  const [peer, site] = [at(2), at(4)];
  const { site: reached, relation } = new CatchmentSolver(graph).solve([{ vertex: site, prepends: 0 }]);
  expect([...reached]).toEqual([-1, site, site, site]);
  expect(relation[peer]).toBe(RELATION.peer);
});

test("catchments of the Internet of September 2025", async (context) => {
  const path = dataFile(GRAPH_2025);
  if (path === undefined) return context.skip(NO_DATA);
  const graph = await loadAsRel(path);
  const rows = catchments2025(graph);
  expect(rows.map(({ verdict, got }) => `${verdict}: ${got}`)).toEqual([
    "equal: 3 of 3 catchments equal",
    "equal: 10 of 10 catchments equal",
  ]);
});
