import { expect, test } from "vitest";
import { SITES } from "#core/geography/cities.ts";
import { Prng } from "#core/prng.ts";
import { Catchments, type VantageMove } from "#sim/anycast/catchments.ts";
import { solveCatchment } from "#sim/anycast/solve.ts";
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { defaultWorld } from "#sim/topology/default-world.ts";
import type { World } from "#sim/topology/world.ts";

const WORLD = defaultWorld();
const SITE_CODES = SITES.map(({ site }) => site);

/** A world that has run to rest with these sites announced, and the time. */
function settled(sites: readonly string[], seed = 1): { catchments: Catchments; nowUs: number } {
  const catchments = new Catchments(WORLD, new Prng(seed));
  for (const site of sites) catchments.announce(site, false, 0);
  return { catchments, nowUs: settle(catchments) };
}

function settle(catchments: Catchments, moves: VantageMove[] = []): number {
  let nowUs = 0;
  while (catchments.nextDueUs() < Infinity) {
    nowUs = catchments.nextDueUs();
    moves.push(...catchments.advance(nowUs));
  }
  return nowUs;
}

/** `new-york: ny1, la1, …` as one object. */
function reached(catchments: Catchments): Record<string, string | null> {
  return Object.fromEntries(WORLD.vantages.map(({ vantage }) => [vantage, catchments.reached(vantage)]));
}

const HOME = {
  "new-york": "ny1",
  "los-angeles": "la1",
  "san-francisco": "la1",
  london: "ams1",
  frankfurt: "ams1",
  amsterdam: "ams1",
  "hong-kong": "hkg1",
  singapore: "hkg1",
  sydney: "syd1",
  shanghai: "hgh1",
  hangzhou: "hgh1",
  wuhan: "wuh1",
  chengdu: "ctu1",
  shenzhen: "szx1",
};

test("with all nine sites up, each city reaches its own", () => {
  expect(reached(settled(SITE_CODES).catchments)).toEqual(HOME);
});

test.each([
  ["ny1", { "new-york": "la1" }],
  ["la1", { "los-angeles": "ny1", "san-francisco": "ny1" }],
  ["hgh1", { shanghai: "wuh1", hangzhou: "wuh1" }],
  ["ctu1", { chengdu: "hgh1" }],
  ["ams1", { london: "ny1", frankfurt: "ny1", amsterdam: "ny1" }],
  ["hkg1", { "hong-kong": "syd1", singapore: "syd1" }],
  ["szx1", { shenzhen: "hgh1" }],
  ["syd1", { sydney: "hkg1" }],
  ["wuh1", { wuhan: "hgh1" }],
])("without %s only its own cities move", (lost, moved) => {
  const left = SITE_CODES.filter((site) => site !== lost);
  expect(reached(settled(left).catchments)).toEqual({ ...HOME, ...moved });
});

/**
 * The same decision, written again without cleverness: every AS looks at what its neighbours would tell it, until
 * nobody changes his mind. Counts the ties that only an AS number could break.
 */
function bruteForce(world: World, up: ReadonlySet<string>): { sites: (string | null)[]; ties: number } {
  const { graph } = world;
  interface Route {
    site: string;
    relation: number;
    path: number[];
  }
  const own = new Map(world.sites.map(({ site, vertex, prepends }) => [vertex, { site, prepends }]));
  let routes: (Route | null)[] = Array.from({ length: graph.vertexCount }, () => null);
  let ties = 0;
  for (let round = 0; ; round++) {
    if (round > 100) throw new Error("no fixpoint");
    ties = 0;
    const next = routes.map((_, vertex): Route | null => {
      const mine = own.get(vertex);
      if (mine !== undefined) {
        const path: number[] = Array.from({ length: mine.prepends }, () => graph.asn[vertex]!);
        return up.has(mine.site) ? { site: mine.site, relation: RELATION.customer, path } : null;
      }
      const offers = offersTo(graph, routes, vertex);
      offers.sort(
        (a, b) => a.relation - b.relation || a.path.length - b.path.length || a.path[0]! - b.path[0]!,
      );
      const [first, second] = offers;
      if (second && first!.relation === second.relation && first!.path.length === second.path.length)
        ties += 1;
      return first ?? null;
    });
    const isSame = JSON.stringify(next) === JSON.stringify(routes);
    routes = next;
    if (isSame) break;
  }
  return { sites: world.vantages.map(({ vertex }) => routes[vertex]?.site ?? null), ties };
}

