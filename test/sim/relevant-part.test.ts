/** The part of an Internet that matters to a live world: for whoever is kept nothing changes, neither route nor time. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { loadAsRel } from "#sim/load/load-as-rel.ts";
import { PropagationEngine, type EngineOptions } from "#sim/propagation/engine.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { attachSites, type AttachedSite } from "#sim/topology/attach-sites.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { networkOf, worldOf } from "#sim/topology/live-world.ts";
import { relevantPart } from "#sim/topology/relevant-part.ts";
import { dataFile, GRAPH_2025, NO_DATA } from "../../bench/shared-data.ts";

/** Nothing is drawn, so both graphs must tell the same story, to the microsecond. */
const FIXED: EngineOptions = {
  delayUs: [10_000, 10_000],
  mraiUs: [300_000, 300_000],
  ssldPercent: 100,
};

interface Drawn {
  readonly graph: AsGraph;
  readonly sites: readonly AttachedSite[];
  readonly vantages: readonly number[];
}

function draw(seed: number): Drawn {
  const prng = new Prng(seed);
  const base = generateGraph(prng.integer(100, 600), prng.fork("graph"));
  const anyAs = (): number => prng.integer(1, base.vertexCount);
  const attached = attachSites(
    base,
    64_500,
    Array.from({ length: prng.integer(1, 5) }, (_, index) => {
      const common = {
        site: `s${index}`,
        prepends: prng.integer(0, 2),
        isNoExport: prng.chance(1, 8),
        isNoPeer: prng.chance(1, 8),
      };
      const kinds = ["transit", "peer", "ixp"] as const;
      const ases = [...new Set([anyAs(), anyAs(), anyAs()])];
      return prng.chance(1, 3)
        ? // One AS each, so that no two sites are the same.
          { ...common, as: 20 + index }
        : { ...common, upstreams: ases.map((as) => ({ as, kind: kinds[prng.integer(0, 2)]! })) };
    }),
  );
  const vantages = Array.from({ length: prng.integer(1, 8) }, () => anyAs() - 1);
  return { ...attached, vantages };
}

/** Sites and vantages of a world in its relevant part. */
function partOf({ graph, sites, vantages }: Drawn): Drawn & { readonly vertexOf: Int32Array } {
  const part = relevantPart(
    graph,
    sites.map(({ vertex }) => vertex),
    vantages,
  );
  return {
    ...part,
    sites: sites.map((site) => ({ ...site, vertex: part.vertexOf[site.vertex]! })),
    vantages: vantages.map((vertex) => part.vertexOf[vertex]!),
  };
}

test("whoever is kept has the same route, next hop included, with any sites up", () => {
  for (let seed = 0; seed < 300; seed++) {
    const whole = draw(seed);
    const part = partOf(whole);
    expect(part.graph.vertexCount).toBeLessThan(whole.graph.vertexCount);
    const up = whole.sites.map((_, index) => new Prng(seed).fork(`up/${index}`).chance(2, 3) || index === 0);
    const wanted = new CatchmentSolver(whole.graph).solve(whole.sites.filter((_, index) => up[index]));
    const got = new CatchmentSolver(part.graph).solve(part.sites.filter((_, index) => up[index]));
    const renamed = (vertex: number): number => (vertex === -1 ? -1 : part.vertexOf[vertex]!);
    for (const [vertex, kept] of part.vertexOf.entries()) {
      if (kept === -1) continue;
      expect(got.relation[kept]).toBe(wanted.relation[vertex]);
      if (wanted.site[vertex] === -1) continue;
      expect(got.length[kept]).toBe(wanted.length[vertex]);
      expect(got.next[kept]).toBe(renamed(wanted.next[vertex]!));
      expect(got.site[kept]).toBe(renamed(wanted.site[vertex]!));
    }
  }
});

