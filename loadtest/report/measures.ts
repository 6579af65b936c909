/**
 * The figures of a failover, from the request log and the journal.
 *
 * Time to first failure, error window, detection, reroute and recovery are defined on *due* times, so that a stalled
 * loader cannot hide the requests it did not send. `slow` and the latency debt compare with the last seconds before the
 * fault on the same box.
 */
import type { JournalEvent } from "#core/wire/events.ts";
import type { RequestRecord } from "../load/request-record.ts";
import type { FailoverEvidence } from "./evidence.ts";
import type { Convergence, FailoverMeasures } from "./failover-report.ts";
import { quantile, sortedNumbers } from "./quantile.ts";
import { firstOuts, phaseOf, roundMs, sinceMs, type RunSpan } from "./span.ts";

const NS_PER_MS = 1e6;
/** Bins of the reroute and of the ribbon: ten requests each at 1000/s. */
export const BIN_MS = 10;
/** The baseline: requests due in this stretch before the fault. */
const BASELINE_WINDOW_MS = 5000;
/** A request is slow when it takes this much longer than the baseline's p99: what a hedge is allowed to cost. */
const SLOW_EXTRA_MS = 250;
/** Service is recovered when it is steady for this long. */
const RECOVERED_FOR_MS = 1000;
const CONVERGENCE_SHARES = [0.5, 0.8, 0.95, 1] as const;

export function measureFailover(evidence: FailoverEvidence, span: RunSpan): FailoverMeasures {
  const { requests, loadResult, events } = evidence;
  const resolutionMs = 1000 / loadResult.rate;
  const baselineP99Ms = measureBaseline(requests, span);
  const slowAboveMs = baselineP99Ms === null ? null : baselineP99Ms + SLOW_EXTRA_MS;
  const tally = tallyFailures(requests, span);
  const counted = sumWindows(events, span);
  const isSlow = (request: RequestRecord): boolean =>
    slowAboveMs !== null && latencyMs(request) > slowAboveMs;
  const detection = firstOuts(events, span.faultedNodes, span.faultNs ?? Infinity, span.reviveNs).map(
    (event) => ({ node: event.node, atMs: sinceMs(event.atNs, span), reason: event.reason }),
  );
  return {
    firstFailureMs: tally.firstDueNs === null ? null : sinceMs(tally.firstDueNs, span),
    errorWindowMs:
      tally.firstDueNs === null
        ? null
        : roundMs((tally.lastDueNs - tally.firstDueNs) / NS_PER_MS + resolutionMs),
    detection,
    detectMs: detection.length === span.faultedNodes.size ? (detection.at(-1)?.atMs ?? null) : null,
    rerouteMs: measureReroute(requests, span),
    recoveryMs: measureRecovery(requests, span, isSlow),
    baselineP99Ms: baselineP99Ms === null ? null : roundMs(baselineP99Ms),
    slowAboveMs: slowAboveMs === null ? null : roundMs(slowAboveMs),
    failed: loadResult.failedTotal,
    failedDuring: tally.during,
    failedFailback: tally.failback,
    slow: requests.filter(isSlow).length,
    latencyDebtMs: baselineP99Ms === null ? null : roundMs(sumDebt(requests, baselineP99Ms)),
    ...counted,
    successRatio: ratio(loadResult.ok, loadResult.sent),
    firstTryRatio: ratio(loadResult.ok - Math.min(counted.rescued, loadResult.ok), loadResult.sent),
    failureBound: loadResult.failureBound,
    resolutionMs: roundMs(resolutionMs),
    failback: measureFailback(events, span),
  };
}