function offersTo(
  graph: AsGraph,
  routes: readonly ({ site: string; relation: number; path: number[] } | null)[],
  vertex: number,
): { site: string; relation: number; path: number[] }[] {
  const offers = [];
  for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
    const neighbor = graph.neighbors[slot]!;
    const route = routes[neighbor];
    if (route === null || route === undefined) continue;
    const relation = graph.relations[slot]!;
    const mayExport = route.relation === RELATION.customer || relation === RELATION.provider;
    const path = [graph.asn[neighbor]!, ...route.path];
    if (mayExport && !path.includes(graph.asn[vertex]!)) offers.push({ site: route.site, relation, path });
  }
  return offers;
}

test("all 512 combinations of sites: messages, static solve and brute force agree, and no tie decides", () => {
  const siteOfVertex = new Map(WORLD.sites.map(({ site, vertex }) => [vertex, site]));
  for (let mask = 0; mask < 2 ** SITE_CODES.length; mask++) {
    const up = SITE_CODES.filter((_, bit) => (mask >> bit) & 1);
    const expected = bruteForce(WORLD, new Set(up));
    expect({ up, ties: expected.ties }).toEqual({ up, ties: 0 });
    expect({ up, sites: Object.values(reached(settled(up, mask).catchments)) }).toEqual({
      up,
      sites: expected.sites,
    });
    const solved = solveCatchment(
      WORLD.graph,
      WORLD.sites.filter(({ site }) => up.includes(site)),
    );
    expect(WORLD.vantages.map(({ vertex }) => siteOfVertex.get(solved.site[vertex]!) ?? null)).toEqual(
      expected.sites,
    );
  }
});

test("the ranking of a vantage is what it would reach without those before", () => {
  const { catchments } = settled(SITE_CODES);
  const order = catchments.routes().get("new-york")!;
  expect(order.map(({ site }) => site)).toEqual([
    "ny1",
    "la1",
    "ams1",
    "hkg1",
    "syd1",
    "hgh1",
    "wuh1",
    "szx1",
    "ctu1",
  ]);
  expect(order.slice(0, 2)).toEqual([
    { site: "ny1", rttUs: 3000 },
    { site: "la1", rttUs: 68_700 },
  ]);
  for (const { vantage } of WORLD.vantages) {
    const ranking = catchments
      .routes()
      .get(vantage)!
      .map(({ site }) => site);
    let up = SITE_CODES;
    for (const site of ranking) {
      const index = WORLD.vantages.findIndex((candidate) => candidate.vantage === vantage);
      expect(bruteForce(WORLD, new Set(up)).sites[index]).toBe(site);
      up = up.filter((other) => other !== site);
    }
  }
});

test("nobody announces: nobody is reached, and the ranking is empty", () => {
  const { catchments } = settled([]);
  expect(Object.values(reached(catchments)).every((site) => site === null)).toBe(true);
  expect(catchments.routes().get("new-york")).toEqual([]);
});

test("a withdrawal moves New York to la1 within a second and everybody within five, for every seed", () => {
  for (let seed = 1; seed <= 300; seed++) {
    for (const lost of SITE_CODES) {
      const { catchments, nowUs } = settled(SITE_CODES, seed);
      const startUs = nowUs + 5_000_000;
      catchments.advance(startUs);
      catchments.withdraw(lost, startUs);
      const moves: VantageMove[] = [];
      settle(catchments, moves);
      const lastUs = Math.max(...moves.map((move) => move.atUs)) - startUs;
      expect({ lost, seed, isInTime: lastUs < (lost === "ny1" ? 1_000_000 : 5_000_000) }).toEqual({
        lost,
        seed,
        isInTime: true,
      });
    }
  }
});

test("GRACEFUL_SHUTDOWN moves everybody who has another site, without a moment of no route", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const { catchments, nowUs } = settled(SITE_CODES, seed);
    catchments.announce("ny1", true, nowUs);
    const moves: VantageMove[] = [];
    settle(catchments, moves);
    expect(moves.map(({ vantage, from, to }) => [vantage, from, to])).toEqual([["new-york", "ny1", "la1"]]);
    expect(catchments.routes().get("new-york")!.at(-1)!.site).toBe("ny1");
  }
});

test("GRACEFUL_SHUTDOWN of the last site still serves", () => {
  const { catchments, nowUs } = settled(["ny1"]);
  catchments.announce("ny1", true, nowUs);
  settle(catchments);
  expect(new Set(Object.values(reached(catchments)))).toEqual(new Set(["ny1"]));
});

test("the same seed gives the same moves, another seed other times", () => {
  const play = (seed: number): VantageMove[] => {
    const { catchments, nowUs } = settled(SITE_CODES, seed);
    catchments.withdraw("ny1", nowUs);
    const moves: VantageMove[] = [];
    settle(catchments, moves);
    return moves;
  };
  expect(play(7)).toEqual(play(7));
  expect(play(7)).not.toEqual(play(8));
});
