/** The latency chart, and the map's drawing: numbers in, coordinates out. */
import { expect, test } from "vitest";
import { drawChart, niceMax } from "#dashboard/model/chart.ts";
import { count, duration, failureBound, percent, signed } from "#dashboard/model/figures.ts";
import type { LoadWindow } from "#dashboard/model/page-state.ts";
import { arcPath, ringSegment } from "#dashboard/map/arc.ts";
import { placeOnMap } from "#dashboard/map/placement.ts";
import { MAP_HEIGHT, MAP_WIDTH } from "#dashboard/map/projection.ts";
import { CITIES } from "#core/geography/cities.ts";
import { eventsAt, loadWindow } from "./events.ts";

const FRAME = { width: 600, height: 100, seconds: 60 };

function windowsAt(
  list: readonly (readonly [ms: number, p50: number, p99: number, failed?: number])[],
): LoadWindow[] {
  return eventsAt(list.map(([ms, p50, p99, failed]) => [ms, loadWindow(p50, p99, failed)])) as LoadWindow[];
}

test("the newest window stands at the right edge, the top of the scale is a round number above the worst", () => {
  const chart = drawChart(
    windowsAt([
      [30_000, 50, 180],
      [60_000, 50, 180],
    ]),
    [],
    FRAME,
  );
  expect(chart.maxMs).toBe(200);
  expect(chart.gridMs).toEqual([50, 100, 150, 200]);
  expect(chart.p50).toBe("M300 75M600 75");
  expect(chart.p99).toBe("M300 10M600 10");
});

test("half a second is one point: middle of the medians, worst of the p99", () => {
  const chart = drawChart(
    windowsAt([
      [59_600, 10, 20],
      [59_700, 20, 90],
      [59_800, 30, 20],
      [60_000, 50, 100],
      [60_100, 50, 100],
    ]),
    [],
    FRAME,
  );
  expect(chart.p50.match(/[ML]/g)).toEqual(["M", "L"]);
  expect(chart.p50).toMatch(/^M[\d.]+ 80L/);
  expect(chart.p99).toMatch(/^M[\d.]+ 10L/);
});

test("a silence breaks the line, what is too old is not drawn", () => {
  const chart = drawChart(
    windowsAt([
      [1_000, 50, 60],
      [70_000, 50, 60],
      [70_500, 50, 60],
      [80_000, 50, 60],
    ]),
    [],
    FRAME,
  );
  expect(chart.p50.match(/[ML]/g)).toEqual(["M", "L", "M"]);
});

test("failures and marks stand at their time; marks outside are left out", () => {
  const marks = [
    { atNs: 30_000e6, sort: "fault", label: "kill ny1" },
    { atNs: -40_000e6, sort: "fault", label: "old" },
  ] as const;
  const chart = drawChart(
    windowsAt([
      [45_000, 50, 60, 3],
      [60_000, 50, 60],
    ]),
    marks,
    FRAME,
  );
  expect(chart.failures).toEqual([450]);
  expect(chart.marks).toEqual([{ x: 300, sort: "fault", label: "kill ny1" }]);
});

test("nothing measured draws nothing", () => {
  expect(drawChart([], [], FRAME)).toMatchObject({ p50: "", p99: "", failures: [], marks: [] });
});

test.each([
  [1, 1],
  [99, 100],
  [100, 100],
  [101, 200],
  [231, 250],
  [260, 500],
  [1_500, 2_000],
])("the scale for %d ms ends at %d", (ms, expected) => expect(niceMax(ms)).toBe(expected));

test.each([
  [duration(3.14), "3.1 ms"],
  [duration(412.4), "412 ms"],
  [duration(2_410), "2.41 s"],
  [count(1234567), "1\u2009234\u2009567"],
  [count(12), "12"],
  [percent(failureBound(25_000)!), "0.012 %"],
  [signed(-1.04), "\u22121.0"],
  [signed(196.9), "+196.9"],
])("%s", (text, expected) => expect(text).toBe(expected));

test("nothing sent bounds nothing; one request bounds little", () => {
  expect(failureBound(0)).toBeNull();
  expect(failureBound(1)).toBe(1);
});

test("a line bows to the north, whichever way it goes", () => {
  const [east, west] = [
    arcPath({ x: 0, y: 100 }, { x: 100, y: 100 }),
    arcPath({ x: 100, y: 100 }, { x: 0, y: 100 }),
  ];
  expect(east).toBe("M0 100Q50 78 100 100");
  expect(west).toBe("M100 100Q50 78 0 100");
});

test("the pieces of a ring do not touch; a single one is nearly whole", () => {
  const pieces = [0, 1].map((index) => ringSegment({ x: 0, y: 0 }, 10, index, 2));
  expect(pieces[0]).not.toBe(pieces[1]);
  expect(ringSegment({ x: 0, y: 0 }, 10, 0, 1)).toMatch(/A10 10 0 1 1/);
});

test("every city stands on the map, and no two marks of sites cover each other", () => {
  const sites = new Set([
    "new-york",
    "los-angeles",
    "hangzhou",
    "chengdu",
    "amsterdam",
    "hong-kong",
    "shenzhen",
    "sydney",
    "wuhan",
  ]);
  const placed = placeOnMap(
    CITIES.map(({ id, latitude, longitude }) => ({
      vantage: id,
      site: sites.has(id) ? id : null,
      latitude,
      longitude,
    })),
  );
  expect(placed).toHaveLength(14);
  for (const { x, y } of placed) {
    expect(x).toBeGreaterThan(0);
    expect(x).toBeLessThan(MAP_WIDTH);
    expect(y).toBeGreaterThan(0);
    expect(y).toBeLessThan(MAP_HEIGHT);
  }
  const marks = placed.filter(({ site }) => site !== null);
  for (const a of marks) {
    const nearest = Math.min(...marks.filter((b) => b !== a).map((b) => Math.hypot(a.x - b.x, a.y - b.y)));
    expect(nearest).toBeGreaterThan(14);
  }
});
