/** The page of a recording: its timeline as paths, its places, and names that do not cover each other. */
import { expect, test } from "vitest";
import type { ReplayOpening, ReplayPlace } from "#core/wire/replay.ts";
import { placeOnMap, withFreeLabels } from "#dashboard/map/placement.ts";
import { placesOf } from "#dashboard/model/replay-places.ts";
import { drawTimeline, lastMoment } from "#dashboard/model/timeline.ts";

function place(name: string, latitude: number | null, longitude: number | null): ReplayPlace {
  return { name, city: null, as: 1, latitude, longitude };
}

const OPENING: ReplayOpening = {
  schema: "anycastle.replay/v1",
  version: "0",
  title: "ny1 is lost",
  graph: "any",
  ases: 10,
  timing: "any",
  seed: 1,
  run: 0,
  endUs: 4_000_000,
  affected: 4,
  sites: [place("ny1", 40.71, -74), place("la1", 34.05, -118.24), place("hidden", null, null)],
  vantages: [place("new-york", 40.71, -74.01), place("lima", -12, -77), place("nowhere", null, null)],
  curve: [
    { atUs: 0, right: 4, wrong: 0, lost: 0, looping: 0 },
    { atUs: 1_000_000, right: 0, wrong: 4, lost: 0, looping: 0 },
    { atUs: 2_000_000, right: 1, wrong: 1, lost: 1, looping: 1 },
    { atUs: 4_000_000, right: 4, wrong: 0, lost: 0, looping: 0 },
  ],
  moments: [
    { atUs: 1_000_000, sort: "act", what: "ny1 fails" },
    { atUs: 1_040_000, sort: "act", what: "ny1 withdraws" },
    { atUs: 2_500_000, sort: "moved", vantage: "new-york", from: "ny1", to: "la1" },
    { atUs: 4_000_000, sort: "act", what: "the end of all that was done" },
  ],
  modelLimits: "",
};

test("the areas are stacked in steps: a value holds until the next", () => {
  const { bands } = drawTimeline(OPENING, { width: 400, height: 100 });
  expect(bands.map(({ fate }) => fate)).toEqual(["right", "wrong", "lost", "looping"]);
  expect(bands[0]!.path).toBe(
    "M0 0L100 0L100 100L200 100L200 75L400 75L400 0L400 100L200 100L100 100L0 100Z",
  );
  // The last one ends where everything ends.
  expect(bands[3]!.path.startsWith("M0 0L100 0L200 0L400 0L")).toBe(true);
});

test("names of what was done stand in rows where they would cover each other, and inside the frame", () => {
  const { marks } = drawTimeline(OPENING, { width: 400, height: 100 });
  expect(marks.map(({ label, anchor, row }) => ({ label, anchor, row }))).toEqual([
    { label: "ny1 fails", anchor: "start", row: 0 },
    { label: "ny1 withdraws", anchor: "start", row: 1 },
    { label: "the end of all that was done", anchor: "end", row: 0 },
  ]);
});

test("whatever the length, there are a few ticks of round seconds from 0", () => {
  for (const endUs of [1, 900_000, 4_000_000, 37_000_000, 90_000_000, 3_600_000_000, 1e12]) {
    const { ticks } = drawTimeline({ ...OPENING, endUs }, { width: 400, height: 100 });
    expect(ticks[0]).toEqual({ x: 0, seconds: 0 });
    expect(ticks.length).toBeLessThan(11);
    if (endUs > 10_000) expect(ticks.length).toBeGreaterThan(3);
  }
});

test("a recording in which nothing changes is drawn too", () => {
  const empty = {
    ...OPENING,
    endUs: 0,
    affected: 0,
    moments: [],
    curve: [{ ...OPENING.curve[0]!, right: 0 }],
  };
  const { bands, marks } = drawTimeline(empty, { width: 400, height: 100 });
  expect(bands[0]!.path).toBe("M0 100L0 100Z");
  expect(marks).toEqual([]);
});

test("the last moment that has happened", () => {
  const { moments } = OPENING;
  expect([0, 1_000_000, 2_499_999, 9e9].map((atUs) => lastMoment(moments, atUs))).toEqual([-1, 0, 1, 3]);
});

test("a vantage in a site's town shares its mark; what is on no map is left out", () => {
  expect(placesOf(OPENING).map(({ vantage, site }) => ({ vantage, site }))).toEqual([
    { vantage: "new-york", site: "ny1" },
    { vantage: "lima", site: null },
    { vantage: "/la1", site: "la1" },
  ]);
});

test("names on the map cover neither each other nor another's mark", () => {
  const crowd = Array.from({ length: 8 }, (_, index) => ({
    vantage: `/s${index}`,
    site: `site${index}`,
    latitude: 30 + index / 5,
    longitude: 110 + (index % 3),
  }));
  const width = 40;
  const placed = withFreeLabels(placeOnMap(crowd), () => ({ width, fromMark: 7 }));
  const boxes = placed.map(({ labelX, labelY, anchor }) => ({
    left: anchor === "start" ? labelX : labelX - width,
    top: labelY,
  }));
  for (const [index, a] of boxes.entries()) {
    for (const b of boxes.slice(index + 1)) {
      expect(Math.abs(a.left - b.left) >= width || Math.abs(a.top - b.top) >= 13).toBe(true);
    }
  }
});
