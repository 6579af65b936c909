/** The speed test against servers that stand for the gateway, and its table. */
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import type { SpeedTest } from "#core/wire/measure.ts";
import { renderSpeedTest } from "#loadtest/speed/render-speed-test.ts";
import { allCities, runSpeedTest } from "#loadtest/speed/speed-test.ts";
import { closedPort, httpServer } from "./servers.ts";

const CITIES = [
  { vantage: "new-york", city: "New York" },
  { vantage: "london", city: "London" },
];

function measure(url: string, rounds = 3): Promise<SpeedTest> {
  return runSpeedTest({ gatewayUrl: url, vantages: CITIES, rounds, label: "before", gapMs: 0 });
}

test("each city asks once a round, as itself, on a connection of its own", async () => {
  const hosts: string[] = [];
  await using server = await httpServer((request, response) => {
    hosts.push(request.headers.host ?? "");
    response.setHeader("x-edge-route", request.headers.host!.startsWith("new-york.") ? "ny1" : "ams1");
    response.setHeader("x-edge-node", "a-1");
    response.end("page");
  });
  const result = await measure(server.url);
  expect(hosts.toSorted()).toEqual(
    CITIES.flatMap(({ vantage }) =>
      Array.from({ length: 3 }, () => `${vantage}.localhost:${server.port}`),
    ).toSorted(),
  );
  expect(server.accepted).toBe(6);
  expect(result.rows.map(({ status, site, samples }) => [status, site, samples.length])).toEqual([
    [200, "ny1", 3],
    [200, "ams1", 3],
  ]);
  for (const row of result.rows) {
    for (const { connectMs, ttfbMs, totalMs, node, error } of row.samples) {
      expect([node, error]).toEqual(["a-1", null]);
      expect(ttfbMs!).toBeGreaterThanOrEqual(connectMs!);
      expect(totalMs!).toBeGreaterThanOrEqual(ttfbMs!);
    }
  }
});

test("floor and single origin are computed from the map", async () => {
  await using server = await httpServer((request, response) => {
    response.setHeader("x-edge-route", request.headers.host!.startsWith("new-york.") ? "la1" : "nowhere");
    response.end();
  });
  const [newYork, london] = (await measure(server.url, 1)).rows;
  // 3,936 km on the great circle: 39.4 ms there and back in fibre, three times.
  expect(newYork!.floorMs).toBeCloseTo(118.1, 0);
  expect(newYork!.singleOriginMs).toBe(34);
  expect(london!.floorMs).toBe(null);
  expect(london!.singleOriginMs).toBe(238);
});

test("in a world of its own distances are the world's, and so is the only site", async () => {
  await using server = await httpServer((_request, response) => {
    response.setHeader("x-edge-route", "ams1");
    response.end();
  });
  const places = {
    sites: [{ site: "ams1", city: "Amsterdam", coordinates: { latitude: 0, longitude: 0 } }],
    vantages: [
      { vantage: "new-york", city: "New York", coordinates: { latitude: 0, longitude: 1 }, rttUs: [20_000] },
      { vantage: "london", city: "London", coordinates: null, rttUs: [30_000] },
    ],
  };
  const test = { gatewayUrl: server.url, vantages: CITIES, rounds: 1, label: "own", places };
  const { rows, originSite } = await runSpeedTest(test);
  expect(originSite).toBe("ams1");
  expect(rows.map(({ singleOriginMs }) => singleOriginMs)).toEqual([85, 115]);
  // A degree of the equator, three times there and back.
  expect(rows[0]!.floorMs).toBeCloseTo(3.34, 1);
  expect(rows[1]!.floorMs).toBe(null);
});

test("samples that disagree have no common status or site; the median is over those that answered", async () => {
  let count = 0;
  await using server = await httpServer((request, response) => {
    if (request.headers.host!.startsWith("london.")) return response.end();
    count += 1;
    if (count === 2) return request.socket.resetAndDestroy();
    response.statusCode = count === 3 ? 502 : 200;
    return response.end();
  });
  const [newYork, london] = (await measure(server.url)).rows;
  expect([newYork!.status, london!.status]).toEqual([null, 200]);
  expect(newYork!.samples.map(({ status, error }) => [status, error])).toEqual([
    [200, null],
    [null, "reset"],
    [502, null],
  ]);
  expect(newYork!.ttfbMs).not.toBe(null);
});

test("nobody listens: every sample says so and nothing is made up", async () => {
  const result = await measure(`http://127.0.0.1:${await closedPort()}/`, 1);
  for (const row of result.rows) {
    expect([row.status, row.site, row.ttfbMs, row.floorMs]).toEqual([null, null, null, null]);
    expect(row.samples[0]!.error).toBe("refused");
  }
});

test("the map has fourteen cities", () => {
  expect(allCities()).toHaveLength(14);
  expect(allCities()[0]).toEqual({ vantage: "new-york", city: "New York" });
});

function rendered(ttfbMs: number | null, options: { isColour: boolean; before?: SpeedTest }): string {
  return renderSpeedTest(sample(ttfbMs), options);
}

function sample(ttfbMs: number | null, city = "New York"): SpeedTest {
  const status = ttfbMs === null ? null : 200;
  return {
    schema: "anycastle.test/v1",
    label: "x",
    url: "http://127.0.0.1:8080/",
    takenAt: "2026-01-01T00:00:00.000Z",
    startNs: 1,
    rounds: 1,
    originSite: "ny1",
    rows: [
      {
        vantage: "new-york",
        city,
        samples: [{ status, site: "ny1", node: "ny1-1", connectMs: 1, ttfbMs, totalMs: ttfbMs, error: null }],
        status,
        site: "ny1",
        connectMs: 1,
        ttfbMs,
        totalMs: ttfbMs,
        floorMs: 0,
        singleOriginMs: 34,
      },
    ],
  };
}

test("a row of the table", () => {
  const text = rendered(231.1, { isColour: false, before: sample(34) });
  expect(text).toMatch(/New York +200 ny1 +1\.0 +231\.1 +\+197\.1 +0\.0 +34\.0 ▇+/);
  expect(text).toContain("1 of 1 cities 200 OK");
  expect(rendered(null, { isColour: false })).toMatch(/New York +err ny1 +1\.0 +- /);
});

test("colours are the bands of the time to first byte, and only colours", () => {
  const codes = [49.9, 50, 100, null].map((ms) =>
    rendered(ms, { isColour: true }).split("\n")[1]!.slice(0, 5),
  );
  expect(codes).toEqual(["\u001b[32m", "\u001b[33m", "\u001b[35m", "\u001b[31m"]);
  expect(stripVTControlCharacters(rendered(34, { isColour: true }))).toBe(rendered(34, { isColour: false }));
});

test("a name cannot steer the terminal", () => {
  const text = renderSpeedTest(sample(34, "\u001b[2JNowhere"), { isColour: false });
  expect(text).not.toContain("\u001b");
});
