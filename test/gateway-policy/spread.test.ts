/** Spill-over and panic by Envoy's table, slow start, and what requests are hashed by. */
import { describe, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { priorityLoads } from "#gateway/balancer/priority-load.ts";
import { scaledWeight, WEIGHT_SCALE } from "#gateway/balancer/slow-start.ts";
import { SiteSpread } from "#gateway/resilience/site-spread.ts";
import { readHashBy, requestKey } from "#gateway/routing/request-key.ts";

const FACTOR = 140;

function loads(healthy: readonly number[], panicPercent: number): [loads: string, panic: string] {
  const result = priorityLoads(
    healthy.map((percent) => ({ healthy: percent, total: 100 })),
    FACTOR,
    panicPercent,
  );
  return [
    result.map(({ load }) => load).join("/"),
    result.map(({ isPanic }) => (isPanic ? "yes" : "no")).join("/"),
  ];
}

/**
 * Envoy's documentation of priority levels and of the panic threshold (50 %), with two rows as its code has them: the
 * documentation rounds 5/65 to 7/93 and 25/25/20 to 36/36/28.
 */
test.each<[healthy: number[], load: string, panic: string]>([
  [[100, 100], "100/0", "no/no"],
  [[72, 100], "100/0", "no/no"],
  [[71, 100], "99/1", "no/no"],
  [[50, 100], "70/30", "no/no"],
  [[25, 100], "35/65", "no/no"],
  [[0, 100], "0/100", "no/no"],
  [[72, 72], "100/0", "no/no"],
  [[71, 71], "99/1", "no/no"],
  [[50, 60], "70/30", "no/no"],
  [[25, 25], "50/50", "yes/yes"],
  [[5, 65], "8/92", "yes/no"],
  [[100, 100, 100], "100/0/0", "no/no/no"],
  [[72, 72, 100], "100/0/0", "no/no/no"],
  [[71, 71, 100], "99/1/0", "no/no/no"],
  [[50, 50, 100], "70/30/0", "no/no/no"],
  [[25, 100, 100], "35/65/0", "no/no/no"],
  [[25, 25, 100], "35/35/30", "no/no/no"],
])("%j percent healthy: load %s, panic %s", (healthy, load, panic) => {
  expect(loads(healthy, 50)).toEqual([load, panic]);
});

test("three in panic share by the number of their nodes, and what rounding leaves goes to the first", () => {
  expect(loads([25, 25, 20], 50)).toEqual(["34/33/33", "yes/yes/yes"]);
});

test("healths that do not sum to the whole are filled up in proportion", () => {
  const priorities = [20, 30].map((healthy) => ({ healthy, total: 100 }));
  expect(priorityLoads(priorities, 100, 0).map(({ load }) => load)).toEqual([40, 60]);
});

test("without panic load follows health down to the last node, and nobody is nobody", () => {
  expect(loads([25, 25, 20], 0)).toEqual(["37/35/28", "no/no/no"]);
  expect(loads([0, 0], 0)).toEqual(["0/0", "no/no"]);
  expect(priorityLoads([], FACTOR, 50)).toEqual([]);
});

test("when all are in panic, load follows the number of nodes", () => {
  const all = (healthy: number, total: number): { healthy: number; total: number } => ({ healthy, total });
  expect(priorityLoads([all(0, 5), all(0, 5)], FACTOR, 50).map(({ load }) => load)).toEqual([50, 50]);
  expect(priorityLoads([all(0, 2), all(0, 8)], FACTOR, 50).map(({ load }) => load)).toEqual([20, 80]);
  expect(priorityLoads([all(0, 0), all(1, 8)], FACTOR, 50)).toEqual([
    { load: 0, isPanic: false },
    { load: 100, isPanic: true },
  ]);
});

describe("the first site of a request", () => {
  test("is drawn by what sites can carry, and drawn anew when a node changes", () => {
    let healthy = 1;
    const options = { overprovisioningPercent: FACTOR, panicPercent: 0 };
    const spread = new SiteSpread(
      options,
      (site) => ({ healthy: site === 0 ? healthy : 2, total: 2 }),
      new Prng(5),
    );
    const sites = [0, 1];
    const share = (): number => {
      let count = 0;
      for (let request = 0; request < 10_000; request++) if (spread.draw(sites)!.site === 0) count += 1;
      return count / 10_000;
    };
    expect(share()).toBeCloseTo(0.7, 1);
    healthy = 2;
    expect(share()).toBeCloseTo(0.7, 1);
    spread.forget();
    expect(share()).toBe(1);
  });

  test("is nobody's when no site can carry anything", () => {
    const options = { overprovisioningPercent: FACTOR, panicPercent: 0 };
    expect(
      new SiteSpread(options, () => ({ healthy: 0, total: 2 }), new Prng(5)).draw([0, 1]),
    ).toBeUndefined();
  });
});

test.each<[sinceMs: number, aggression: number, percent: number]>([
  [0, 1, 10],
  [500, 1, 10],
  [2_500, 1, 25],
  [2_500, 2, 50],
  [9_999, 1, 100],
  [10_000, 1, 100],
  [Infinity, 1, 100],
])("%d ms after it came back, aggression %d: %d %% of its weight", (sinceMs, aggression, percent) => {
  const options = { windowMs: 10_000, aggression, minPercent: 10 };
  expect(Math.round(scaledWeight(3, sinceMs, options) / 30)).toBe((percent * WEIGHT_SCALE) / 1_000);
});

test("weight 0 stays 0, and a node that starts slowly is never at 0", () => {
  const options = { windowMs: 10_000, aggression: 1, minPercent: 1 };
  expect(scaledWeight(0, 0, options)).toBe(0);
  expect(scaledWeight(1, 0, options)).toBeGreaterThan(0);
});

test.each<[by: string, value: string]>([
  ["ip", "192.0.2.7"],
  ["path", "/a?b"],
  ["header:x-USER", "ada"],
  ["header:x-empty", ""],
  ["cookie:session", "s1"],
  // What is not there is the address.
  ["header:x-none", "192.0.2.7"],
  ["cookie:Session", "192.0.2.7"],
])("hashed by %s: %j", (by, value) => {
  const source = {
    fields: ["Host", "a", "X-User", "ada", "Cookie", "theme=dark; session=s1", "x-empty", ""],
    path: "/a?b",
    address: "192.0.2.7",
  };
  const expected = requestKey({ part: "ip" }, { ...source, address: value });
  expect(requestKey(readHashBy(by), source)).toBe(expected);
});
