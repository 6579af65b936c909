/** The report as Markdown: for a pull request or a ticket, where the page cannot go. Tables escape what breaks tables. */
import type { FailoverReport, Phase, PhaseRow, TestCell } from "./failover-report.ts";
import { formatCount, formatDelta, formatMs } from "./format.ts";
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
} from "./wording.ts";

const MARKS = { held: "✓", missed: "✗", void: "void" } as const;

export function renderMarkdown(report: FailoverReport): string {
  const sections = [
    renderHead(report),
    section("Steps", stepsTable(report)),
    section("Timeline", timelineTable(report)),
    section("Cities", citiesTable(report)),
    report.verdict === "void" ? "" : section("Measures", measuresTable(report)),
    section("Cohorts", phasesTable(report.cohorts)),
    section("Vantages", phasesTable(report.vantages)),
    section("How this was measured", measuredHow(report)),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

function renderHead(report: FailoverReport): string {
  const lines = [
    `# ${escape(titleOf(report))}: ${report.verdict}`,
    "",
    `${escape(describeRun(report))}. Started ${escape(report.startedAt)}.`,
  ];
  if (report.reasons.length > 0) lines.push("", ...report.reasons.map((reason) => `- ${escape(reason)}`));
  const story = describeStory(report);
  if (story !== "") lines.push("", escape(story));
  const facts = headlineFacts(report);
  if (facts.length > 0) {
    lines.push("", ...facts.map((fact) => `- **${fact.name}** ${escape(fact.value)}: ${escape(fact.note)}`));
  } else {
    lines.push("", "The box was not fit to measure on: no figures are given.");
  }
  const silence = describeSilence(report);
  if (silence !== "") lines.push("", escape(silence));
  lines.push("", escape(describeLoss(report)));
  return lines.join("\n");
}

function stepsTable({ steps }: FailoverReport): string {
  return table(
    ["", "step", "expected", "measured"],
    steps.map((step) => [MARKS[step.state], step.name, step.expected, step.measured]),
  );
}

function timelineTable({ timeline }: FailoverReport): string {
  return table(
    ["ms", "", "what", "detail"],
    timeline.map((entry) => [formatMs(entry.atMs), entry.lane, entry.label, entry.detail]),
  );
}

function citiesTable({ tests }: FailoverReport): string {
  return table(
    ["city", ...tests.columns.map((column) => column.label), "floor", "single origin"],
    tests.rows.map((row) => [
      row.city,
      ...row.cells.map(cellText),
      formatMs(row.floorMs),
      formatMs(row.singleOriginMs),
    ]),
  );
}

function cellText(cell: TestCell): string {
  const status = cell.status === 200 ? "" : ` (${cell.status ?? "mixed"})`;
  const delta = cell.deltaMs === null ? "" : ` ${formatDelta(cell.deltaMs)}`;
  return `${formatMs(cell.ttfbMs)} ${cell.site ?? "?"}${delta}${status}`;
}

function measuresTable(report: FailoverReport): string {
  const shares = report.convergence.shares.map((row) => [
    `${row.share * 100} % of vantages`,
    `${formatMs(row.affectedMs)} ms`,
    `of those that moved; ${formatMs(row.allMs)} ms of all ${report.convergence.vantageCount}`,
  ]);
  return table(
    ["measure", "value", "meaning"],
    [...measureFacts(report).map((fact) => [fact.name, fact.value, fact.note]), ...shares],
  );
}

function phasesTable(rows: readonly PhaseRow[]): string {
  const shown: readonly Phase[] = ["before", "down", "after"];
  return table(
    ["", "sent", "failed", ...shown.map((phase) => `p50 / p99 ${phase}`), "worst"],
    rows.map((row) => {
      const all = Object.values(row.phases);
      const worst = Math.max(-1, ...all.map((stats) => stats.maxMs ?? -1));
      return [
        row.name,
        formatCount(sum(all.map((stats) => stats.sent))),
        formatCount(sum(all.map((stats) => stats.failed))),
        ...shown.map(
          (phase) => `${formatMs(row.phases[phase].p50Ms)} / ${formatMs(row.phases[phase].p99Ms)}`,
        ),
        formatMs(worst < 0 ? null : worst),
      ];
    }),
  );
}

function measuredHow(report: FailoverReport): string {
  return [
    `- machine: ${escape(describeMachine(report))}`,
    `- box: ${describeNoise(report)}; stalls: ${describeStalls(report)}`,
    `- plan: ${formatCount(report.load.planned)} requests at ${formatCount(report.load.rate)}/s, open loop, ` +
      `latency from the due time; send lag p99.9 ${formatMs(report.load.sendLagP999Ms)} ms`,
    `- again: \`${report.command.replaceAll("`", "'")}\``,
    ...report.emulated.map((sentence) => `- not real: ${escape(sentence)}`),
  ].join("\n");
}

function section(title: string, body: string): string {
  return body === "" ? "" : `## ${title}\n\n${body}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/[\\`*_|[\]]/g, "\\$&")
    .replaceAll(/[\r\n\t]+/g, " ");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
