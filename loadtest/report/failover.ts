/**
 * A failover, analysed: evidence in, one document out. Pure; reading the request log and writing files is the caller's.
 * What the report does not do: judge. The verdict and the steps come with the evidence, and a void run keeps its
 * figures in the document for diagnosis while the renderers withhold them.
 */
import { invariant } from "#core/assert.ts";
import { FAULT_MEANING } from "#core/wire/faults.ts";
import type { FailoverEvidence } from "./evidence.ts";
import {
  FAILOVER_SCHEMA,
  type BudgetCost,
  type FailoverReport,
  type LossComparison,
} from "./failover-report.ts";
import { measureConvergence, measureFailover } from "./measures.ts";
import { tabulatePhases } from "./phases.ts";
import { drawLatency, drawRibbon } from "./series.ts";
import { measureSilence, type Silence } from "./silence.ts";
import { phaseOf, sinceMs, spanOf, type RunSpan } from "./span.ts";
import { tabulateTests } from "./tests-table.ts";
import { buildTimeline } from "./timeline.ts";

const OBJECTIVE = 0.9995;
const PERIOD_DAYS = 30;
const SECONDS_PER_DAY = 86_400;

export function analyseFailover(evidence: FailoverEvidence): FailoverReport {
  const { meta, loadResult, verdict, voidReasons } = evidence;
  invariant(
    (verdict === "void") === voidReasons.length > 0,
    `verdict ${verdict} with ${voidReasons.length} reasons to be void`,
  );
  const span = spanOf(evidence);
  const measures = measureFailover(evidence, span);
  const affected = affectedVantages(evidence, span);
  return {
    schema: FAILOVER_SCHEMA,
    version: meta.version,
    startedAt: meta.startedAt,
    command: meta.command,
    verdict,
    reasons: reasonsOf(evidence),
    isStrict: meta.isStrict,
    fault: {
      target: meta.target,
      how: meta.how,
      meaning: FAULT_MEANING[meta.how],
      nodes: meta.nodes,
      orderedNs: span.faultNs,
    },
    load: {
      mode: meta.mode,
      seed: meta.seed,
      rate: loadResult.rate,
      planned: loadResult.planned,
      sent: loadResult.sent,
      ok: loadResult.ok,
      failed: loadResult.failedTotal,
      failedByReason: loadResult.failed,
      duplicated: loadResult.duplicated,
      sendLagP999Ms: loadResult.sendLag.p999,
    },
    steps: evidence.steps,
    timeline: buildTimeline(evidence, span),
    measures,
    convergence: measureConvergence(evidence, span),
    silence: silenceOf(evidence, span),
    loss: compareLoss(evidence, measures.failedDuring),
    budget: costOfBudget(loadResult.failedTotal, loadResult.rate),
    affected: [...affected],
    cohorts: tabulatePhases(evidence.requests, span, (request) => request.cohort, new Set()),
    vantages: tabulatePhases(evidence.requests, span, (request) => request.vantage, affected),
    tests: tabulateTests(evidence.tests, span, affected),
    ribbon: drawRibbon(evidence.requests, span, affected, measures.slowAboveMs),
    chart: drawLatency(evidence.requests, span, affected),
    box: { machine: meta.machine, noise: meta.boxNoise, stalls: stallsOf(evidence, span) },
    emulated: meta.emulated,
  };
}

function reasonsOf({ verdict, voidReasons, steps, meta }: FailoverEvidence): string[] {
  if (verdict === "void") return [...voidReasons];
  if (verdict === "held") return [];
  return steps
    .filter((step) => step.state === "missed" && (meta.isStrict || !step.isTiming))
    .map((step) => `${step.name}: expected ${step.expected}; measured ${step.measured}`);
}

/**
 * Vantages that the fault concerns: those that moved or were predicted to, and those that the faulted nodes' site served
 * before, because a fault of one node moves nobody and still changes who answers.
 */
function affectedVantages({ events, requests, predicted }: FailoverEvidence, span: RunSpan): Set<string> {
  const affected = new Set(predicted?.moves.map((move) => move.vantage));
  for (const event of events) {
    if (event.kind !== "vantage.moved" || span.faultNs === null) continue;
    if (event.atNs >= span.faultNs && event.atNs < span.reviveNs) affected.add(event.vantage);
  }
  const before = requests.filter((request) => phaseOf(request, span) === "before" && request.site !== null);
  const sites = new Set(
    before
      .filter((request) => request.node !== null && span.faultedNodes.has(request.node))
      .map((request) => request.site),
  );
  for (const [vantage, ofVantage] of Map.groupBy(before, (request) => request.vantage)) {
    const served = ofVantage.filter((request) => sites.has(request.site)).length;
    if (served * 2 > ofVantage.length) affected.add(vantage);
  }
  return affected;
}

function silenceOf({ meta, detection, events }: FailoverEvidence, span: RunSpan): Silence | null {
  const { faultNs, reviveNs } = span;
  if (detection === undefined || faultNs === null) return null;
  const { how, nodes } = meta;
  return measureSilence({ how, plan: detection, nodes, events, faultNs, reviveNs }) ?? null;
}

/** The gateway's rescue loses nothing, so only a run without it can be held against the bare network's prediction. */
function compareLoss({ predicted, meta }: FailoverEvidence, measured: number): LossComparison {
  if (predicted === undefined) return { predicted: null, measured, isComparable: false, isWithin: null };
  const isComparable = meta.mode === "anycast-only";
  const isWithin = measured >= Math.floor(predicted.lossMin) && measured <= Math.ceil(predicted.lossMax);
  return { predicted, measured, isComparable, isWithin: isComparable ? isWithin : null };
}

function costOfBudget(failed: number, rate: number): BudgetCost {
  const budgetS = (1 - OBJECTIVE) * PERIOD_DAYS * SECONDS_PER_DAY;
  const outageS = rate === 0 ? 0 : failed / rate;
  return {
    objective: OBJECTIVE,
    periodDays: PERIOD_DAYS,
    outageS,
    budgetS,
    share: outageS / budgetS,
    assumption:
      `every request counts the same and the service carries ${rate} requests/s all month; ` +
      `the run's ${failed} failed requests are then its only errors`,
  };
}

function stallsOf({ events }: FailoverEvidence, span: RunSpan): FailoverReport["box"]["stalls"] {
  return events
    .filter((event) => event.kind === "stall")
    .map((event) => ({
      process: event.process,
      atMs: sinceMs(event.atNs, span),
      durationMs: event.durationMs,
    }));
}
