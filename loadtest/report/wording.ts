/** The sentences that all renderings share, so that page, Markdown and terminal never tell two stories. */
import type { DetectionWindow } from "#core/detection.ts";
import type { FailoverReport } from "./failover-report.ts";
import { formatBinUnit, formatCount, formatMs, formatMsUnit, formatPercent } from "./format.ts";

export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

export function titleOf(report: FailoverReport): string {
  return `${report.fault.how} of ${report.fault.target}`;
}

export function describeMode(report: FailoverReport): string {
  switch (report.load.mode) {
    case "anycast":
      return "the network chooses, the gateway rescues";
    case "anycast-only":
      return "the bare network: no checks, no retry, no hedge";
    case "nearest":
      return "nearest site, the gateway rescues";
  }
}

export function describeRun(report: FailoverReport): string {
  const strict = report.isStrict ? ", strict" : "";
  return (
    `${report.load.mode} (${describeMode(report)}), ${formatCount(report.load.rate)} requests/s, ` +
    `seed ${report.load.seed}${strict}`
  );
}

/**
 * The run in one or two sentences, for somebody who reads nothing else. Not for a void run: it tells measured times.
 */
export function describeStory(report: FailoverReport): string {
  if (report.verdict === "void") return "";
  const { load, tests } = report;
  const failed =
    load.failed === 0
      ? `Not one of ${formatCount(load.sent)} requests failed.`
      : `${formatCount(load.failed)} of ${formatCount(load.sent)} requests failed.`;
  const moved = tests.rows.flatMap((row) => {
    const first = row.cells[0];
    const away = row.cells.find((cell) => cell.site !== null && cell.site !== first?.site);
    if (!row.isAffected || first === undefined || away === undefined) return [];
    return [
      `${row.city} went from ${formatMs(first.ttfbMs)} ms at ${first.site ?? "several sites"} ` +
        `to ${formatMs(away.ttfbMs)} ms at ${away.site ?? "?"}`,
    ];
  });
  return moved.length === 0 ? failed : `${moved.join("; ")}. ${failed}`;
}

/** The figures that come first. A void run has none: what was measured on an unfit box is not a figure. */
export function headlineFacts(report: FailoverReport): Fact[] {
  if (report.verdict === "void") return [];
  const { measures, convergence, load, budget } = report;
  return [
    {
      name: "failed",
      value: formatCount(load.failed),
      note:
        `of ${formatCount(load.sent)} requests` +
        (measures.failureBound === null ? "" : `; 95 % bound ${formatPercent(measures.failureBound)}`),
    },
    {
      name: "detected",
      value: formatMsUnit(measures.detectMs),
      note:
        measures.detectMs === null
          ? "the gateway took no node out"
          : "the gateway has taken every faulted node out",
    },
    {
      name: "rerouted",
      value: formatBinUnit(measures.rerouteMs),
      note:
        measures.rerouteMs === null
          ? "the target still answers clients"
          : "no client meets the target any more",
    },
    {
      name: "converged",
      value: formatMsUnit(convergence.shares.at(-1)?.affectedMs ?? null),
      note:
        convergence.moves.length === 0
          ? "no vantage moved"
          : `${convergence.moves.length} of ${convergence.vantageCount} vantages moved`,
    },
    {
      name: "recovered",
      value: formatBinUnit(measures.recoveryMs),
      note: "start of the first second without a failed or slow request",
    },
    {
      name: "budget",
      value: formatPercent(budget.share),
      note: `of ${budget.periodDays} days at ${formatPercent(budget.objective)}`,
    },
  ];
}

/** Every measure with its definition. */
export function measureFacts(report: FailoverReport): Fact[] {
  const { measures, convergence, budget, load } = report;
  const { failback } = measures;
  const bound =
    measures.failureBound === null
      ? "only shown when nothing failed"
      : "95 % upper bound of the failure ratio, 3/n";
  const facts: Fact[] = [
    fact(
      "time to first failure",
      formatMsUnit(measures.firstFailureMs),
      "due time of the first failed request",
    ),
    fact(
      "error window",
      formatMsUnit(measures.errorWindowMs),
      "from the first to the last failed due time, plus one interval",
    ),
    ...measures.detection.map((node) => fact(`detected ${node.node}`, formatMsUnit(node.atMs), node.reason)),
    fact(
      "reroute",
      formatBinUnit(measures.rerouteMs),
      "first 10 ms from which no request met a faulted node",
    ),
    fact(
      "router session down",
      formatMsUnit(convergence.sessionDownMs),
      "the first faulted node's BGP session ended",
    ),
    ...silenceFacts(report),
    fact("site withdrawn", formatMsUnit(convergence.withdrawnMs), "the router has no path left"),
    fact("recovery", formatBinUnit(measures.recoveryMs), "first second without a failed or slow request"),
    fact(
      "failed",
      `${formatCount(measures.failedDuring)} + ${formatCount(measures.failedFailback)}`,
      `during the fault + while the target came back; ${describeReasons(load.failedByReason)}`,
    ),
    fact("failure bound", formatPercent(measures.failureBound), bound),
    fact("rescued", formatCount(measures.rescued), "answered by another node after a failed attempt"),
    fact("hedged", formatCount(measures.hedged), "asked a second node because the first was silent"),
    fact("resets", formatCount(measures.resets), "client connections cut because their site changed"),
    fact(
      "success",
      formatPercent(measures.successRatio),
      `as clients saw it; ${formatPercent(measures.firstTryRatio)} without the rescue`,
    ),
    fact(
      "slow",
      formatCount(measures.slow),
      measures.slowAboveMs === null
        ? "no baseline to compare with"
        : `took over ${formatMs(measures.slowAboveMs)} ms: baseline p99 ${formatMs(measures.baselineP99Ms)} ms + 250 ms`,
    ),
    fact(
      "latency debt",
      formatSeconds(measures.latencyDebtMs),
      "sum of what requests took beyond the baseline's p99",
    ),
    fact("executed twice", formatCount(load.duplicated), "requests that more than one node carried out"),
    fact(
      "error budget",
      formatPercent(budget.share),
      `${budget.outageS.toFixed(3)} s of ${formatCount(budget.budgetS)} s; ${budget.assumption}`,
    ),
    fact(
      "resolution",
      formatMsUnit(measures.resolutionMs),
      "one interval of the plan: no time is finer than this",
    ),
  ];
  if (failback.askedMs !== null) {
    facts.push(
      fact("ready again", formatMsUnit(failback.readyAfterMs), "after the revival was asked for, last node"),
      fact(
        "announced again",
        formatMsUnit(failback.announcedAfterMs),
        "after the revival was asked for, last node",
      ),
      fact(
        "clients back",
        formatMsUnit(failback.returnedAfterMs),
        "after the revival was asked for, last vantage",
      ),
    );
  }
  return facts;
}

