/** Where the messages end: what the static solve says, whatever happened on the way. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { PropagationEngine, type EngineOptions } from "#sim/propagation/engine.ts";
import type { RouteMarks } from "#sim/propagation/paths.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import { generateGraph } from "#sim/topology/generate.ts";

const DELAY_US = 10_000;
const STEADY: EngineOptions = { delayUs: [DELAY_US, DELAY_US], mraiUs: [0, 0] };

test("an adopted state is the one that playing ends in: same paths, and the same messages follow", () => {
  for (let seed = 0; seed < 20; seed++) {
    const graph = generateGraph(100 + 30 * seed, new Prng(seed));
    const sites = [1, 50, 99].map((vertex) => ({ vertex, prepends: vertex % 3, isNoExport: vertex === 99 }));
    const played = new PropagationEngine(graph, STEADY, new Prng(1));
    for (const site of sites) played.announce(site.vertex, site, 0);
    const startUs = played.settle() + 1;
    const adopted = new PropagationEngine(graph, STEADY, new Prng(1));
    adopted.adopt(sites, new CatchmentSolver(graph).solve(sites));
    const pathsOf = (engine: PropagationEngine): number[][] =>
      [...graph.asn.keys()].map((vertex) => engine.paths.vertices(engine.bestPath(vertex)));
    expect(pathsOf(adopted)).toEqual(pathsOf(played));
    const before = { ...played.counts };
    for (const engine of [played, adopted]) {
      engine.withdraw(50, startUs);
      engine.settle();
    }
    expect(pathsOf(adopted)).toEqual(pathsOf(played));
    expect(adopted.counts).toEqual({
      announcements: played.counts.announcements - before.announcements,
      withdrawals: played.counts.withdrawals - before.withdrawals,
    });
  }
});

/** Some sites prepend, some ask for no export. */
function marksOf(vertex: number): RouteMarks {
  return { prepends: vertex % 3, isNoExport: vertex % 5 === 0 };
}

const SETS = Object.entries(TIMING_SETS).map(([name, timing]) => ({ name, timing: timing as EngineOptions }));

test.for(SETS)(
  "$name: after any announcements and withdrawals every AS ends where the static solve says",
  ({ timing }) => {
    const prng = new Prng(99);
    for (let seed = 0; seed < 8; seed++) {
      const graph = generateGraph(150 + 40 * seed, new Prng(seed));
      const sites = [0, 0, 0, 0, 0].map((_, index) => Math.floor((graph.vertexCount * (2 * index + 1)) / 10));
      const engine = new PropagationEngine(graph, timing, new Prng(seed));
      const up = new Set<number>();
      let nowUs = 0;
      for (let step = 0; step < 30; step++) {
        const site = sites[prng.integer(0, sites.length - 1)]!;
        if (up.delete(site)) engine.withdraw(site, nowUs);
        else {
          up.add(site);
          engine.announce(site, marksOf(site), nowUs);
        }
        // Often before the last change has run out.
        nowUs += prng.integer(0, 40_000_000);
        engine.advance(nowUs);
      }
      engine.settle();
      const { site } = new CatchmentSolver(graph).solve(
        [...up].map((vertex) => ({ vertex, ...marksOf(vertex) })),
      );
      expect([...graph.asn.keys()].map((vertex) => engine.siteOf(vertex) ?? -1)).toEqual([...site]);
    }
  },
);

test.for(SETS)("$name: after the last site has withdrawn nobody keeps a route", ({ timing }) => {
  const graph = generateGraph(120, new Prng(3));
  for (let seed = 0; seed < 60; seed++) {
    const engine = new PropagationEngine(graph, timing, new Prng(seed));
    const sites = [2, 60, 119];
    for (const site of sites) engine.announce(site, { prepends: 0 }, 0);
    engine.settle();
    const startUs = engine.settle() + 1;
    for (const site of sites) engine.withdraw(site, startUs);
    engine.settle();
    for (let vertex = 0; vertex < graph.vertexCount; vertex++) expect(engine.siteOf(vertex)).toBe(undefined);
  }
});
