/**
 * The verdict of the golden scenario: each step of the story against what was measured.
 *
 * Statuses, sites, counts and order always count. Tolerances in time count only when the run is strict, because a
 * shared box can be slow without the product being wrong; a box that stood still or was used by somebody else makes the
 * run void, which is neither held nor missed. Pure: evidence in, steps out.
 */
import type { JournalEvent } from "#core/wire/events.ts";
import type { SpeedTest, SpeedTestRow, StepResult, Verdict } from "#core/wire/measure.ts";
import { measureSilence } from "#loadtest/report/silence.ts";
import type { GoldenEvidence } from "./evidence.ts";

const TTFB_TOLERANCE_RATIO = 0.1;
const OTHERS_MOVE_MS_MAX = 2;
const SITE_CITY_TTFB_MS_MAX = 50;
const CONVERGENCE_MS_MAX = 5000;
/** A stall at least this long (any process of the cast) makes a run void. */
export const STALL_VOID_MS = 300;
export const STOLEN_CORES_VOID = 0.1;
export const FOREIGN_CORES_VOID = 0.3;
const NS_PER_MS = 1e6;

export function judgeGolden(evidence: GoldenEvidence): StepResult[] {
  return [
    ...judgeBefore(evidence),
    judgeFault(evidence),
    ...judgeSilence(evidence),
    ...judgeMoves(evidence),
    ...judgeDuring(evidence),
    ...judgeFailback(evidence),
    ...judgeLoad(evidence),
  ];
}

/** Reasons for which nothing in the run may be believed; empty when the box was fit. */
export function voidReasons(evidence: GoldenEvidence): string[] {
  const reasons = [...evidence.load.voidReasons];
  const stallMax = Math.max(0, ...evidence.stallsMs);
  if (stallMax >= STALL_VOID_MS) reasons.push(`the box stood still for ${stallMax.toFixed(0)} ms`);
  if (evidence.stolenCores > STOLEN_CORES_VOID) {
    reasons.push(`${(evidence.stolenCores * 100).toFixed(0)} % of a core was stolen by the hypervisor`);
  }
  if (evidence.foreignCores > FOREIGN_CORES_VOID) {
    reasons.push(`foreign processes used ${(evidence.foreignCores * 100).toFixed(0)} % of a core`);
  }
  return reasons;
}

export function verdictOf(
  steps: readonly StepResult[],
  reasons: readonly string[],
  isStrict: boolean,
): Verdict {
  if (reasons.length > 0) return "void";
  const isMissed = steps.some((step) => step.state === "missed" && (isStrict || !step.isTiming));
  return isMissed ? "missed" : "held";
}

function judgeBefore(evidence: GoldenEvidence): StepResult[] {
  const { before } = evidence.tests;
  const slow = before.rows.filter(
    (row) => isSiteCity(evidence, row) && !(row.ttfbMs! < SITE_CITY_TTFB_MS_MAX),
  );
  return [
    servedStep("steady state", before, evidence.world.home),
    timingStep(
      "site cities are fast",
      `under ${SITE_CITY_TTFB_MS_MAX} ms in every city that has a site`,
      slow,
      (row) => `${row.vantage} ${format(row.ttfbMs)}`,
    ),
    coldTimesStep("times before the fault", evidence, before, evidence.world.home),
  ];
}

function judgeFault(evidence: GoldenEvidence): StepResult {
  const confirmed = new Set<string>();
  for (const event of evidence.events) {
    if (event.kind === "fault.confirmed" && event.how === evidence.how) confirmed.add(event.node);
  }
  const missing = evidence.nodes.filter((node) => !confirmed.has(node));
  return step(
    "fault confirmed",
    `${evidence.how} seen to have worked on ${evidence.nodes.join(", ")}`,
    missing.length === 0 ? "confirmed on all" : `not confirmed on ${missing.join(", ")}`,
    missing.length === 0,
  );
}

/** Who noticed decides; when it was noticed is a time. */
function judgeSilence(evidence: GoldenEvidence): StepResult[] {
  const { how, detection: plan, nodes, events, faultNs, reviveNs } = evidence;
  const silence = measureSilence({ how, plan, nodes, events, faultNs, reviveNs });
  if (silence === undefined) return [];
  const { by, label, minMs, maxMs } = plan.inForce;
  const byOthers = silence.nodes.filter((node) => node.by !== by);
  const outside = silence.nodes.filter((node) => !node.isWithin);
  return [
    step(
      "silence is noticed",
      `by ${label}, at the router of every node`,
      byOthers.length === 0
        ? `by ${by}`
        : byOthers.map(({ node, by }) => `${node} by ${by ?? "nothing"}`).join(", "),
      byOthers.length === 0,
    ),
    step(
      "silence is noticed in time",
      `${minMs.toFixed(0)} to ${maxMs.toFixed(0)} ms after the fault, and own stalls`,
      silence.nodes
        .map(
          ({ node, atMs, stalledMs }) =>
            `${node} ${format(atMs)}${stalledMs > 0 ? ` (stalls ${format(stalledMs)})` : ""}`,
        )
        .join(", "),
      outside.length === 0,
      true,
    ),
  ];
}

