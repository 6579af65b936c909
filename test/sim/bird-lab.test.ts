/** The lab of real routers, as far as it needs none: what it computes, the text it gives to BIRD, how it judges times. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { at, distribution, judge, misfit, timingOf } from "../../scripts/bird-lab/compare.ts";
import { birdConfig } from "../../scripts/bird-lab/bird-config.ts";
import { FAILURES, routerOf } from "../../scripts/bird-lab/failures.ts";
import { pathsBefore, predict } from "../../scripts/bird-lab/predict.ts";
import { labTopology } from "../../scripts/bird-lab/topology.ts";

const TOPOLOGY = labTopology();
const DELAYS = { meanMs: 1, leastShare: 0.5, teardownMs: 0.5 };
const { graph, sites, routers } = TOPOLOGY;

test("ten ASes and more, router ids in the order of AS numbers, every site somebody's", () => {
  expect(new Set(routers.map(({ asn }) => asn)).size).toBeGreaterThanOrEqual(10);
  const idOf = (text: string): number => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const byAs = routers.toSorted((x, y) => x.asn - y.asn || x.vertex - y.vertex);
  expect(byAs.map(({ routerId }) => idOf(routerId))).toEqual(
    byAs.map(({ routerId }) => idOf(routerId)).toSorted((x, y) => x - y),
  );
  const { site } = new CatchmentSolver(graph).solve(sites);
  for (const { vertex } of sites)
    expect([...site].filter((each) => each === vertex).length).toBeGreaterThan(2);
});

test("paths before: as the static solve has them, prepends counted", () => {
  const { length, next } = new CatchmentSolver(graph).solve(sites);
  for (const [vertex, path] of pathsBefore(TOPOLOGY).entries()) {
    const hops = path === "" ? 0 : path!.split(" ").length;
    // A site's own path is its prepends long in the solve, and empty in its table.
    expect(next[vertex] === -1 ? 0 : hops).toBe(next[vertex] === -1 ? 0 : length[vertex]);
  }
  expect(pathsBefore(TOPOLOGY)[routerOf(TOPOLOGY, "as64633").vertex]).toBe("64623 64500 64500");
});

test("six kinds of failure and more, half of them to predict; each that lasts changes somebody's path", () => {
  expect(FAILURES.length).toBeGreaterThanOrEqual(6);
  expect(FAILURES.filter(({ isFitted }) => !isFitted).length).toBeGreaterThanOrEqual(FAILURES.length / 2);
  const before = pathsBefore(TOPOLOGY);
  for (const failure of FAILURES) {
    const { paths } = predict(TOPOLOGY, failure, timingOf(DELAYS), 1);
    const isBack = failure.kind === "session of a site reset";
    expect([failure.kind, paths.every((path, vertex) => path === before[vertex])]).toEqual([
      failure.kind,
      isBack,
    ]);
  }
});

test("a killed router's neighbours find out one after the other, in any order, by their own ends", () => {
  const killed = FAILURES.find(({ kind }) => kind === "carrier's router killed")!;
  const { vertex } = routerOf(TOPOLOGY, "as64623");
  const firsts = new Set<number>();
  for (let seed = 0; seed < 50; seed++) {
    const acts = killed.acts(TOPOLOGY, { prng: new Prng(seed), noticeUs: () => 100 });
    expect(acts.map(({ atUs }) => atUs)).toEqual([100, 200, 300, 400]);
    const ends = acts.map((act) => (act.kind === "close" ? act.slot : -1));
    expect(new Set(ends.map((slot) => graph.neighbors[slot]))).toEqual(new Set([vertex]));
    firsts.add(ends[0]!);
  }
  expect(firsts.size).toBe(4);
});

test("fitted is what is nearest at five places of the distributions", () => {
  const [near, far] = [distribution([1, 2, 3, 4, 5]), distribution([2, 4, 6, 8, 10])];
  expect(misfit([[near, near]])).toBe(0);
  expect(misfit([[near, far]])).toBeCloseTo(5 * Math.log(2), 0);
  // The same factor counts the same in a slow kind.
  const slow = (of: typeof near) => distribution(of.valuesMs.map((ms) => ms * 100));
  expect(misfit([[slow(near), slow(far)]])).toBeCloseTo(5 * Math.log(2), 1);
});

test("where it ends does not hang on delays or chance", () => {
  for (const failure of FAILURES) {
    const ends = [1, 2, 3].flatMap((seed) =>
      [0.1, 20].map((meanMs) => predict(TOPOLOGY, failure, timingOf({ ...DELAYS, meanMs }), seed).paths),
    );
    for (const end of ends) expect(end).toEqual(ends[0]);
  }
});

test("BIRD's text: classes by neighbour, a site's prepends and community, BFD on its link alone", () => {
  const carrier = birdConfig(
    TOPOLOGY,
    routerOf(TOPOLOGY, "as64621"),
    { prepends: 0, isGraceful: false },
    "/x.log",
  );
  expect(
    [...carrier.matchAll(/bgp_local_pref = (\d{3});/g)]
      .map(([, preference]) => Number(preference))
      .toSorted((x, y) => x - y),
  ).toEqual([100, 300, 300, 300]);
  expect(carrier.match(/bfd on;/g)).toHaveLength(1);
  // Best routes are told to a protocol of its own, which tells nobody.
  expect(carrier).toContain("protocol rip observer { debug { routes }; ipv4 { import none; export all; }; }");
  const site = birdConfig(TOPOLOGY, routerOf(TOPOLOGY, "ny"), { prepends: 2, isGraceful: true }, "/x.log");
  expect(site.match(/bgp_path\.prepend\(64500\);/g)).toHaveLength(2);
  expect(site).toContain("bgp_community.add((65535, 0));");
  expect(site).toContain("protocol static origin { ipv4; route 203.0.113.0/24 blackhole; }");
});

test("two distributions hold when each median lies in the other's 5 to 95 %", () => {
  const prng = new Prng(1);
  const around = (middle: number) =>
    distribution(Array.from({ length: 100 }, () => middle + prng.integer(-10, 10)));
  expect(judge("", false, around(50), around(52)).isHeld).toBe(true);
  expect(judge("", false, around(50), around(80)).isHeld).toBe(false);
  // A wide one that spans a narrow one has its own median elsewhere.
  const wide = distribution([1, 2, 3, 90, 91, 92]);
  expect(judge("", false, wide, distribution([50, 50, 50])).isHeld).toBe(false);
  expect([at(wide, 0.05), at(wide, 0.5), at(wide, 0.95)]).toEqual([1, 3, 92]);
});
