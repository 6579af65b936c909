/** A soak for a terminal: the verdict, what was asked and seen, one row a process. */
import { styleText } from "node:util";
import type { SoakProcess, SoakReport } from "./evidence.ts";

const MIB = 1024 * 1024;
const COLUMNS = ["process", "pid", "starts", "RSS MiB", "", "ratio", "fds", "", "wake-ups/s", ""];
const WIDTHS = [10, 9, 8, 10, 8, 8, 7, 6, 12, 8];
const FAILURES_SHOWN_MAX = 20;
const MARK = { held: "held  ", missed: "MISSED", void: "      " } as const;

export function renderSoak(report: SoakReport, options: { readonly isColour: boolean }): string {
  const { verdict, orders, load, durationMs, seed, rate } = report;
  const paint = (style: "red" | "green" | "yellow" | "bold", text: string): string =>
    options.isColour ? styleText(style, text, { validateStream: false }) : text;
  const colour = verdict === "held" ? "green" : verdict === "missed" ? "red" : "yellow";
  return `${[
    `${paint(colour, verdict.toUpperCase())}  soak of ${durationMs / 60_000} min, ${rate} requests/s, seed ${seed}: ` +
      `${load.sent} sent, ${load.failed} failed, ${orders.length} orders`,
    ...report.voidReasons.map((reason) => paint("yellow", `  void: ${reason}`)),
    ...report.noise.map((reason) => paint("yellow", `  noise: ${reason}`)),
    ...report.steps.map(({ name, state, expected, measured }) => {
      const line = `  ${MARK[state]} ${name}: ${measured} (${expected})`;
      return state === "missed" ? paint("red", line) : line;
    }),
    ...report.failures
      .slice(0, FAILURES_SHOWN_MAX)
      .map(({ method, reason, after, count }) => `  ${count} ${method} ${reason} after ${after}`),
    "",
    paint("bold", row(COLUMNS)),
    ...report.processes.map((process) => row(cells(process))),
    "  two figures: at the start and at the end; memory with load, the others while idle",
  ].join("\n")}\n`;
}

function cells(process: SoakProcess): string[] {
  const mib = (bytes: number | null): string => (bytes === null ? "–" : (bytes / MIB).toFixed(0));
  const count = (value: number | null): string => (value === null ? "–" : value.toFixed(0));
  return [
    process.process,
    String(process.pid),
    String(process.startCount),
    mib(process.rssFirstBytes),
    mib(process.rssLastBytes),
    process.rssRatio === null ? "–" : process.rssRatio.toFixed(3),
    count(process.descriptorsFirst),
    count(process.descriptorsLast),
    count(process.wakeUpsFirst),
    count(process.wakeUpsLast),
  ];
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, index) => (index === 0 ? cell.padEnd(WIDTHS[index]!) : cell.padStart(WIDTHS[index]!)))
    .join("")
    .trimEnd();
}
