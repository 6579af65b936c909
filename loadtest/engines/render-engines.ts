/**
 * Results of several engines as one table: a row each, how it counts beside what it counted, then what each can and
 * cannot see. Times of a void run are withheld. Names come from tools and servers, so control characters go.
 */
import { styleText } from "node:util";
import type { EngineComparison, EngineResult } from "#core/wire/engine-result.ts";
import { formatCount, formatMs } from "../report/format.ts";

type Style = "red" | "green" | "yellow" | "bold";
type Paint = (style: Style, text: string) => string;

const COLUMNS = ["engine", "loop", "from", "sent", "failed", "p50", "p90", "p99", "p99.9", "max", "late"];
const WIDTHS = [12, 8, 6, 16, 8, 8, 8, 8, 8, 8, 8];
/** Columns of words stand to the left, those of figures to the right. */
const WORDS = 3;
// oxlint-disable-next-line no-control-regex -- Control characters are what this takes out.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

export function renderEngines(comparison: EngineComparison, options: { readonly isColour: boolean }): string {
  const paint: Paint = (style, text) =>
    options.isColour ? styleText(style, text, { validateStream: false }) : text;
  const { plan, url, results } = comparison;
  return `${[
    `${verdict(comparison.verdict, paint)}  plan ${plan.name}: ${formatCount(plan.planned)} GET to ${clean(url)}, ` +
      `at most ${plan.rate}/s, ${plan.durationMs / 1000} s, on kept connections; ms`,
    "",
    paint("bold", row(COLUMNS)),
    ...results.map((result) => paintedRow(result, paint)),
    ...results.flatMap((result) => remarks(result, paint)),
  ].join("\n")}\n`;
}

function paintedRow(result: EngineResult, paint: Paint): string {
  const { latency, sendLag } = result;
  const times = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max, sendLag?.p999 ?? null];
  const line = row([
    result.engine,
    result.loop,
    result.latencyFrom,
    `${formatCount(result.sent)} of ${formatCount(result.planned)}`,
    formatCount(result.failed),
    ...times.map((ms) => (result.isVoid ? "" : formatMs(ms))),
  ]);
  if (result.isVoid) return paint("yellow", `${line}  VOID`.trimEnd());
  return result.objectives.every(({ isMet }) => isMet) ? line : paint("red", line);
}

function remarks(result: EngineResult, paint: Paint): string[] {
  const version = result.toolVersion === null ? "" : ` ${clean(result.toolVersion)}`;
  const loop = result.loop === "closed" ? " (closed loop: not comparable with the others under a fault)" : "";
  return [
    "",
    paint("bold", `${result.engine}${version}${loop}`),
    ...result.voidReasons.map((reason) => paint("yellow", `  void: ${clean(reason)}`)),
    ...(result.isVoid ? [] : result.objectives).map(({ name, isMet, expected, measured }) => {
      const line = `  ${isMet ? "met   " : "MISSED"} ${name}: ${clean(expected)}; ${clean(measured)}`;
      return isMet ? line : paint("red", line);
    }),
    ...Object.entries(result.failures ?? {}).map(
      ([reason, count]) => `  ${formatCount(count)} ${clean(reason)}`,
    ),
    ...result.sees.map((line) => `  sees        ${line}`),
    ...result.cannotSee.map((line) => `  cannot see  ${line}`),
  ];
}

function verdict(word: EngineComparison["verdict"], paint: Paint): string {
  if (word === "held") return paint("green", "HELD");
  return word === "void" ? paint("yellow", "VOID") : paint("red", "MISSED");
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, index) => (index < WORDS ? cell.padEnd(WIDTHS[index]!) : cell.padStart(WIDTHS[index]!)))
    .join("")
    .trimEnd();
}

function clean(text: string): string {
  return text.replace(CONTROLS, "?").slice(0, 300);
}
