/**
 * A run's records made into its result: counts, percentiles per cohort and vantage, and whether it may be believed.
 * Percentiles are exact (sorted, nearest rank); a run has at most a few hundred thousand requests.
 */
import { LOAD_SCHEMA, type LoadResult, type Percentiles } from "#core/wire/measure.ts";
import type { LoadDocument } from "./load-document.ts";
import type { LoadRun } from "./loader.ts";
import type { RequestRecord } from "./request-record.ts";

const NS_PER_MS = 1e6;

export function summarizeLoad(document: LoadDocument, run: LoadRun, duplicated: number): LoadResult {
  const counted = run.records.slice(run.warmUpCount);
  const failed: Record<string, number> = {};
  for (const { error } of counted) if (error !== null) failed[error] = (failed[error] ?? 0) + 1;
  const failedTotal = counted.filter((record) => record.error !== null).length;
  const sent = counted.filter((record) => record.sentNs !== null);
  const sendLag = percentiles(sent.map((record) => record.sentNs! - record.dueNs));
  const planned = run.planned - run.warmUpCount;
  const voidReasons = reasonsToDoubt(document, planned, sent.length, sendLag);
  return {
    schema: LOAD_SCHEMA,
    url: document.url,
    seed: document.seed,
    rate: document.rate,
    startNs: run.startNs,
    endNs: run.records.reduce((last, record) => Math.max(last, record.endNs ?? 0), run.startNs),
    planned,
    sent: sent.length,
    ok: sent.length - failedTotal + counted.filter((record) => record.error === "not-sent").length,
    failed,
    failedTotal,
    failureBound: failedTotal === 0 && sent.length > 0 ? 3 / sent.length : null,
    latency: latencies(counted),
    ttfb: firstBytes(counted),
    sendLag,
    cohorts: [...Map.groupBy(counted, (record) => record.cohort)].map(([cohort, records]) => ({
      cohort,
      ...countsOf(records),
      latency: latencies(records),
    })),
    vantages: [...Map.groupBy(counted, (record) => record.vantage)].map(([vantage, records]) => ({
      vantage,
      ...countsOf(records),
      sites: sitesOf(records),
      latency: latencies(records),
    })),
    duplicated,
    isVoid: voidReasons.length > 0,
    voidReasons,
  };
}

function reasonsToDoubt(
  document: LoadDocument,
  planned: number,
  sent: number,
  sendLag: Percentiles,
): string[] {
  const reasons: string[] = [];
  const lagMs = sendLag.p999 ?? 0;
  if (lagMs > document.lagGateMs) {
    reasons.push(
      `requests were sent ${lagMs.toFixed(1)} ms late at p99.9; the gate is ${document.lagGateMs} ms`,
    );
  }
  if (sent !== planned) reasons.push(`${planned - sent} of ${planned} planned requests were not sent`);
  return reasons;
}

function countsOf(records: readonly RequestRecord[]): { sent: number; ok: number; failed: number } {
  const ok = records.filter((record) => record.error === null).length;
  return { sent: records.filter((record) => record.sentNs !== null).length, ok, failed: records.length - ok };
}

function sitesOf(records: readonly RequestRecord[]): Record<string, number> {
  const sites: Record<string, number> = {};
  for (const { site } of records) if (site !== null) sites[site] = (sites[site] ?? 0) + 1;
  return sites;
}

function latencies(records: readonly RequestRecord[]): Percentiles {
  return percentiles(answered(records).map((record) => record.endNs! - record.dueNs));
}

function firstBytes(records: readonly RequestRecord[]): Percentiles {
  return percentiles(answered(records).map((record) => record.firstByteNs! - record.dueNs));
}

function answered(records: readonly RequestRecord[]): RequestRecord[] {
  return records.filter(
    (record) => record.error === null && record.endNs !== null && record.firstByteNs !== null,
  );
}

/** Of nanoseconds, in milliseconds. */
export function percentiles(valuesNs: readonly number[]): Percentiles {
  const sorted = Float64Array.from(valuesNs).sort();
  const at = (share: number): number | null => {
    if (sorted.length === 0) return null;
    return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]! / NS_PER_MS;
  };
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
}
