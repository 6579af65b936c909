import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import type { LoadResult, Percentiles } from "#core/wire/measure.ts";
import { renderLoadResult } from "#loadtest/load/render-load.ts";

const TIMES: Percentiles = { p50: 34.21, p90: 40, p99: 231.4, p999: 1_262.4, max: 1_400 };

const RESULT: LoadResult = {
  schema: "anycastle.load/v1",
  url: "http://127.0.0.1:8080",
  seed: 1,
  rate: 500,
  startNs: 1,
  endNs: 2,
  planned: 15_000,
  sent: 15_000,
  ok: 15_000,
  failed: {},
  failedTotal: 0,
  failureBound: 0.0002,
  latency: TIMES,
  ttfb: TIMES,
  sendLag: { p50: 0.03, p90: 0.1, p99: 0.4, p999: 1.2, max: 3 },
  cohorts: [{ cohort: "fresh", sent: 7_500, ok: 7_500, failed: 0, latency: TIMES }],
  vantages: [
    {
      vantage: "new-york",
      sent: 15_000,
      ok: 15_000,
      failed: 0,
      sites: { la1: 5_000, ny1: 10_000 },
      latency: TIMES,
    },
  ],
  duplicated: 0,
  isVoid: false,
  voidReasons: [],
};

const plain = (change: Partial<LoadResult> = {}): string =>
  renderLoadResult({ ...RESULT, ...change }, { isColour: false });

test("a clean run: counts, bound, percentiles, who served whom", () => {
  const text = plain();
  expect(text).toContain("OK  http://127.0.0.1:8080 at 500/s: 15,000 of 15,000 sent, 15,000 ok, 0 failed");
  expect(text).toContain("none failed: the failure ratio is below 0.020 % (95 %, 3/n)");
  expect(text).toMatch(/due to last byte +34\.2 +40\.0 +231\.4 +1,262 +1,400/);
  expect(text).toMatch(/sent late by +0\.0 /);
  expect(text).toMatch(/new-york +15,000 +15,000 +0 +34\.2 +231\.4 {3}ny1 10,000, la1 5,000/);
});

test("failures are named and duplicated POSTs are not hidden", () => {
  const text = plain({
    ok: 14_988,
    failed: { refused: 11, reset: 1 },
    failedTotal: 12,
    failureBound: null,
    duplicated: 3,
  });
  expect(text).toMatch(/^FAILED /);
  expect(text).toContain("  11 refused\n  1 reset\n  3 POST executed more than once");
});

test("what may not be repeated is told apart: losses of POST, also when there are none", () => {
  const post = { method: "POST", sent: 750, ok: 750, failed: 0, latency: TIMES };
  expect(plain({ methods: [post] })).toContain("\n  POST: 750 sent, 0 lost\n");
  expect(plain({ methods: [{ ...post, ok: 748, failed: 2 }] })).toContain("\n  POST: 750 sent, 2 lost\n");
  expect(plain()).not.toContain("POST");
});

test("a void run says why and withholds its latencies", () => {
  const text = plain({ isVoid: true, voidReasons: ["send lag p99.9 is 73.2 ms, above the gate of 50 ms"] });
  expect(text).toMatch(/^VOID /);
  expect(text).toContain("  send lag p99.9 is 73.2 ms, above the gate of 50 ms");
  expect(text).not.toContain("231.4");
  expect(text).toContain("sent late by");
});

test("colour changes nothing but colour, and no line is wider than a terminal", () => {
  expect(stripVTControlCharacters(renderLoadResult(RESULT, { isColour: true }))).toBe(plain());
  for (const line of plain().split("\n")) expect(line.length).toBeLessThanOrEqual(100);
});

test("a name cannot steer the terminal", () => {
  const [vantage] = RESULT.vantages;
  expect(plain({ vantages: [{ ...vantage!, sites: { "\u001b[2J": 1 } }] })).not.toContain("\u001b");
});
