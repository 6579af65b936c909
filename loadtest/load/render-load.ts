/**
 * A load run's result for a terminal: verdict, failures by name, percentiles, one line a vantage. The latencies of a void
 * run are withheld, as they say more about the box. Names come from whoever answered, so control characters go.
 */
import { styleText } from "node:util";
import type { LoadResult, Percentiles } from "#core/wire/measure.ts";
import { formatCount, formatMs, formatPercent } from "../report/format.ts";

type Style = "red" | "green" | "yellow" | "bold";
type Paint = (style: Style, text: string) => string;

const NAME_WIDTH = 16;
const CELL_WIDTH = 8;
const SITES_SHOWN_MAX = 4;
// oxlint-disable-next-line no-control-regex -- Control characters are what this takes out.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

export function renderLoadResult(result: LoadResult, options: { readonly isColour: boolean }): string {
  const paint: Paint = (style, text) =>
    options.isColour ? styleText(style, text, { validateStream: false }) : text;
  const lines = [
    ...renderVerdict(result, paint),
    "",
    paint("bold", tableRow("ms", ["p50", "p90", "p99", "p99.9", "max"])),
    ...(result.isVoid ? [] : renderLatencies(result)),
    percentilesRow("sent late by", result.sendLag),
    "",
    paint("bold", `${tableRow("vantage", ["sent", "ok", "failed", "p50", "p99"])}   sites`),
    ...result.vantages.map((vantage) => renderVantage(vantage, result.isVoid, paint)),
  ];
  return `${lines.join("\n")}\n`;
}

function renderVerdict(result: LoadResult, paint: Paint): string[] {
  const { sent, planned, ok, failedTotal, duplicated } = result;
  const lines = [
    `${verdictOf(result, paint)}  ${clean(result.url)} at ${result.rate}/s: ${formatCount(sent)} of ` +
      `${formatCount(planned)} sent, ${formatCount(ok)} ok, ${formatCount(failedTotal)} failed`,
    ...result.voidReasons.map((reason) => `  ${clean(reason)}`),
    ...Object.entries(result.failed).map(([reason, count]) => `  ${formatCount(count)} ${clean(reason)}`),
  ];
  const posts = result.methods?.find(({ method }) => method === "POST");
  if (posts !== undefined)
    lines.push(`  POST: ${formatCount(posts.sent)} sent, ${formatCount(posts.failed)} lost`);
  if (duplicated > 0) lines.push(paint("red", `  ${formatCount(duplicated)} POST executed more than once`));
  if (result.failureBound !== null) {
    lines.push(`  none failed: the failure ratio is below ${formatPercent(result.failureBound)} (95 %, 3/n)`);
  }
  return lines;
}

function verdictOf(result: LoadResult, paint: Paint): string {
  if (result.isVoid) return paint("yellow", "VOID");
  return result.failedTotal === 0 ? paint("green", "OK") : paint("red", "FAILED");
}

function renderLatencies(result: LoadResult): string[] {
  return [
    percentilesRow("due to last byte", result.latency),
    percentilesRow("due to first", result.ttfb),
    ...result.cohorts.map(({ cohort, latency }) => percentilesRow(`  ${clean(cohort)}`, latency)),
  ];
}

function percentilesRow(name: string, { p50, p90, p99, p999, max }: Percentiles): string {
  return tableRow(name, [p50, p90, p99, p999, max].map(formatMs));
}

function renderVantage(vantage: LoadResult["vantages"][number], isVoid: boolean, paint: Paint): string {
  const { sent, ok, failed, latency } = vantage;
  const times = isVoid ? ["", ""] : [formatMs(latency.p50), formatMs(latency.p99)];
  const row = tableRow(clean(vantage.vantage), [...[sent, ok, failed].map(formatCount), ...times]);
  const line = `${row}   ${sitesOf(vantage.sites)}`.trimEnd();
  return failed > 0 ? paint("red", line) : line;
}

/** Most answers first. */
function sitesOf(sites: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(sites).sort((a, b) => b[1] - a[1]);
  const shown = sorted
    .slice(0, SITES_SHOWN_MAX)
    .map(([site, count]) => `${clean(site)} ${formatCount(count)}`);
  if (sorted.length > SITES_SHOWN_MAX) shown.push(`and ${sorted.length - SITES_SHOWN_MAX} more`);
  return shown.join(", ");
}

function tableRow(name: string, cells: readonly string[]): string {
  return `${name.padEnd(NAME_WIDTH)}${cells.map((cell) => cell.padStart(CELL_WIDTH)).join("")}`.trimEnd();
}

function clean(text: string): string {
  return text.replace(CONTROLS, "?").slice(0, 200);
}
