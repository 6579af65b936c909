import { expect, test } from "vitest";
import { SITES } from "#core/geography/cities.ts";
import { FAULT_HOWS } from "#core/wire/faults.ts";
import { Prng } from "#core/prng.ts";
import { Catchments } from "#sim/anycast/catchments.ts";
import { defaultWorld } from "#sim/topology/default-world.ts";
import { goldenWorld } from "#sim/world/golden-world.ts";
import { predictFault, type PredictOptions } from "#sim/world/predict.ts";

const WORLD = defaultWorld();
const SITE_CODES = SITES.map(({ site }) => site);
const BASE: PredictOptions = {
  target: "ny1",
  how: "kill",
  mode: "anycast-only",
  rate: 1400,
  holdTimeS: 9,
  bfd: undefined,
  nodesPerSite: 2,
};

/** By brute force: the messages are played, all sites announce, one withdraws, and everybody is asked again. */
function playedMoves(lost: string): { vantage: string; from: string | null; to: string | null }[] {
  const catchments = new Catchments(WORLD, new Prng(11));
  for (const site of SITE_CODES) catchments.announce(site, false, 0);
  let nowUs = settle(catchments, 0);
  const before = WORLD.vantages.map(({ vantage }) => catchments.reached(vantage));
  catchments.withdraw(lost, nowUs);
  nowUs = settle(catchments, nowUs);
  return WORLD.vantages
    .map(({ vantage }, index) => ({ vantage, from: before[index]!, to: catchments.reached(vantage) }))
    .filter(({ from, to }) => from !== to);
}

function settle(catchments: Catchments, fromUs: number): number {
  let nowUs = fromUs;
  while (catchments.nextDueUs() < Infinity) {
    nowUs = catchments.nextDueUs();
    catchments.advance(nowUs);
  }
  return nowUs;
}

test.each(SITE_CODES)("the moves predicted for the loss of %s are those that the messages end in", (site) => {
  for (const how of FAULT_HOWS) {
    for (const mode of ["anycast", "anycast-only"] as const) {
      expect(predictFault({ ...BASE, target: site, how, mode }).moves).toEqual(playedMoves(site));
    }
  }
});

test("the loss of one of two nodes moves nobody; that of a site's only node is the loss of the site", () => {
  expect(predictFault({ ...BASE, target: "ny1-2" }).moves).toEqual([]);
  expect(predictFault({ ...BASE, target: "ny1-1", nodesPerSite: 1 }).moves).toEqual([
    { vantage: "new-york", from: "ny1", to: "la1" },
  ]);
});

test("with the gateway's rescue nothing is lost, whatever fails", () => {
  for (const how of FAULT_HOWS) {
    for (const target of [...SITE_CODES, "ny1-1"]) {
      const { lossMin, lossMean, lossMax } = predictFault({ ...BASE, target, how, mode: "anycast" });
      expect([lossMin, lossMean, lossMax]).toEqual([0, 0, 0]);
    }
  }
});

test("the bare network loses New York's 100 requests/s for as long as it does not notice", () => {
  const kill = predictFault({ ...BASE, how: "kill" });
  expect(kill.lossMax).toBe(100);
  expect(kill.lossMean).toBeGreaterThan(100 * 0.034);
  expect(kill.lossMean).toBeLessThan(100 * 0.3);
  for (const how of ["hang", "isolate"] as const) {
    const silent = predictFault({ ...BASE, how });
    expect(silent.lossMin).toBe(600);
    expect(silent.lossMean).toBeGreaterThan(750);
    expect(silent.lossMax).toBe(1000);
  }
});

test("with BFD silence costs its detection time instead, whatever the hold time", () => {
  for (const holdTimeS of [9, 90]) {
    for (const how of ["hang", "isolate"] as const) {
      const silent = predictFault({ ...BASE, how, holdTimeS, bfd: { intervalMs: 100, multiplier: 3 } });
      expect(silent.lossMin).toBe(20);
      expect(silent.lossMean).toBeGreaterThan(25);
      expect(silent.lossMean).toBeLessThan(70);
      expect(silent.lossMax).toBe(130);
      expect(silent.basis).toContain("BFD, 3 x 100 ms: after 200 to 300 ms");
    }
  }
});

test("BFD changes nothing for what is no silence to clients", () => {
  for (const how of ["kill", "shutdown", "bgp-cut"] as const) {
    const bfd = { intervalMs: 100, multiplier: 3 };
    expect(predictFault({ ...BASE, how, bfd })).toEqual(predictFault({ ...BASE, how }));
  }
});

test("a site that leaves politely loses only what is under way on connections that are reset", () => {
  // 100 requests/s: at most 5 under way at home (34 ms), 25 at la1 (231 ms). Out: one move, two changes of the spread;
  // back: one move, one change of the spread.
  expect(predictFault({ ...BASE, how: "shutdown" })).toMatchObject({ lossMin: 0, lossMax: 3 * 5 + 25 + 5 });
  // A path that is cut off takes the route with it before the next one is there.
  const cut = predictFault({ ...BASE, how: "bgp-cut" });
  expect(cut.lossMax).toBeGreaterThan(2 * 5 + 25 + 5);
  expect(cut.lossMax).toBeLessThan(2 * 5 + 25 + 5 + 12);
  expect(predictFault({ ...BASE, target: "ny1-1", how: "shutdown" })).toMatchObject({ lossMax: 5 + 5 });
});

test("bounds are in order, follow the rate, and are explained in one sentence", () => {
  for (const how of FAULT_HOWS) {
    for (const target of [...SITE_CODES, "ny1-1", "ams1-2"]) {
      const one = predictFault({ ...BASE, target, how });
      const ten = predictFault({ ...BASE, target, how, rate: BASE.rate * 10 });
      expect({ target, how, isOrdered: one.lossMin <= one.lossMean && one.lossMean <= one.lossMax }).toEqual({
        target,
        how,
        isOrdered: true,
      });
      expect(ten.lossMean).toBeCloseTo(one.lossMean * 10, 6);
      expect(one.basis).not.toMatch(/[.\n]$|NaN|undefined/);
    }
  }
});

test("a node has its share of the site's connections", () => {
  const site = predictFault({ ...BASE, target: "ny1", how: "hang" });
  const half = predictFault({ ...BASE, target: "ny1-1", how: "hang" });
  expect(half.lossMean / site.lossMean).toBeCloseTo(0.5, 1);
  expect(half.lossMax).toBe(site.lossMax);
});

test("an unknown target is refused by name", () => {
  expect(() => predictFault({ ...BASE, target: "ny9" })).toThrow(/no site or node "ny9"/);
  expect(() => predictFault({ ...BASE, target: "ny1-3" })).toThrow(/no site or node "ny1-3"/);
});

test("the golden world: New York 34 ms from ny1, 231.1 ms from la1", () => {
  const golden = goldenWorld();
  expect(golden.home.size).toBe(14);
  expect(golden.home.get("new-york")).toBe("ny1");
  expect(golden.coldTtfbMs("new-york", "ny1")).toBe(34);
  expect(golden.coldTtfbMs("new-york", "la1")).toBeCloseTo(231.1, 6);
  expect(() => golden.coldTtfbMs("new-york", "ny9")).toThrow(/no site "ny9"/);
  expect(() => golden.coldTtfbMs("atlantis", "ny1")).toThrow(/no vantage "atlantis"/);
});
