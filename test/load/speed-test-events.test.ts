/** A speed test as the journal hears it: a row for each city with the answer as it came, then the end. */
import { expect, test } from "vitest";
import { speedTestEvents } from "#loadtest/speed/speed-test-events.ts";
import { runSpeedTest } from "#loadtest/speed/speed-test.ts";
import { closedPort, httpServer } from "./servers.ts";

const CITIES = [
  { vantage: "new-york", city: "New York" },
  { vantage: "london", city: "London" },
];

test("each city's row carries the head of its last answer, as received", async () => {
  let count = 0;
  await using server = await httpServer((_request, response) => {
    count += 1;
    response.writeHead(200, { "x-edge-route": "ny1", "x-edge-node": `ny1-${count}`, "X-Odd-Case": "kept" });
    response.end("page");
  });
  const result = await runSpeedTest({
    gatewayUrl: server.url,
    vantages: CITIES.slice(0, 1),
    rounds: 3,
    label: "live",
    gapMs: 0,
  });
  const events = speedTestEvents(result);
  expect(events).toMatchObject([
    {
      kind: "test.row",
      label: "live",
      startNs: result.startNs,
      vantage: "new-york",
      status: 200,
      site: "ny1",
      node: "ny1-3",
      singleOriginMs: 34,
      error: null,
    },
    { kind: "test.finished", label: "live", ok: 1, failed: 0 },
  ]);
  const { head } = events[0] as { head: string };
  expect(head.split("\r\n").slice(0, 4)).toEqual([
    "HTTP/1.1 200 OK",
    "x-edge-route: ny1",
    "x-edge-node: ny1-3",
    "X-Odd-Case: kept",
  ]);
  expect(head.endsWith("\r\n")).toBe(false);
});

test("a head longer than the bound is cut", async () => {
  await using server = await httpServer((_request, response) => {
    response.writeHead(200, { "x-long": "x".repeat(8_000) });
    response.end();
  });
  const result = await runSpeedTest({ gatewayUrl: server.url, vantages: CITIES, rounds: 1, label: "live" });
  expect(result.rows.map(({ head }) => head?.length)).toEqual([4_096, 4_096]);
});

test("no answer: a row without a head, with the reason, and a failed city", async () => {
  const gatewayUrl = `http://127.0.0.1:${await closedPort()}`;
  const events = speedTestEvents(
    await runSpeedTest({ gatewayUrl, vantages: CITIES, rounds: 1, label: "live" }),
  );
  expect(events).toMatchObject([
    { kind: "test.row", status: null, site: null, node: null, ttfbMs: null, error: "refused", head: null },
    { kind: "test.row", error: "refused" },
    { kind: "test.finished", ok: 0, failed: 2 },
  ]);
});