/** What noticed the silence beside what the hold timer alone would have taken. Empty where there is nothing to tell. */
export function describeSilence(report: FailoverReport): string {
  const { silence } = report;
  if (silence === null || report.verdict === "void") return "";
  const { inForce, holdTimer, nodes } = silence;
  const noticed = nodes.filter((node) => node.by === inForce.by);
  const times = noticed.map(({ node, atMs }) => `${node} ${formatMsUnit(atMs)}`).join(", ");
  const found =
    noticed.length === 0
      ? `The silence was not noticed by ${inForce.label}`
      : `Silence noticed by ${inForce.label}: ${times} after the fault (computed ${describeWindow(inForce)})`;
  if (inForce.by === holdTimer.by) return `${found}.`;
  return `${found}; ${holdTimer.label}, alone would have taken ${describeWindow(holdTimer)}.`;
}

function silenceFacts({ silence }: FailoverReport): Fact[] {
  if (silence === null) return [];
  const { inForce, holdTimer, nodes } = silence;
  const facts = nodes.map(({ node, by, atMs, stalledMs }) =>
    fact(
      `silence noticed ${node}`,
      formatMsUnit(atMs),
      `by ${by ?? "nothing"}; computed for ${inForce.label}: ${describeWindow(inForce)}` +
        (stalledMs > 0 ? `, and ${formatMs(stalledMs)} ms of own stalls` : ""),
    ),
  );
  if (inForce.by === holdTimer.by) return facts;
  return [...facts, fact("without BFD", describeWindow(holdTimer), `computed for ${holdTimer.label}`)];
}

function describeWindow({ minMs, maxMs }: DetectionWindow): string {
  return `${formatCount(Math.round(minMs))} to ${formatCount(Math.round(maxMs))} ms`;
}

export function describeLoss(report: FailoverReport): string {
  const { predicted, measured, isComparable, isWithin } = report.loss;
  if (predicted === null) return "Nothing was predicted for this run.";
  const range =
    `${formatCount(Math.round(predicted.lossMean))} requests ` +
    `(${formatCount(Math.floor(predicted.lossMin))} to ${formatCount(Math.ceil(predicted.lossMax))})`;
  if (!isComparable) {
    return `The bare network would have lost ${range}; with the gateway's rescue ${formatCount(measured)} failed.`;
  }
  const verdict = isWithin === true ? "within the prediction" : "outside the prediction";
  return `Predicted loss of the bare network: ${range}; measured: ${formatCount(measured)}, ${verdict}.`;
}

export function describeNoise(report: FailoverReport): string {
  const { noise } = report.box;
  if (noise === null) return "not known on this system";
  return (
    `${noise.stolenCores.toFixed(3)} cores stolen by the hypervisor, ` +
    `${noise.foreignCores.toFixed(3)} cores used by foreign processes, over ${noise.seconds.toFixed(0)} s`
  );
}

export function describeMachine(report: FailoverReport): string {
  const { machine } = report.box;
  const gibibytes = (machine.memoryBytes / 1024 ** 3).toFixed(1);
  return `${machine.coreCount} × ${machine.cpuModel}, ${gibibytes} GiB, ${machine.os}, Node.js ${machine.nodeVersion}`;
}

export function describeStalls(report: FailoverReport): string {
  const { stalls } = report.box;
  if (stalls.length === 0) return "none";
  const longestMs = Math.max(...stalls.map((stall) => stall.durationMs));
  return `${stalls.length}, the longest ${formatMs(longestMs)} ms`;
}

function describeReasons(failed: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(failed).filter(([, count]) => count > 0);
  if (reasons.length === 0) return "nothing failed";
  return reasons.map(([reason, count]) => `${formatCount(count)} ${reason}`).join(", ");
}

function formatSeconds(ms: number | null): string {
  return ms === null ? "–" : `${(ms / 1000).toFixed(2)} s`;
}

function fact(name: string, value: string, note: string): Fact {
  return { name, value, note };
}
