/**
 * Columns for the two drawings: the ribbon (requests around the fault in bins of their due time) and the latency chart
 * (the whole run). Both are bounded, so that a long run makes a coarser drawing and not a larger file.
 */
import type { RequestRecord } from "../load/request-record.ts";
import type { LatencyChart, Ribbon } from "./failover-report.ts";
import { BIN_MS, latencyMs } from "./measures.ts";
import { quantile, sortedNumbers } from "./quantile.ts";
import { roundMs, sinceMs, type RunSpan } from "./span.ts";

const NS_PER_MS = 1e6;
const RIBBON_BEFORE_MS = 1000;
const RIBBON_AFTER_MS_MIN = 2000;
const RIBBON_BINS_MAX = 2000;
const CHART_BINS_MAX = 300;
const CHART_BIN_MS_MIN = 250;
const POINTS_PER_COHORT_MAX = 2000;
const FAILED_TICKS_MAX = 2000;

export function drawRibbon(
  requests: readonly RequestRecord[],
  span: RunSpan,
  affected: ReadonlySet<string>,
  slowAboveMs: number | null,
): Ribbon {
  const settledMs = Number.isFinite(span.settledNs) ? sinceMs(span.settledNs, span) : 0;
  const wantedMs = RIBBON_BEFORE_MS + Math.max(RIBBON_AFTER_MS_MIN, settledMs * 1.25);
  const binCount = Math.min(RIBBON_BINS_MAX, Math.ceil(wantedMs / BIN_MS));
  const columns = {
    sent: zeros(binCount),
    failed: zeros(binCount),
    slow: zeros(binCount),
    fromTarget: zeros(binCount),
    fromOthers: zeros(binCount),
  };
  for (const request of requests) {
    const bin = Math.floor(((request.dueNs - span.zeroNs) / NS_PER_MS + RIBBON_BEFORE_MS) / BIN_MS);
    if (bin < 0 || bin >= binCount) continue;
    columns.sent[bin]! += 1;
    if (request.error !== null) columns.failed[bin]! += 1;
    else if (slowAboveMs !== null && latencyMs(request) > slowAboveMs) columns.slow[bin]! += 1;
    if (request.node === null || !affected.has(request.vantage)) continue;
    if (span.faultedNodes.has(request.node)) columns.fromTarget[bin]! += 1;
    else columns.fromOthers[bin]! += 1;
  }
  return { binMs: BIN_MS, startMs: -RIBBON_BEFORE_MS, ...columns };
}

export function drawLatency(
  requests: readonly RequestRecord[],
  span: RunSpan,
  affected: ReadonlySet<string>,
): LatencyChart {
  const answered = requests
    .filter((request) => request.error === null && request.firstByteNs !== null)
    .toSorted((a, b) => a.dueNs - b.dueNs);
  const dueMs = sortedNumbers(requests.map((request) => sinceMs(request.dueNs, span)));
  const startMs = dueMs[0] ?? 0;
  const endMs = dueMs.at(-1) ?? 0;
  const failedAtMs = requests
    .filter((request) => request.error !== null)
    .map((request) => sinceMs(request.dueNs, span))
    .toSorted((a, b) => a - b);
  return {
    affected: scatter(
      answered.filter((request) => affected.has(request.vantage)),
      span,
    ),
    others: summarise(
      answered.filter((request) => !affected.has(request.vantage)),
      span,
      startMs,
      endMs,
    ),
    failedAtMs: thin(failedAtMs, FAILED_TICKS_MAX).kept,
    endMs,
  };
}

function scatter(requests: readonly RequestRecord[], span: RunSpan): LatencyChart["affected"] {
  const byCohort = Map.groupBy(requests, (request) => request.cohort);
  return [...byCohort].map(([cohort, ofCohort]) => {
    const { kept, everyNth } = thin(ofCohort, POINTS_PER_COHORT_MAX);
    return {
      cohort,
      everyNth,
      atMs: kept.map((request) => sinceMs(request.dueNs, span)),
      ttfbMs: kept.map(ttfbMs),
    };
  });
}

function summarise(
  requests: readonly RequestRecord[],
  span: RunSpan,
  startMs: number,
  endMs: number,
): LatencyChart["others"] {
  const binMs = Math.max(CHART_BIN_MS_MIN, Math.ceil((endMs - startMs) / CHART_BINS_MAX));
  const bins = Map.groupBy(requests, (request) =>
    Math.floor((sinceMs(request.dueNs, span) - startMs) / binMs),
  );
  const others = { binMs, atMs: [] as number[], p50Ms: [] as number[], p99Ms: [] as number[] };
  for (const [bin, ofBin] of [...bins].toSorted((a, b) => a[0] - b[0])) {
    const sorted = sortedNumbers(ofBin.map(ttfbMs));
    others.atMs.push(roundMs(startMs + (bin + 0.5) * binMs));
    others.p50Ms.push(quantile(sorted, 0.5)!);
    others.p99Ms.push(quantile(sorted, 0.99)!);
  }
  return others;
}

/** Every n-th, n as small as the bound allows: no sample is preferred for its value. */
function thin<T>(items: readonly T[], max: number): { kept: T[]; everyNth: number } {
  const everyNth = Math.max(1, Math.ceil(items.length / max));
  return { kept: items.filter((_, index) => index % everyNth === 0), everyNth };
}

function ttfbMs(request: RequestRecord): number {
  return roundMs((request.firstByteNs! - request.dueNs) / NS_PER_MS);
}

function zeros(count: number): number[] {
  return Array<number>(count).fill(0);
}
