/** A load run's result as a tight table for a terminal. A void run's latencies are withheld. */
import { styleText } from "node:util";
import type { LoadResult, Percentiles } from "#core/wire/measure.ts";

export function renderLoadResult(result: LoadResult, options: { readonly isColour: boolean }): string {
  const paint = (style: "red" | "green" | "yellow", text: string): string =>
    options.isColour ? styleText(style, text, { validateStream: false }) : text;
  const verdict = result.isVoid
    ? paint("yellow", "VOID")
    : result.failedTotal === 0
      ? paint("green", "OK")
      : paint("red", "FAILURES");
  const lines = [
    `${verdict}  ${result.url}  ${result.rate}/s  ${result.sent} of ${result.planned} sent, ${result.ok} ok, ${result.failedTotal} failed`,
    ...result.voidReasons.map((reason) => `  ${reason}`),
    ...Object.entries(result.failed).map(([reason, count]) => `  ${reason}: ${count}`),
  ];
  if (result.failureBound !== null) {
    lines.push(
      `  none failed: the failure ratio is below ${(result.failureBound * 100).toPrecision(2)} % (95 %, 3/n)`,
    );
  }
  lines.push("", `${"ms".padEnd(18)}     p50     p90     p99   p99.9     max`);
  if (!result.isVoid) {
    lines.push(row("from due to end", result.latency), row("to first byte", result.ttfb));
    for (const { cohort, latency } of result.cohorts) lines.push(row(`  ${cohort}`, latency));
  }
  lines.push(row("sent late by", result.sendLag));
  return `${lines.join("\n")}\n`;
}

function row(name: string, { p50, p90, p99, p999, max }: Percentiles): string {
  const cells = [p50, p90, p99, p999, max].map((value) =>
    (value === null ? "-" : value.toFixed(1)).padStart(7),
  );
  return `${name.padEnd(18)} ${cells.join(" ")}`;
}
