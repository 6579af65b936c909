/** What a site's communities and sessions do to its catchment, solved and played message by message alike. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { explainChoice, type Offer, type Verdict } from "#sim/anycast/explain.ts";
import { CatchmentSolver, type Source } from "#sim/anycast/solve.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { smallGraph } from "../small-graph.ts";

const GRAPHS = 60;

/** Where each vertex goes by the solver and by the engine once all is quiet: next hop and site. */
function bothWays(graph: AsGraph, sources: readonly Source[], seed: number) {
  const engine = new PropagationEngine(graph, { delayUs: [1, 5_000], mraiUs: [0, 0] }, new Prng(seed));
  for (const source of sources) engine.announce(source.vertex, source, 0);
  engine.settle();
  const { next, site } = new CatchmentSolver(graph).solve(sources);
  const isSource = new Set(sources.map(({ vertex }) => vertex));
  const vertices = [...graph.asn.keys()].filter((vertex) => !isSource.has(vertex));
  return {
    solved: vertices.map((vertex) => [vertex, next[vertex], site[vertex]]),
    played: vertices.map((vertex) => [vertex, engine.nextHop(vertex), engine.siteOf(vertex) ?? -1]),
  };
}

test(`solver, engine and reasons agree on ${GRAPHS} Internets with prepends, NO_EXPORT, NOPEER and BLACKHOLE`, () => {
  const prng = new Prng(3_765);
  for (let count = 0; count < GRAPHS; count++) {
    const graph = generateGraph(100 + 5 * count, prng.fork(`graph/${count}`));
    const vertices = prng.shuffle([...graph.asn.keys()]).slice(0, 1 + (count % 6));
    const sources = vertices.map((vertex) => ({
      vertex,
      prepends: prng.integer(0, 3),
      isNoExport: prng.chance(1, 6),
      isNoPeer: prng.chance(1, 3),
      isBlackhole: prng.chance(1, 6),
    }));
    const { solved, played } = bothWays(graph, sources, count);
    expect({ count, ways: played }).toEqual({ count, ways: solved });
    expect({ count, wrong: wrongReasons(graph, sources) }).toEqual({ count, wrong: [] });
  }
});

const TOLD: readonly Verdict[] = ["chosen", "tied", "longer", "less preferred"];

/** Vertices whose reasons do not give their route: one chosen and none better, or nobody told them anything. */
function wrongReasons(graph: AsGraph, sources: readonly Source[]): number[] {
  const solved = new CatchmentSolver(graph).solve(sources);
  const isSource = new Set(sources.map(({ vertex }) => vertex));
  return [...graph.asn.keys()].filter((vertex) => {
    if (isSource.has(vertex)) return false;
    const told = explainChoice(graph, solved, sources, vertex).filter(({ verdict }) =>
      TOLD.includes(verdict),
    );
    const chosen = told.filter(({ verdict }) => verdict === "chosen");
    if (solved.next[vertex] === -1) return told.length > 0;
    const isWorse = (offer: Offer): boolean =>
      offer.relation > solved.relation[vertex]! ||
      (offer.relation === solved.relation[vertex] && offer.length >= solved.length[vertex]!);
    return chosen.length !== 1 || chosen[0]!.neighbor !== solved.next[vertex] || !told.every(isWorse);
  });
}

/**
 *      1 ===== 2          peers
 *      |       |
 *      3       4
 *      |
 *    site
 */
function twoTops() {
  const { graph, at } = smallGraph("1=2", "1>3", "2>4", "3>5");
  return { graph, one: at(1), two: at(2), three: at(3), four: at(4), site: at(5) };
}

test("NOPEER stops a route where two networks peer, on the whole way and not at the site alone", () => {
  const { graph, one, two, four, site } = twoTops();
  const { site: reached } = new CatchmentSolver(graph).solve([{ vertex: site, prepends: 0, isNoPeer: true }]);
  expect([reached[one], reached[two], reached[four]]).toEqual([site, -1, -1]);
});

test("a site with NOPEER tells its own peers: the community binds who hears it", () => {
  const { graph, at } = smallGraph("1=3", "1>2");
  const [peer, below, site] = [at(1), at(2), at(3)];
  const sources = [{ vertex: site, prepends: 0, isNoPeer: true }];
  const { relation, site: reached } = new CatchmentSolver(graph).solve(sources);
  expect([relation[peer], reached[below]]).toEqual([RELATION.peer, site]);
  const { solved, played } = bothWays(graph, sources, 1);
  expect(played).toEqual(solved);
});

test("BLACKHOLE draws the site's neighbours and nobody behind them", () => {
  const { graph, one, two, three, four, site } = twoTops();
  const { site: reached } = new CatchmentSolver(graph).solve([
    { vertex: site, prepends: 0, isBlackhole: true },
    { vertex: four, prepends: 0 },
  ]);
  expect([one, two, three, four].map((vertex) => reached[vertex])).toEqual([four, four, site, four]);
});
