/** Requests of a run by stretch: one row per cohort and per vantage, so that nobody's loss drowns in an average. */
import type { RequestRecord } from "../load/request-record.ts";
import { PHASES, type Phase, type PhaseRow, type PhaseStats } from "./failover-report.ts";
import { quantile, sortedNumbers } from "./quantile.ts";
import { phaseOf, roundMs, type RunSpan } from "./span.ts";

const NS_PER_MS = 1e6;

interface Gathered {
  sent: number;
  failed: number;
  readonly ttfbMs: number[];
  readonly sites: Map<string, number>;
}

/** Rows in the order in which their names first appear in the plan. */
export function tabulatePhases(
  requests: readonly RequestRecord[],
  span: RunSpan,
  nameOf: (request: RequestRecord) => string,
  affected: ReadonlySet<string>,
): PhaseRow[] {
  const rows = new Map<string, Record<Phase, Gathered>>();
  for (const request of requests) {
    const name = nameOf(request);
    let row = rows.get(name);
    if (row === undefined) rows.set(name, (row = emptyRow()));
    gather(row[phaseOf(request, span)], request);
  }
  return [...rows].map(([name, row]) => ({
    name,
    isAffected: affected.has(name),
    phases: Object.fromEntries(PHASES.map((phase) => [phase, statsOf(row[phase])])) as Record<
      Phase,
      PhaseStats
    >,
  }));
}

function emptyRow(): Record<Phase, Gathered> {
  const fresh = (): Gathered => ({ sent: 0, failed: 0, ttfbMs: [], sites: new Map() });
  return { before: fresh(), failover: fresh(), down: fresh(), failback: fresh(), after: fresh() };
}

function gather(into: Gathered, request: RequestRecord): void {
  into.sent += 1;
  if (request.error !== null) into.failed += 1;
  if (request.site !== null) into.sites.set(request.site, (into.sites.get(request.site) ?? 0) + 1);
  if (request.error === null && request.firstByteNs !== null) {
    into.ttfbMs.push((request.firstByteNs - request.dueNs) / NS_PER_MS);
  }
}

function statsOf(gathered: Gathered): PhaseStats {
  const sorted = sortedNumbers(gathered.ttfbMs);
  const at = (share: number): number | null => {
    const value = quantile(sorted, share);
    return value === null ? null : roundMs(value);
  };
  return {
    sent: gathered.sent,
    failed: gathered.failed,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    sites: [...gathered.sites]
      .map(([site, count]) => ({ site, count }))
      .toSorted((a, b) => b.count - a.count || (a.site < b.site ? -1 : 1)),
  };
}
