/** A speed test as the journal's events: a row for each city, then the end. */
import type { EventBody } from "#core/wire/events.ts";
import type { SpeedTest, SpeedTestRow } from "#core/wire/measure.ts";

export function speedTestEvents(test: SpeedTest): EventBody[] {
  const { label, startNs, rows } = test;
  const ok = rows.filter(({ status }) => status === 200).length;
  return [
    ...rows.map((row) => rowEvent(row, label, startNs)),
    { kind: "test.finished", label, ok, failed: rows.length - ok },
  ];
}

/** Node and error are those of the last sample: medians have none. */
function rowEvent(row: SpeedTestRow, label: string, startNs: number): EventBody {
  const { vantage, status, site, connectMs, ttfbMs, totalMs, floorMs, singleOriginMs, samples, head } = row;
  const last = samples.at(-1);
  return {
    kind: "test.row",
    label,
    startNs,
    vantage,
    status,
    site,
    node: last?.node ?? null,
    connectMs,
    ttfbMs,
    totalMs,
    floorMs,
    singleOriginMs,
    error: samples.findLast(({ error }) => error !== null)?.error ?? null,
    head: head ?? null,
  };
}