export function measureConvergence(evidence: FailoverEvidence, span: RunSpan): Convergence {
  const { events, loadResult } = evidence;
  const inFault = events.filter(
    (event) => span.faultNs !== null && event.atNs >= span.faultNs && event.atNs < span.reviveNs,
  );
  const moves = lastMoves(inFault, span);
  const movedMs = sortedNumbers(moves.map((move) => move.atMs));
  const vantageCount = Math.max(loadResult.vantages.length, moves.length);
  const allMs = sortedNumbers([...movedMs, ...Array<number>(vantageCount - moves.length).fill(0)]);
  return {
    sessionDownMs: firstMs(
      inFault,
      span,
      (event) =>
        event.kind === "router.session" && event.state === "down" && span.faultedNodes.has(event.node),
    ),
    withdrawnMs: firstMs(inFault, span, (event) => event.kind === "site.withdrawn"),
    moves,
    shares: CONVERGENCE_SHARES.map((share) => ({
      share,
      affectedMs: quantile(movedMs, share),
      allMs: moves.length === 0 ? null : quantile(allMs, share),
    })),
    vantageCount,
  };
}

/** From the planned send time to the end, in ms. A request without an end is a failure, and is counted as one, not here. */
export function latencyMs(request: RequestRecord): number {
  return ((request.endNs ?? request.dueNs) - request.dueNs) / NS_PER_MS;
}

function measureBaseline(requests: readonly RequestRecord[], span: RunSpan): number | null {
  if (span.faultNs === null) return null;
  const fromNs = span.faultNs - BASELINE_WINDOW_MS * NS_PER_MS;
  const latencies = requests
    .filter((request) => request.dueNs >= fromNs && phaseOf(request, span) === "before")
    .filter((request) => request.error === null)
    .map(latencyMs);
  return quantile(sortedNumbers(latencies), 0.99);
}

interface FailureTally {
  readonly firstDueNs: number | null;
  readonly lastDueNs: number;
  readonly during: number;
  readonly failback: number;
}

/** Failures of the outage and of the return are counted apart: they have different causes. */
function tallyFailures(requests: readonly RequestRecord[], span: RunSpan): FailureTally {
  let firstDueNs: number | null = null;
  let lastDueNs = -Infinity;
  let during = 0;
  let failback = 0;
  for (const request of requests) {
    if (request.error === null) continue;
    const phase = phaseOf(request, span);
    if (phase === "failback" || phase === "after") failback += 1;
    if (phase !== "failover" && phase !== "down") continue;
    during += 1;
    firstDueNs = Math.min(firstDueNs ?? Infinity, request.dueNs);
    lastDueNs = Math.max(lastDueNs, request.dueNs);
  }
  return { firstDueNs, lastDueNs, during, failback };
}

/**
 * Clients see a reroute as the end of answers from faulted nodes. A failed request that names no node is charged to
 * them too: on the bare network it did go there.
 */
function measureReroute(requests: readonly RequestRecord[], span: RunSpan): number | null {
  if (span.faultNs === null) return null;
  let lastToTargetNs = -Infinity;
  let lastDueNs = -Infinity;
  for (const request of requests) {
    if (request.dueNs < span.faultNs || request.dueNs >= span.reviveNs) continue;
    lastDueNs = Math.max(lastDueNs, request.dueNs);
    const wentToTarget = request.node === null ? request.error !== null : span.faultedNodes.has(request.node);
    if (wentToTarget) lastToTargetNs = Math.max(lastToTargetNs, request.dueNs);
  }
  if (lastDueNs === -Infinity) return null;
  if (lastToTargetNs === -Infinity) return 0;
  const lastBin = Math.floor((lastToTargetNs - span.faultNs) / NS_PER_MS / BIN_MS);
  const lastBinOfAll = Math.floor((lastDueNs - span.faultNs) / NS_PER_MS / BIN_MS);
  return lastBin === lastBinOfAll ? null : (lastBin + 1) * BIN_MS;
}

