/** The speed tests of a run side by side: one row per city, one column per test, deltas against the first. */
import type { SpeedTest, SpeedTestRow } from "#core/wire/measure.ts";
import type { TestCell, TestTable } from "./failover-report.ts";
import { roundMs, sinceMs, type RunSpan } from "./span.ts";

export function tabulateTests(
  tests: readonly SpeedTest[],
  span: RunSpan,
  affected: ReadonlySet<string>,
): TestTable {
  const [baseline] = tests;
  return {
    columns: tests.map((test) => ({
      label: test.label,
      atMs: sinceMs(test.startNs, span),
      rounds: test.rounds,
    })),
    rows: (baseline?.rows ?? []).map((row) => ({
      vantage: row.vantage,
      city: row.city,
      isAffected: affected.has(row.vantage),
      floorMs: row.floorMs,
      singleOriginMs: row.singleOriginMs,
      cells: tests.map((test, index) =>
        cellOf(
          test.rows.find((candidate) => candidate.vantage === row.vantage),
          index === 0 ? undefined : row,
        ),
      ),
    })),
  };
}

function cellOf(row: SpeedTestRow | undefined, baseline: SpeedTestRow | undefined): TestCell {
  if (row === undefined) return { status: null, site: null, ttfbMs: null, deltaMs: null };
  const { status, site, ttfbMs } = row;
  const baseMs = baseline?.ttfbMs ?? null;
  return {
    status,
    site,
    ttfbMs,
    deltaMs: ttfbMs === null || baseMs === null ? null : roundMs(ttfbMs - baseMs),
  };
}