function judgeMoves(evidence: GoldenEvidence): StepResult[] {
  const moves = evidence.events.filter(
    (event): event is Extract<JournalEvent, { kind: "vantage.moved" }> =>
      event.kind === "vantage.moved" && event.atNs >= evidence.faultNs && event.atNs < evidence.reviveNs,
  );
  const last = new Map<string, string | null>();
  for (const move of moves) last.set(move.vantage, move.to);
  const wrong: string[] = [];
  for (const { vantage, to } of evidence.prediction.moves) {
    const measured = last.get(vantage);
    if (measured !== to) wrong.push(`${vantage} to ${measured ?? "nowhere"} instead of ${to ?? "nowhere"}`);
    last.delete(vantage);
  }
  for (const [vantage, to] of last) wrong.push(`${vantage} moved to ${to ?? "nowhere"}`);
  const expected = evidence.prediction.moves.map((move) => `${move.vantage} to ${move.to ?? "nowhere"}`);
  const steps = [
    step(
      "the network moves those it should",
      expected.length === 0 ? "no vantage moves" : expected.join(", "),
      wrong.length === 0 ? "as predicted" : wrong.join(", "),
      wrong.length === 0,
    ),
  ];
  if (moves.length > 0) steps.push(convergenceStep(evidence, moves));
  return steps;
}

function convergenceStep(evidence: GoldenEvidence, moves: readonly JournalEvent[]): StepResult {
  const detected = evidence.events.find(
    (event) =>
      event.atNs >= evidence.faultNs &&
      (event.kind === "site.withdrawn" || (event.kind === "site.announced" && event.isGracefulShutdown)),
  );
  const lastNs = Math.max(...moves.map((move) => move.atNs));
  const tookMs = detected === undefined ? Number.NaN : (lastNs - detected.atNs) / NS_PER_MS;
  return step(
    "converged after detection",
    `every vantage within ${CONVERGENCE_MS_MAX} ms of the withdrawal`,
    detected === undefined ? "no withdrawal seen" : `${tookMs.toFixed(0)} ms`,
    tookMs <= CONVERGENCE_MS_MAX,
    true,
  );
}

function judgeDuring(evidence: GoldenEvidence): StepResult[] {
  const { before, next, during } = evidence.tests;
  const expected = new Map(evidence.world.home);
  for (const move of evidence.prediction.moves) {
    if (move.to === null) expected.delete(move.vantage);
    else expected.set(move.vantage, move.to);
  }
  const steps: StepResult[] = [];
  if (evidence.mode === "anycast") {
    const bad = next.rows.filter((row) => row.status !== 200);
    steps.push(
      step(
        "the very next request",
        "200 OK for every vantage",
        bad.length === 0
          ? nextRequestSummary(evidence, next)
          : bad
              .map((row) => `${row.vantage} ${row.status ?? row.samples[0]?.error ?? "no answer"}`)
              .join(", "),
        bad.length === 0,
      ),
    );
  }
  steps.push(
    servedStep("served while it is down", during, expected),
    coldTimesStep("times while it is down", evidence, during, expected),
    othersStep(evidence, before, during),
  );
  return steps;
}

function nextRequestSummary(evidence: GoldenEvidence, next: SpeedTest): string {
  const affected = next.rows.find((row) =>
    evidence.prediction.moves.some((move) => move.vantage === row.vantage),
  );
  return affected === undefined
    ? "200 everywhere"
    : `200 everywhere; ${affected.city} ${format(affected.ttfbMs)} from ${affected.site ?? "?"}`;
}

function othersStep(evidence: GoldenEvidence, before: SpeedTest, during: SpeedTest): StepResult {
  const affected = new Set(evidence.prediction.moves.map((move) => move.vantage));
  const moved: string[] = [];
  for (const row of during.rows) {
    const earlier = before.rows.find((candidate) => candidate.vantage === row.vantage);
    if (affected.has(row.vantage) || earlier === undefined) continue;
    const delta = (row.ttfbMs ?? Number.NaN) - (earlier.ttfbMs ?? Number.NaN);
    if (!(Math.abs(delta) <= OTHERS_MOVE_MS_MAX)) moved.push(`${row.vantage} ${delta.toFixed(1)} ms`);
  }
  return step(
    "the others do not notice",
    `medians move at most ${OTHERS_MOVE_MS_MAX} ms`,
    moved.length === 0 ? "none moved" : moved.join(", "),
    moved.length === 0,
    true,
  );
}