/** Best paths of whoever is kept, as they change: time, vertex of the part, site vertex of the part. */
function story(world: Drawn, vertexOf: (vertex: number) => number): string[] {
  const lines: string[] = [];
  const engine: PropagationEngine = new PropagationEngine(world.graph, FIXED, new Prng(1), {
    onBestChange: (vertex, atUs) => {
      if (vertexOf(vertex) === -1) return;
      const path = engine.paths.vertices(engine.bestPath(vertex)).map((each) => vertexOf(each));
      lines.push(`${String(atUs).padStart(12, "0")} ${vertexOf(vertex)}: ${path.join(" ")}`);
    },
  });
  for (const [index, { vertex, ...marks }] of world.sites.entries()) {
    engine.advance(index * 40_000);
    engine.announce(vertex, marks, index * 40_000);
  }
  engine.settle();
  engine.advance(100_000_000);
  engine.announce(world.sites[0]!.vertex, { ...world.sites[0]!, isGraceful: true }, 100_000_000);
  engine.advance(100_150_000);
  engine.withdraw(world.sites[0]!.vertex, 100_150_000);
  engine.settle();
  return lines;
}

test("announced, drained and withdrawn message by message: every change of a path, at the same microsecond", () => {
  let changes = 0;
  for (let seed = 0; seed < 60; seed++) {
    const whole = draw(seed);
    const part = partOf(whole);
    const wanted = story(whole, (vertex) => part.vertexOf[vertex]!);
    expect(story(part, (vertex) => vertex)).toEqual(wanted);
    changes += wanted.length;
  }
  expect(changes).toBeGreaterThan(4_000);
});

test("a network on the wire is the same network", () => {
  const part = partOf(draw(3));
  const engine: EngineOptions = { delayUs: [1, 2], mraiUs: [3, 4], mraiPercent: 50 };
  const network = networkOf(part.graph, part.sites, part.vantages, engine);
  const world = worldOf({
    name: "drawn",
    sites: part.sites.map(({ site }) => ({ site, city: site, coordinates: { latitude: 0, longitude: 0 } })),
    vantages: part.vantages.map((_, index) => ({
      vantage: `v${index}`,
      city: "",
      coordinates: null,
      rttUs: part.sites.map((__, site) => 1_000 * index + site),
    })),
    network: JSON.parse(JSON.stringify(network)) as typeof network,
  });
  expect(world.graph).toEqual(part.graph);
  expect(world.sites).toEqual(part.sites);
  expect(world.vantages.map(({ vertex }) => vertex)).toEqual(part.vantages);
  expect(world.engine).toEqual(engine);
  expect(world.rttUs("v0", "s0")).toBe(0);
});

test("of the Internet of 2025 some hundreds of ASes are left", async (context) => {
  const file = dataFile(GRAPH_2025);
  if (file === undefined) return context.skip(NO_DATA);
  const graph = await loadAsRel(file);
  const vertexOf = (asn: number): number => graph.asn.indexOf(asn);
  const sites = [13335, 15169, 16509, 20940, 54113, 8075, 32934, 60068, 4134].map(vertexOf);
  const vantages = [7922, 3320, 701, 7018, 4837, 4134, 9808, 1221, 4760, 7473, 3209, 5089, 1136, 2856].map(
    vertexOf,
  );
  const part = relevantPart(graph, sites, vantages);
  expect(graph.vertexCount).toBe(78_638);
  expect(part.graph.vertexCount).toBe(773);
  const sources = (of: (vertex: number) => number): { vertex: number; prepends: number }[] =>
    sites.map((vertex) => ({ vertex: of(vertex), prepends: 0 }));
  const wanted = new CatchmentSolver(graph).solve(sources((vertex) => vertex));
  const got = new CatchmentSolver(part.graph).solve(sources((vertex) => part.vertexOf[vertex]!));
  for (const vertex of vantages) {
    expect(got.site[part.vertexOf[vertex]!]).toBe(part.vertexOf[wanted.site[vertex]!]);
  }
});
