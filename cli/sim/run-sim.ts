/** One run of the scenario in virtual time, shown as a timeline and the figures that matter. */
import { writeFileSync } from "node:fs";
import { messageOf, UserError } from "#core/errors.ts";
import { nowMs } from "#core/host/clock.ts";
import { randomSeed } from "#core/host/random.ts";
import { VERSION } from "#core/version.ts";
import type { ProcessEvent } from "#core/wire/events.ts";
import { runScenario, SCENARIO_DEFAULTS } from "#sim/world/run-scenario.ts";
import type { ScenarioRun, ScenarioSummary, ScenarioTestRow } from "#sim/world/scenario.ts";
import { eventLine } from "../event-line.ts";
import { refuseMissingNode } from "../arguments.ts";
import type { Output } from "../output.ts";
import type { SimRunFlags } from "../sim.ts";

const SIM_SCHEMA = "anycastle.sim-run/v1";
/** Lines of the timeline that people are shown; the rest is in the journal. */
const TIMELINE_MAX = 60;
/** Kinds that tell the story of one fault. */
const TIMELINE_KINDS: ReadonlySet<string> = new Set([
  "fault.injected",
  "fault.removed",
  "bfd.session",
  "site.announced",
  "site.withdrawn",
  "vantage.moved",
  "gateway.node",
  "routes.settled",
  "revive.asked",
]);

export function runSim(output: Output, flags: SimRunFlags): void {
  refuseMissingNode(flags.target, flags.nodes);
  const seed = flags.seed ?? randomSeed();
  const { how, target, mode, rate, nodes } = flags;
  const startMs = nowMs();
  const bfd = flags.bfd ? SCENARIO_DEFAULTS.bfd : null;
  const run = runScenario({ seed, how, target, mode, rate, nodesPerSite: nodes, bfd });
  const tookMs = nowMs() - startMs;
  if (flags.journal !== undefined) writeJournal(flags.journal, run);
  if (flags.json === true) {
    output.printJson({ schema: SIM_SCHEMA, version: VERSION, ...run.summary, journalHash: run.hash });
    return;
  }
  const { summary, journal, hash } = run;
  output.print(`${how} ${target}, mode ${mode}, ${rate} requests/s, seed ${seed}`);
  output.print("");
  for (const line of timeline(journal, summary, output)) output.print(line);
  output.print("");
  for (const line of figures(summary)) output.print(line);
  output.print(`journal ${hash} (${journal.length} events)`);
  output.tell(`${summary.steps} steps in ${tookMs.toFixed(0)} ms`);
}

function timeline(journal: readonly ProcessEvent[], { faultNs }: ScenarioSummary, output: Output): string[] {
  const lines = journal
    .filter((event) => event.atNs >= faultNs && TIMELINE_KINDS.has(event.kind))
    .map((event) => eventLine(event, faultNs)?.render(output.paint))
    .filter((line) => line !== undefined);
  if (lines.length <= TIMELINE_MAX) return lines;
  return [
    ...lines.slice(0, TIMELINE_MAX),
    `… and ${lines.length - TIMELINE_MAX} more: --journal FILE keeps all`,
  ];
}

function figures(summary: ScenarioSummary): string[] {
  const { requests, ok, failedGet, failedPost, failures, rescued, retries, hedges, resets, duplicated } =
    summary;
  const reasons = Object.entries(failures).map(([reason, count]) => `${reason} ${count}`);
  return [
    `detected ${ms(summary.detectedMs)}, out of rotation ${ms(summary.ejectedMs)}, converged ${ms(summary.convergedMs)} after that`,
    `requests ${requests}: ok ${ok}, failed GET ${failedGet}, failed POST ${failedPost}${reasons.length === 0 ? "" : ` (${reasons.join(", ")})`}`,
    `rescued ${rescued}, retries ${retries}, hedges ${hedges}, resets ${resets}, duplicated ${duplicated}`,
    ...summary.tests.flatMap(({ label, rows }) => testLines(label, rows, summary)),
  ];
}

/** The cities that the fault moves; without any, only how many were fine. */
function testLines(label: string, rows: readonly ScenarioTestRow[], { moves }: ScenarioSummary): string[] {
  const ok = rows.filter(({ isOk }) => isOk).length;
  const moved = rows.filter(({ vantage }) => moves.some((move) => move.vantage === vantage));
  const shown = moved.map(({ vantage, site, ttfbMs }) => `${vantage} ${site ?? "none"} ${ms(ttfbMs)}`);
  return [
    `test ${label.padEnd(7)} ${ok} of ${rows.length} ok${shown.length === 0 ? "" : `, ${shown.join(", ")}`}`,
  ];
}

function ms(value: number | null): string {
  return value === null ? "never" : `${value.toFixed(1)} ms`;
}

function writeJournal(file: string, { lines }: ScenarioRun): void {
  try {
    writeFileSync(file, `${lines.join("\n")}\n`);
  } catch (error) {
    throw new UserError(
      "JOURNAL_UNWRITABLE",
      `the journal cannot be written to ${file}: ${messageOf(error)}`,
      {
        hint: "name a file in a directory that is yours",
        cause: error,
      },
    );
  }
}