function measureRecovery(
  requests: readonly RequestRecord[],
  span: RunSpan,
  isSlow: (request: RequestRecord) => boolean,
): number | null {
  if (span.faultNs === null) return null;
  const binCount = Math.floor(Math.min(lastDueMs(requests, span), duringMs(span)) / BIN_MS);
  const badInBin = new Uint32Array(Math.max(0, binCount));
  for (const request of requests) {
    const bin = Math.floor((request.dueNs - span.faultNs) / NS_PER_MS / BIN_MS);
    if (bin < 0 || bin >= binCount) continue;
    if (request.error !== null || isSlow(request)) badInBin[bin]! += 1;
  }
  const needed = RECOVERED_FOR_MS / BIN_MS;
  let steady = 0;
  for (let bin = 0; bin < binCount; bin++) {
    steady = badInBin[bin] === 0 ? steady + 1 : 0;
    if (steady === needed) return (bin + 1 - needed) * BIN_MS;
  }
  return null;
}

function lastDueMs(requests: readonly RequestRecord[], span: RunSpan): number {
  let lastNs = span.zeroNs;
  for (const request of requests) lastNs = Math.max(lastNs, request.dueNs);
  return (lastNs - span.zeroNs) / NS_PER_MS;
}

function duringMs(span: RunSpan): number {
  return (span.reviveNs - span.zeroNs) / NS_PER_MS;
}

function sumDebt(requests: readonly RequestRecord[], baselineP99Ms: number): number {
  let debtMs = 0;
  for (const request of requests) debtMs += Math.max(0, latencyMs(request) - baselineP99Ms);
  return debtMs;
}

function sumWindows(
  events: readonly JournalEvent[],
  span: RunSpan,
): { rescued: number; hedged: number; resets: number } {
  const sum = { rescued: 0, hedged: 0, resets: 0 };
  for (const event of events) {
    if (event.kind !== "gateway.window" || event.atNs < (span.faultNs ?? Infinity)) continue;
    sum.rescued += event.rescued;
    sum.hedged += event.hedged;
    sum.resets += event.resets;
  }
  return sum;
}

function measureFailback(events: readonly JournalEvent[], span: RunSpan): FailoverMeasures["failback"] {
  if (span.reviveNs === Infinity) {
    return { askedMs: null, readyAfterMs: null, announcedAfterMs: null, returnedAfterMs: null };
  }
  const after = (isWanted: (event: JournalEvent) => boolean): number | null => {
    const found = events.filter((event) => event.atNs >= span.reviveNs && isWanted(event));
    const last = found.reduce((lastNs, event) => Math.max(lastNs, event.atNs), -Infinity);
    return last === -Infinity ? null : roundMs((last - span.reviveNs) / NS_PER_MS);
  };
  return {
    askedMs: sinceMs(span.reviveNs, span),
    readyAfterMs: after(
      (event) =>
        event.kind === "node.serving" && event.state === "ready" && span.faultedNodes.has(event.node),
    ),
    announcedAfterMs: after((event) => event.kind === "bgp.announced" && span.faultedNodes.has(event.node)),
    returnedAfterMs: after((event) => event.kind === "vantage.moved"),
  };
}

/** Where each vantage came to rest; path hunting in between is not told. */
function lastMoves(events: readonly JournalEvent[], span: RunSpan): Convergence["moves"] {
  const byVantage = new Map<string, Convergence["moves"][number]>();
  for (const event of events) {
    if (event.kind !== "vantage.moved") continue;
    const from = byVantage.get(event.vantage)?.from ?? event.from;
    byVantage.set(event.vantage, {
      vantage: event.vantage,
      from,
      to: event.to,
      atMs: sinceMs(event.atNs, span),
    });
  }
  return [...byVantage.values()].toSorted((a, b) => a.atMs - b.atMs);
}

function firstMs(
  events: readonly JournalEvent[],
  span: RunSpan,
  isWanted: (event: JournalEvent) => boolean,
): number | null {
  const found = events.find(isWanted);
  return found === undefined ? null : sinceMs(found.atNs, span);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
