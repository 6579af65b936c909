/** What is asked of a solved catchment: shares, reasons, combinations, attachments. */
import { expect, test } from "vitest";
import { explainChoice, pathOf, type Verdict } from "#sim/anycast/explain.ts";
import { measureShares } from "#sim/anycast/shares.ts";
import { CatchmentSolver, type Source } from "#sim/anycast/solve.ts";
import { coneWeights, equalWeights } from "#sim/anycast/weights.ts";
import { findOverloads, solveAllCombinations, worstLoss } from "#sim/anycast/what-if.ts";
import { RELATION } from "#sim/topology/as-graph.ts";
import { attachSites } from "#sim/topology/attach-sites.ts";
import { diamond } from "../small-graph.ts";

test("a share is a pair: what is certain, and what hangs on a tie", () => {
  const { graph, eleven, twentyOne } = diamond();
  const sources = [
    { vertex: eleven, prepends: 0 },
    { vertex: twentyOne, prepends: 0 },
  ];
  const shares = measureShares(
    new CatchmentSolver(graph).solveWithTies(sources),
    sources,
    equalWeights(graph),
  );
  // Each site certainly has itself and its provider; AS 30 has two paths that are equally good.
  expect(shares).toEqual({
    total: 5,
    unreachable: 0,
    ambiguous: 1,
    dropped: { certain: 0, atMost: 0 },
    sites: [
      { certain: 2, ambiguous: 1, chosen: 3 },
      { certain: 2, ambiguous: 1, chosen: 2 },
    ],
  });
});

test("a site with BLACKHOLE serves itself; what its neighbours drop is told", () => {
  const { graph, eleven, twentyOne } = diamond();
  const sources = [
    { vertex: eleven, prepends: 0, isBlackhole: true },
    { vertex: twentyOne, prepends: 0 },
  ];
  const shares = measureShares(
    new CatchmentSolver(graph).solveWithTies(sources),
    sources,
    equalWeights(graph),
  );
  // AS 10 prefers its customer and drops; nobody behind it hears of that route.
  expect(shares.dropped).toEqual({ certain: 1, atMost: 1 });
  expect(shares.sites.map(({ certain }) => certain)).toEqual([2, 3]);
});

test("a prepend resolves the tie, and the reasons say so", () => {
  const { graph, eleven, twentyOne, ten, twenty, thirty } = diamond();
  const sources = [
    { vertex: eleven, prepends: 1 },
    { vertex: twentyOne, prepends: 0 },
  ];
  const solved = new CatchmentSolver(graph).solveWithTies(sources);
  expect(pathOf(solved, thirty)).toEqual([thirty, twenty, twentyOne]);
  expect(explainChoice(graph, solved, sources, thirty)).toEqual([
    { neighbor: twenty, relation: RELATION.provider, length: 2, site: twentyOne, verdict: "chosen" },
    { neighbor: ten, relation: RELATION.provider, length: 3, site: eleven, verdict: "longer" },
  ]);
  // AS 10 prefers its customer's longer path to its peer's.
  expect(explainChoice(graph, solved, sources, ten).map(({ verdict }) => verdict)).toEqual([
    "chosen",
    "less preferred",
    "not told",
  ]);
});

test("each rule by which an offer can lose has its word", () => {
  const { graph, eleven, twentyOne, ten, thirty } = diamond();
  const verdicts = (sources: readonly Source[], vertex: number): Verdict[] =>
    explainChoice(graph, new CatchmentSolver(graph).solve(sources), sources, vertex).map(
      ({ verdict }) => verdict,
    );
  const both = [
    { vertex: eleven, prepends: 0 },
    { vertex: twentyOne, prepends: 0 },
  ];
  expect(verdicts(both, thirty)).toEqual(["chosen", "tied"]);
  expect(verdicts(both, eleven)).toEqual([]);
  // 11 has its only route from 10.
  expect(verdicts([{ vertex: thirty, prepends: 0 }], ten)).toContain("loops");
  // 10 has a route and tells nobody; 20 has none to tell.
  const silent = [{ vertex: eleven, prepends: 0, isNoExport: true }];
  expect(verdicts(silent, thirty)).toEqual(["not told", "no route"]);
  expect(pathOf(new CatchmentSolver(graph).solve(silent), thirty)).toEqual([]);
});

