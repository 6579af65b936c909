/**
 * The report for a terminal: verdict, steps, timeline, cities. Tight enough for one screen; everything else is in the
 * other renderings. Names come from headers of whoever answered, so control characters are taken out: a node must not
 * be able to write into somebody's terminal.
 */
import { styleText } from "node:util";
import type { StepResult } from "#core/wire/measure.ts";
import type { FailoverReport, TestCell } from "./failover-report.ts";
import { formatDelta, formatMs } from "./format.ts";
import {
  describeLoss,
  describeRun,
  describeSilence,
  describeStory,
  headlineFacts,
  titleOf,
} from "./wording.ts";

type Style = Parameters<typeof styleText>[0];
type Paint = (style: Style, text: string) => string;

const VERDICT_STYLE = { held: "green", missed: "red", void: "yellow" } as const;

export function renderText(document: FailoverReport, options: { readonly isColour: boolean }): string {
  const report = withoutControls(document);
  const paint: Paint = (style, text) =>
    options.isColour ? styleText(style, text, { validateStream: false }) : text;
  const lines = [
    ...renderVerdict(report, paint),
    "",
    paint("bold", "Steps"),
    ...report.steps.flatMap((step) => renderStep(step, report.isStrict, paint)),
    "",
    ...renderTimeline(report, paint),
    ...renderCities(report, paint),
    ...[describeSilence(report), describeLoss(report)].filter((sentence) => sentence !== ""),
  ];
  return `${lines.join("\n")}\n`;
}

function renderVerdict(report: FailoverReport, paint: Paint): string[] {
  const verdict = paint(["bold", VERDICT_STYLE[report.verdict]], report.verdict.toUpperCase());
  const lines = [`${verdict}  ${paint("bold", titleOf(report))}, ${describeRun(report)}`];
  for (const reason of report.reasons) lines.push(`  ${reason}`);
  const story = describeStory(report);
  if (story !== "") lines.push(`  ${story}`);
  const facts = headlineFacts(report).map((fact) => `${fact.name} ${fact.value}`);
  if (facts.length > 0) lines.push(`  ${facts.join(" · ")}`);
  return lines;
}

function renderStep(step: StepResult, isStrict: boolean, paint: Paint): string[] {
  if (step.state === "held") return [`  ${paint("green", "✓")} ${step.name.padEnd(36)} ${step.measured}`];
  const isCounted = step.state === "missed" && (isStrict || !step.isTiming);
  const mark = isCounted ? paint("red", "✗") : paint("yellow", "!");
  const note = step.state === "missed" && !isCounted ? " (a time: counts with --strict only)" : "";
  return [
    `  ${mark} ${step.name}${note}`,
    `      expected  ${step.expected}`,
    `      measured  ${step.measured}`,
  ];
}

function renderTimeline(report: FailoverReport, paint: Paint): string[] {
  if (report.timeline.length === 0) return [];
  const labelWidth = Math.max(...report.timeline.map((entry) => entry.label.length));
  return [
    paint("bold", "Timeline, ms after the order"),
    ...report.timeline.map(
      (entry) =>
        `  ${formatMs(entry.atMs).padStart(9)}  ${entry.lane.padEnd(8)}  ` +
        `${entry.label.padEnd(labelWidth)}  ${paint("dim", entry.detail)}`.trimEnd(),
    ),
    "",
  ];
}

function renderCities(report: FailoverReport, paint: Paint): string[] {
  const { columns, rows } = report.tests;
  if (columns.length === 0) return [];
  const cityWidth = Math.max(4, ...rows.map((row) => row.city.length));
  const heads = columns.map((column) => column.label.padStart(7).padEnd(CELL_WIDTH)).join("  ");
  return [
    paint("bold", "Cities, time to first byte of a cold request in ms"),
    `  ${"".padEnd(cityWidth)}  ${heads}`.trimEnd(),
    ...rows.map((row) => {
      const cells = row.cells.map((cell) => renderCell(cell)).join("  ");
      const line = `  ${row.city.padEnd(cityWidth)}  ${cells}`.trimEnd();
      return row.isAffected ? paint("bold", line) : line;
    }),
    "",
  ];
}

const CELL_WIDTH = 24;

function renderCell(cell: TestCell): string {
  const status = cell.status === 200 ? "" : ` ${cell.status ?? "mixed"}`;
  const text = `${formatMs(cell.ttfbMs).padStart(7)} ${(cell.site ?? "?").padEnd(5)} ${formatDelta(cell.deltaMs)}`;
  return `${text}${status}`.padEnd(CELL_WIDTH);
}

/** A copy without anything in it that a terminal would obey. */
function withoutControls(report: FailoverReport): FailoverReport {
  const clean = (_key: string, value: unknown): unknown =>
    // eslint-disable-next-line no-control-regex -- control characters are what this takes out
    typeof value === "string" ? value.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "�") : value;
  return JSON.parse(JSON.stringify(report), clean) as FailoverReport;
}
