/**
 * The report as one HTML file: inline style and drawings, no script, nothing fetched (its own policy forbids it), so it
 * can be mailed, archived, printed and opened years later. Everything measured is escaped by `markup`.
 */
import type { StepResult } from "#core/wire/measure.ts";
import type { FailoverReport, Phase, PhaseRow, TestCell, TimelineEntry } from "./failover-report.ts";
import { formatCount, formatDelta, formatMs } from "./format.ts";
import { cohortColour, drawLatencyChart, type Level, type Mark } from "./latency-drawing.ts";
import { markup, Markup, type MarkupValue } from "./markup.ts";
import { drawRibbonChart } from "./ribbon-drawing.ts";
import { STYLE } from "./style.ts";
import { drawWaterfall, LANE_MEANING, laneColour } from "./waterfall.ts";
import {
  describeLoss,
  describeMachine,
  describeNoise,
  describeRun,
  describeSilence,
  describeStalls,
  describeStory,
  headlineFacts,
  measureFacts,
  titleOf,
  type Fact,
} from "./wording.ts";

const MARKS = { held: "✓", missed: "✗", void: "void" } as const;
const GREAT_MS = 50;
const FAIR_MS = 100;

export function renderHtml(report: FailoverReport): string {
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${titleOf(report)}: ${report.verdict}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main class="${report.verdict}">
${renderHead(report)}
${renderTiles(report)}
${renderStory(report)}
${renderClients(report)}
${renderCities(report)}
${renderSteps(report)}
${report.verdict === "void" ? null : renderMeasures(report)}
${renderWho(report)}
${renderHow(report)}
<footer>Anycastle ${report.version}. Started ${report.startedAt}. The same figures are in report.json (schema ${report.schema}).</footer>
</main>
</body>
</html>
`;
  return page.text;
}

function renderHead(report: FailoverReport): Markup {
  const reasons =
    report.reasons.length === 0
      ? null
      : markup`<div class="reasons"><ul>${report.reasons.map((reason) => markup`<li>${reason}</li>`)}</ul></div>`;
  const warning =
    report.verdict === "void"
      ? markup`<p><strong>The box was not fit to measure on: no figures are given.</strong> What follows is for diagnosis only.</p>`
      : null;
  return markup`<header><span class="verdict ${report.verdict}">${report.verdict}</span>
<div><h1>${titleOf(report)}</h1><div class="soft">${describeRun(report)}</div></div></header>
<p class="story">${describeStory(report)}</p>
${reasons}${warning}`;
}

function renderTiles(report: FailoverReport): Markup | null {
  const facts = headlineFacts(report);
  if (facts.length === 0) return null;
  return markup`<div class="tiles">${facts.map((fact) => renderTile(fact, report))}</div>`;
}

function renderTile(fact: Fact, report: FailoverReport): Markup {
  const tone = fact.name === "failed" ? (report.load.failed === 0 ? "zero" : "loss") : "";
  return markup`<div class="tile ${tone}"><div class="name">${fact.name}</div><div class="value">${fact.value}</div><div class="note">${fact.note}</div></div>`;
}

function renderStory(report: FailoverReport): Markup {
  const askedMs = report.measures.failback.askedMs ?? Infinity;
  const outage = report.timeline.filter((entry) => entry.atMs < askedMs);
  const comeback = report.timeline.filter((entry) => entry.atMs >= askedMs);
  return markup`<section><h2>What happened</h2>
<p class="note">${report.fault.meaning}. Milliseconds after the order, logarithmic: what the order itself took counts against us.</p>
${renderLegend(LANE_MEANING.filter(([lane]) => report.timeline.some((entry) => entry.lane === lane)).map(([lane, meaning]) => [laneColour(lane), meaning]))}
${renderWaterfall(outage, 0, "Timeline of the fault", "No fault was ordered.")}
</section>
${
  comeback.length === 0
    ? null
    : markup`<section><h2>How it came back</h2>
<p class="note">Milliseconds after the revival was asked for, ${formatMs(askedMs)} ms after the fault.</p>
${renderWaterfall(comeback, askedMs, "Timeline of the return", "")}</section>`
}`;
}

function renderWaterfall(
  entries: readonly TimelineEntry[],
  zeroMs: number,
  title: string,
  otherwise: string,
): Markup {
  if (entries.length === 0) return markup`<p>${otherwise}</p>`;
  return drawWaterfall(entries, zeroMs, title);
}

function renderClients(report: FailoverReport): Markup {
  const names = report.affected.length === 0 ? "the affected" : report.affected.join(", ");
  const cohorts = report.chart.affected.map(
    (series) =>
      [
        cohortColour(series.cohort),
        `${names}, ${series.cohort} connections${series.everyNth === 1 ? "" : ` (every ${series.everyNth}th)`}`,
      ] as const,
  );
  return markup`<section><h2>What clients saw</h2>
<p class="note">Time to first byte from the planned send time: each dot one answered request, ${formatCount(report.load.sent)} sent by an open loop.</p>
${renderLegend([...cohorts, ["var(--others)", "everybody else, median and up to p99"], ["var(--bad)", "failed"]])}
${drawLatencyChart(report, marksOf(report), levelsOf(report))}
</section>
<section><h2>Around the fault</h2>
<p class="note">Bins of ${report.ribbon.binMs} ms by planned send time.</p>
${renderLegend([
  ["var(--good)", "answered"],
  ["var(--warn)", "slow"],
  ["var(--bad)", "failed"],
  ["var(--target)", `answered by ${report.fault.target}`],
  ["var(--elsewhere)", "answered by another"],
])}
${drawRibbonChart(report)}
</section>`;
}

function marksOf(report: FailoverReport): Mark[] {
  const marks: Mark[] = [];
  if (report.fault.orderedNs !== null) marks.push({ atMs: 0, label: titleOf(report) });
  const { askedMs } = report.measures.failback;
  if (askedMs !== null) marks.push({ atMs: askedMs, label: "revive" });
  return marks;
}

/** The cold times of the affected cities as their speed tests found them, written where they belong in time. */
function levelsOf({ tests }: FailoverReport): Level[] {
  const row = tests.rows.find((candidate) => candidate.isAffected);
  if (row === undefined) return [];
  return row.cells.flatMap((cell, index) =>
    cell.ttfbMs === null
      ? []
      : [
          {
            atMs: tests.columns[index]!.atMs,
            ttfbMs: cell.ttfbMs,
            label: `${formatMs(cell.ttfbMs)} ms ${cell.site ?? ""}`,
          },
        ],
  );
}

function renderLegend(items: readonly (readonly [colour: string, label: string])[]): Markup {
  return markup`<div class="legend">${items.map(
    ([colour, label]) => markup`<span><i style="background:${colour}"></i>${label}</span>`,
  )}</div>`;
}

function renderCities({ tests }: FailoverReport): Markup | null {
  if (tests.columns.length === 0) return null;
  const heads = tests.columns.map(
    (column, index) =>
      markup`<th class="number">${column.label}</th><th>from</th>${index === 0 ? null : markup`<th class="number">change</th>`}`,
  );
  return markup`<section><h2>Cities</h2>
<p class="note">Time to first byte in ms on cold connections, medians of ${Math.max(...tests.columns.map((column) => column.rounds))} rounds. Floor: light in fibre, three round trips. Single origin: computed, 25 ms + 3 round trips to one site.</p>
<table><thead><tr><th>city</th>${heads}<th class="number">floor</th><th class="number">single origin</th></tr></thead>
<tbody>${tests.rows.map(
    (row) => markup`<tr class="${row.isAffected ? "affected" : ""}"><td>${row.city}</td>${row.cells.map(
      (cell, index) => renderCell(cell, index > 0),
    )}<td class="number soft">${formatMs(row.floorMs)}</td><td class="number soft">${formatMs(row.singleOriginMs)}</td></tr>
`,
  )}</tbody></table></section>`;
}

function renderCell(cell: TestCell, hasDelta: boolean): Markup {
  const status =
    cell.status === 200 ? null : markup` <span class="mark missed">${cell.status ?? "mixed"}</span>`;
  return markup`<td class="number ${band(cell.ttfbMs)}">${formatMs(cell.ttfbMs)}${status}</td><td class="soft">${cell.site ?? "?"}</td>${
    hasDelta ? markup`<td class="number soft">${formatDelta(cell.deltaMs)}</td>` : null
  }`;
}

function band(ttfbMs: number | null): string {
  if (ttfbMs === null) return "";
  if (ttfbMs < GREAT_MS) return "great";
  return ttfbMs < FAIR_MS ? "fair" : "far";
}

function renderSteps(report: FailoverReport): Markup {
  return markup`<section><h2>Steps</h2>
<table><thead><tr><th></th><th>step</th><th>expected</th><th>measured</th></tr></thead>
<tbody>${report.steps.map((step) => renderStep(step, report.isStrict))}</tbody></table></section>`;
}

function renderStep(step: StepResult, isStrict: boolean): Markup {
  const isWaived = step.state === "missed" && step.isTiming && !isStrict;
  const mark = isWaived ? "! (time)" : MARKS[step.state];
  return markup`<tr><td class="mark ${isWaived ? "void" : step.state}">${mark}</td><td>${step.name}</td><td class="soft">${step.expected}</td><td>${step.measured}</td></tr>
`;
}

function renderMeasures(report: FailoverReport): Markup {
  const { convergence } = report;
  const shares = convergence.shares.map(
    (row) =>
      markup`<tr><td>${row.share * 100} %</td><td class="number">${formatMs(row.affectedMs)}</td><td class="number">${formatMs(row.allMs)}</td></tr>`,
  );
  return markup`<section><h2>Measures</h2>
<table><tbody>${measureFacts(report).map(
    (fact) =>
      markup`<tr><td>${fact.name}</td><td class="number">${fact.value}</td><td class="soft wide">${fact.note}</td></tr>`,
  )}</tbody></table></section>
<div class="halves"><section><h2>Convergence</h2>
<table><thead><tr><th>share of vantages</th><th class="number">of those that moved, ms</th><th class="number">of all ${convergence.vantageCount}, ms</th></tr></thead>
<tbody>${shares}</tbody></table></section>
<section><h2>Predicted beside measured</h2><p>${describeSilence(report)}</p><p>${describeLoss(report)}</p>
<p class="note">${report.loss.predicted === null ? "" : report.loss.predicted.basis}</p></section></div>`;
}

function renderWho(report: FailoverReport): Markup {
  return markup`<section><h2>Who saw it</h2>${renderPhases("connections", report.cohorts)}
<p></p>${renderPhases("vantage", report.vantages)}</section>`;
}

function renderPhases(head: string, rows: readonly PhaseRow[]): Markup | null {
  if (rows.length === 0) return null;
  const shown: readonly Phase[] = ["before", "down", "after"];
  const titles = { before: "before", down: "while down", after: "after" } as Record<Phase, string>;
  return markup`<table><thead><tr><th>${head}</th><th class="number">sent</th><th class="number">failed</th>${shown.map(
    (phase) => markup`<th class="number">p50 ${titles[phase]}</th><th class="number">p99</th>`,
  )}<th class="number">worst</th></tr></thead>
<tbody>${rows.map((row) => {
    const all = Object.values(row.phases);
    const failed = all.reduce((total, stats) => total + stats.failed, 0);
    const worst = Math.max(-1, ...all.map((stats) => stats.maxMs ?? -1));
    const cells: MarkupValue[] = shown.map(
      (phase) =>
        markup`<td class="number">${formatMs(row.phases[phase].p50Ms)}</td><td class="number soft">${formatMs(row.phases[phase].p99Ms)}</td>`,
    );
    return markup`<tr class="${row.isAffected ? "affected" : ""}"><td>${row.name}</td><td class="number">${formatCount(
      all.reduce((total, stats) => total + stats.sent, 0),
    )}</td><td class="number ${failed > 0 ? "mark missed" : ""}">${formatCount(failed)}</td>${cells}<td class="number">${formatMs(
      worst < 0 ? null : worst,
    )}</td></tr>
`;
  })}</tbody></table>`;
}

function renderHow(report: FailoverReport): Markup {
  const { load } = report;
  return markup`<div class="halves"><section><h2>How this was measured</h2><ul>
<li>${describeMachine(report)}</li>
<li>box: ${describeNoise(report)}</li>
<li>stalls: ${describeStalls(report)}</li>
<li>plan: ${formatCount(load.planned)} requests at ${formatCount(load.rate)}/s on a fixed plan (open loop), latency from the due time; send lag p99.9 ${formatMs(load.sendLagP999Ms)} ms</li>
<li>again: <code>${report.command}</code></li></ul></section>
<section><h2>What is not real here</h2><ul>${report.emulated.map((sentence) => markup`<li>${sentence}</li>`)}</ul></section></div>`;
}