test("a cone counts an AS and all below it, once", () => {
  const { graph } = diamond();
  expect([...coneWeights(graph)]).toEqual([3, 1, 3, 1, 1]);
});

test("every combination: loads as pairs, the worst loss, and where capacity does not suffice", () => {
  const { graph, eleven, twentyOne } = diamond();
  const whatIf = solveAllCombinations(
    graph,
    [
      { vertex: eleven, prepends: 0 },
      { vertex: twentyOne, prepends: 0 },
    ],
    equalWeights(graph),
  );
  expect([...whatIf.chosen]).toEqual([0, 0, 5, 0, 0, 5, 3, 2]);
  expect([...whatIf.certain]).toEqual([0, 0, 5, 0, 0, 5, 2, 2]);
  expect([...whatIf.atMost]).toEqual([0, 0, 5, 0, 0, 5, 3, 3]);
  expect(worstLoss(whatIf, 0, 1)).toEqual({ lost: [1], load: { certain: 5, atMost: 5, chosen: 5 } });
  expect(worstLoss(whatIf, 0, 2)).toBe(undefined);
  expect(findOverloads(whatIf, [4, undefined], 1)).toEqual([
    { lost: [1], site: 0, load: { certain: 5, atMost: 5, chosen: 5 }, capacity: 4, isCertain: true },
  ]);
  expect(findOverloads(whatIf, [5, 5], 1)).toEqual([]);
  // Three may be there, two are: the overload hangs on a tie, and either site may have it.
  const load = { certain: 2, atMost: 3 };
  expect(findOverloads(whatIf, [2, 2], 0)).toEqual([
    { lost: [], site: 0, load: { ...load, chosen: 3 }, capacity: 2, isCertain: false },
    { lost: [], site: 1, load: { ...load, chosen: 2 }, capacity: 2, isCertain: false },
  ]);
});

test("sites attach as an AS of the graph or as routers behind upstreams; vertices of the graph keep their numbers", () => {
  const { graph, eleven } = diamond();
  const site = { prepends: 0, isNoExport: false };
  const attached = attachSites(graph, 64_500, [
    { ...site, site: "a", as: 11 },
    {
      ...site,
      site: "b",
      upstreams: [
        { as: 30, kind: "transit" },
        { as: 20, kind: "ixp" },
      ],
    },
  ]);
  expect(attached.sites.map(({ vertex }) => vertex)).toEqual([eleven, graph.vertexCount]);
  expect([...attached.graph.asn]).toEqual([10, 11, 20, 21, 30, 64_500]);
  const router = graph.vertexCount;
  const links = attached.graph.neighbors.subarray(
    attached.graph.offsets[router],
    attached.graph.offsets[router + 1],
  );
  expect([...links].map((vertex) => attached.graph.asn[vertex])).toEqual([20, 30]);
  const relations = attached.graph.relations.subarray(
    attached.graph.offsets[router],
    attached.graph.offsets[router + 1],
  );
  expect([...relations]).toEqual([RELATION.peer, RELATION.provider]);
});

test("an AS the graph does not have, and two sites at one, are refused by name", () => {
  const { graph } = diamond();
  const site = { prepends: 0, isNoExport: false };
  expect(() => attachSites(graph, 64_500, [{ ...site, site: "a", as: 99 }])).toThrow(
    "site a: the graph has no AS 99",
  );
  expect(() =>
    attachSites(graph, 64_500, [{ ...site, site: "b", upstreams: [{ as: 98, kind: "peer" }] }]),
  ).toThrow("site b: the graph has no AS 98");
  expect(() =>
    attachSites(graph, 64_500, [
      { ...site, site: "a", as: 11 },
      { ...site, site: "b", as: 11 },
    ]),
  ).toThrow("sites a and b are both at AS 11");
});
