/**
 * The published table of the live demo this product descends from: time to first byte in eight cities, from the site in
 * the same city. The default world must give the same figures, computed as a cold HTTPS request: 25 ms and three round trips.
 */
import { expect, test } from "vitest";
import { rttSource, rttUs } from "#core/geography/rtt.ts";

const SERVER_MS = 25;
const TOLERANCE_MS = 2;

function coldMs(vantage: string, site: string): number {
  return SERVER_MS + (3 * rttUs(vantage, site)!) / 1000;
}

test.each([
  ["shenzhen", "szx1", 28],
  ["hong-kong", "hkg1", 34],
  ["sydney", "syd1", 41],
  ["wuhan", "wuh1", 38],
  ["chengdu", "ctu1", 30],
  ["hangzhou", "hgh1", 31],
  ["new-york", "ny1", 34],
  ["los-angeles", "la1", 29],
])("%s reaches %s in %i ms, as published", (vantage, site, publishedMs) => {
  expect(Math.abs(coldMs(vantage, site) - publishedMs)).toBeLessThanOrEqual(TOLERANCE_MS);
});

test("New York falls from 34 to 231 ms when la1 serves it: 6.79 times, computed", () => {
  expect(Math.round(coldMs("new-york", "la1"))).toBe(231);
  expect((231 / 34).toFixed(2)).toBe("6.79");
});

test("a figure says where it comes from: calibrated at home, measured or fitted elsewhere", () => {
  expect(rttSource("new-york", "ny1")).toBe("c");
  expect(rttSource("new-york", "la1")).toBe("m");
  expect(rttSource("new-york", "wuh1")).toBe("f");
  expect(rttSource("new-york", "nowhere")).toBeUndefined();
});