function judgeFailback(evidence: GoldenEvidence): StepResult[] {
  const wrong: string[] = [];
  for (const node of evidence.nodes) {
    const fault = orderOf(evidence.events, evidence.reviveNs, node);
    if (fault !== undefined) wrong.push(fault);
  }
  return [
    step(
      "announced only after proven healthy",
      "each node ready before it announces",
      wrong.length === 0 ? "in order" : wrong.join(", "),
      wrong.length === 0,
    ),
    servedStep("failback", evidence.tests.after, evidence.world.home),
    coldTimesStep("times after failback", evidence, evidence.tests.after, evidence.world.home),
  ];
}

/** A sentence when the node announced without having been ready since its revival; undefined when in order. */
function orderOf(events: readonly JournalEvent[], sinceNs: number, node: string): string | undefined {
  const announced = events.find(
    (event) => event.kind === "bgp.announced" && event.node === node && event.atNs >= sinceNs,
  );
  if (announced === undefined) return `${node} never announced again`;
  let state: string | undefined;
  for (const event of events) {
    if (event.kind === "node.serving" && event.node === node && event.atNs <= announced.atNs)
      state = event.state;
  }
  return state === "ready" ? undefined : `${node} announced while ${state ?? "unheard of"}`;
}

function judgeLoad(evidence: GoldenEvidence): StepResult[] {
  const { load, failedByMethod, prediction } = evidence;
  const failedGet = failedByMethod.get("GET") ?? 0;
  const isRescued = evidence.mode === "anycast";
  const lossMax = isRescued ? 0 : Math.ceil(prediction.lossMax);
  return [
    step(
      "the whole plan was sent",
      `${load.planned} requests`,
      `${load.sent} requests`,
      load.sent === load.planned,
    ),
    step(
      isRescued ? "nothing lost" : "lost no more than predicted",
      isRescued
        ? "0 failed GET requests"
        : `${Math.floor(prediction.lossMin)} to ${lossMax} failed requests (${prediction.basis})`,
      `${failedGet} of ${load.sent} failed` +
        (failedGet === 0 && load.failureBound !== null
          ? ` (95 % bound ${(load.failureBound * 100).toPrecision(2)} %)`
          : ""),
      failedGet <= lossMax,
    ),
    step(
      "nothing done twice",
      "0 POST requests executed more than once",
      `${load.duplicated} executed twice, ${failedByMethod.get("POST") ?? 0} failed`,
      load.duplicated === 0,
    ),
  ];
}

function servedStep(name: string, test: SpeedTest, expected: ReadonlyMap<string, string>): StepResult {
  const wrong = test.rows.filter((row) => row.status !== 200 || row.site !== expected.get(row.vantage));
  return step(
    name,
    `${test.rows.length} cities, all 200, each from its own site`,
    wrong.length === 0
      ? "all of them"
      : wrong
          .map((row) => `${row.vantage} ${row.status ?? "mixed"} from ${row.site ?? "several"}`)
          .join(", "),
    test.rows.length > 0 && wrong.length === 0,
  );
}

/** The target's own vantages against the computed cold time; the others are watched by their deltas. */
function coldTimesStep(
  name: string,
  evidence: GoldenEvidence,
  test: SpeedTest,
  sites: ReadonlyMap<string, string>,
): StepResult {
  const watched = new Set(evidence.prediction.moves.map((move) => move.vantage));
  if (watched.size === 0)
    for (const [vantage, site] of sites) if (evidence.target.startsWith(site)) watched.add(vantage);
  const measured: string[] = [];
  let isHeld = true;
  const expected: string[] = [];
  for (const row of test.rows) {
    const site = sites.get(row.vantage);
    if (!watched.has(row.vantage) || site === undefined) continue;
    const targetMs = evidence.world.coldTtfbMs(row.vantage, site);
    expected.push(`${row.vantage} ${targetMs.toFixed(1)} ms from ${site}`);
    measured.push(`${row.vantage} ${format(row.ttfbMs)} from ${row.site ?? "several"}`);
    if (!(Math.abs((row.ttfbMs ?? Number.NaN) - targetMs) <= targetMs * TTFB_TOLERANCE_RATIO)) isHeld = false;
  }
  return step(name, `${expected.join(", ")} (+-10 %)`, measured.join(", "), isHeld, true);
}

function timingStep(
  name: string,
  expected: string,
  wrong: readonly SpeedTestRow[],
  tell: (row: SpeedTestRow) => string,
): StepResult {
  return step(
    name,
    expected,
    wrong.length === 0 ? "all" : wrong.map(tell).join(", "),
    wrong.length === 0,
    true,
  );
}

function isSiteCity(evidence: GoldenEvidence, row: SpeedTestRow): boolean {
  const site = evidence.world.home.get(row.vantage);
  return site !== undefined && evidence.world.coldTtfbMs(row.vantage, site) < SITE_CITY_TTFB_MS_MAX;
}

function step(
  name: string,
  expected: string,
  measured: string,
  isHeld: boolean,
  isTiming = false,
): StepResult {
  return { name, state: isHeld ? "held" : "missed", isTiming, expected, measured };
}

function format(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? "no answer" : `${ms.toFixed(1)} ms`;
}
