/** The speed test as a table for a terminal, city by city. */
import { styleText } from "node:util";
import type { SpeedTest, SpeedTestRow } from "#core/wire/measure.ts";

const FAST_MS = 50;
const FAIR_MS = 100;
const BAR_MS = 15;
const BAR_LENGTH_MAX = 24;
// oxlint-disable-next-line no-control-regex -- Names come from whoever answered and must not steer a terminal.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/** `before`: another test whose times the deltas are against. */
export function renderSpeedTest(test: SpeedTest, options: { isColour: boolean; before?: SpeedTest }): string {
  const head = [
    "CITY".padEnd(14),
    "ST".padStart(4),
    "EDGE".padEnd(5),
    "CONNECT",
    "    TTFB",
    "   DELTA",
    "  FLOOR",
    " SINGLE",
    "",
  ];
  const lines = [head.join(" ").trimEnd()];
  for (const row of test.rows) {
    const before = options.before?.rows.find((candidate) => candidate.vantage === row.vantage);
    lines.push(renderRow(row, before, options.isColour));
  }
  const ok = test.rows.filter((row) => row.status === 200).length;
  lines.push(
    "",
    `${ok} of ${test.rows.length} cities 200 OK, median of ${test.rounds}; ms. Floor: light in fibre to the`,
  );
  lines.push(
    `serving site and back, three times. Single: computed, were ${clean(test.originSite)} the only site.`,
  );
  return `${lines.join("\n")}\n`;
}

function renderRow(row: SpeedTestRow, before: SpeedTestRow | undefined, isColour: boolean): string {
  const beforeMs = before?.ttfbMs ?? null;
  const delta = row.ttfbMs === null || beforeMs === null ? null : row.ttfbMs - beforeMs;
  const bar = "▇".repeat(
    row.ttfbMs === null ? 0 : Math.min(BAR_LENGTH_MAX, Math.max(1, Math.round(row.ttfbMs / BAR_MS))),
  );
  const cells = [
    clean(row.city).padEnd(14),
    String(row.status ?? (row.samples.some((sample) => sample.status !== null) ? "mix" : "err")).padStart(4),
    clean(row.site ?? "-").padEnd(5),
    number(row.connectMs, 7),
    number(row.ttfbMs, 8),
    delta === null ? " ".repeat(8) : `${delta >= 0 ? "+" : ""}${delta.toFixed(1)}`.padStart(8),
    number(row.floorMs, 7),
    number(row.singleOriginMs, 7),
    bar,
  ];
  const text = cells.join(" ");
  return isColour ? styleText(styleOf(row), text, { validateStream: false }) : text;
}

function styleOf({ status, ttfbMs }: SpeedTestRow): "red" | "green" | "yellow" | "magenta" {
  if (status !== 200 || ttfbMs === null) return "red";
  if (ttfbMs < FAST_MS) return "green";
  return ttfbMs < FAIR_MS ? "yellow" : "magenta";
}

function number(value: number | null, width: number): string {
  return (value === null ? "-" : value.toFixed(1)).padStart(width);
}

function clean(text: string): string {
  return text.replace(CONTROLS, "?").slice(0, 14);
}
