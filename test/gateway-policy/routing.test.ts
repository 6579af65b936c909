import { describe, expect, test } from "vitest";
import { ecmpNode, orderSites } from "#gateway/routing/modes.ts";
import { FixedSource } from "#gateway/routing/fixed-source.ts";
import { nearestSites } from "#gateway/routing/nearest-source.ts";
import { VantageResolver } from "#gateway/routing/vantage.ts";

const far = { site: "far", rttUs: 90 };
const near = { site: "near", rttUs: 10 };
const alsoNear = { site: "also-near", rttUs: 10 };

test("anycast keeps BGP's order, nearest sorts by round-trip time and keeps ties", () => {
  const sites = [far, near, alsoNear];
  expect(orderSites("anycast", sites)).toEqual([far, near, alsoNear]);
  expect(orderSites("anycast-only", sites)).toEqual([far, near, alsoNear]);
  expect(orderSites("nearest", sites)).toEqual([near, alsoNear, far]);
  expect(sites[0]).toBe(far);
});

test("a connection is hashed over the nodes whose path stands, modulo their number", () => {
  expect(["a", "b", "c"].map((_, hash) => ecmpNode(hash + 3, ["x", "y"]))).toEqual(["y", "x", "y"]);
  expect(ecmpNode(5, [])).toBeUndefined();
});

describe("the vantage", () => {
  const resolver = new VantageResolver({
    defaultVantage: "london",
    isKnown: (vantage) => ["london", "new-york"].includes(vantage),
  });

  test.each([
    ["new-york.localhost:8080", undefined, "new-york"],
    ["New-York.LOCALHOST", undefined, "new-york"],
    ["paris.localhost:8080", undefined, "london"],
    ["new-york.example.com", undefined, "london"],
    ["localhost:8080", undefined, "london"],
    ["", undefined, "london"],
    ["example.com", "new-york", "new-york"],
    ["new-york.localhost", "nowhere", "new-york"],
  ])("of Host %s and field %s is %s", (authority, field, expected) => {
    expect(resolver.resolve(authority, field)).toBe(expected);
    expect(resolver.resolve(authority, field)).toBe(expected);
  });
});

test("a fixed source answers listed vantages, and others only when told how", () => {
  const nodesBySite = new Map([["near", ["near-1"]]]);
  const byVantage = new Map([["paris", [near]]]);
  const strict = new FixedSource({ byVantage, nodesBySite });
  expect(strict.routes("paris")?.sites).toEqual([near]);
  expect(strict.routes("rome")).toBeUndefined();
  expect(strict.announcedNodes("near")).toEqual(["near-1"]);
  const open = new FixedSource({ byVantage, nodesBySite, otherwise: [far] });
  expect(open.routes("rome")?.sites).toEqual([far]);
});

test("nearest sites are listed times where there are any, else an estimate from the great circle", () => {
  const sites = nearestSites("new-york", ["syd1", "la1", "ny1", "atlantis"]);
  expect(sites.map(({ site }) => site)).toEqual(["ny1", "la1", "syd1"]);
  expect(sites[1]).toEqual({ site: "la1", rttUs: 68_700 });
  expect(nearestSites("atlantis", ["ny1"])).toEqual([]);
});
