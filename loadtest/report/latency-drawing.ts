/**
 * Time to first byte over the whole run. Every answered request of the affected vantages is a dot (no average can hide
 * one); the other vantages are a median with a band up to their p99; failed requests are ticks along the top. The
 * vertical axis is logarithmic: 34 ms and 231 ms are the story, and a lone 2 s must not flatten it.
 */
import type { FailoverReport, LatencyChart } from "./failover-report.ts";
import { markup, type Markup } from "./markup.ts";

const WIDTH = 1130;
const HEIGHT = 340;
const LEFT = 52;
const RIGHT = 1120;
const TOP = 34;
const BOTTOM = 306;
const GRID_MS = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000, 20_000];
const SECOND_STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
const SECONDS_LABELLED_MAX = 14;
const MS_PER_S = 1000;
const LEVEL_LABEL_WIDTH = 120;

export interface Mark {
  readonly atMs: number;
  readonly label: string;
}

/** A measured level that deserves its figure beside the dots. */
export interface Level extends Mark {
  readonly ttfbMs: number;
}

export function drawLatencyChart(
  report: FailoverReport,
  marks: readonly Mark[],
  levels: readonly Level[],
): Markup {
  const { chart } = report;
  const [startMs, endMs] = timeRange(chart);
  const [low, high] = valueRange(chart);
  const x = (ms: number): number =>
    round(LEFT + ((ms - startMs) / Math.max(1, endMs - startMs)) * (RIGHT - LEFT));
  const y = (ms: number): number =>
    round(
      BOTTOM -
        ((Math.log(clamp(ms, low, high)) - Math.log(low)) / (Math.log(high) - Math.log(low))) *
          (BOTTOM - TOP),
    );
  return markup`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Time to first byte over the run">
${drawGrid(low, high, y)}
${drawSeconds(startMs, endMs, x)}
${drawOthers(chart.others, x, y)}
${chart.affected.map((series) => drawDots(series.atMs, series.ttfbMs, cohortColour(series.cohort), x, y))}
${drawFailures(chart.failedAtMs, x)}
${marks.map((mark) => drawMark(mark, x))}
${spreadOut(levels, x).map((level) => drawLevel(level, x, y))}
</svg>`;
}

/** Connections that are opened for each request pay the whole way; kept ones pay a third. */
export function cohortColour(cohort: string): string {
  return cohort === "fresh" ? "var(--cold)" : "var(--warm)";
}

function drawGrid(low: number, high: number, y: (ms: number) => number): Markup[] {
  return GRID_MS.filter((ms) => ms >= low && ms <= high).map((ms) => {
    const label = ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
    return markup`<line x1="${LEFT}" y1="${y(ms)}" x2="${RIGHT}" y2="${y(ms)}" stroke="var(--faint)"/>
<text x="${LEFT - 8}" y="${y(ms) + 4}" text-anchor="end" class="soft">${label}</text>`;
  });
}

function drawSeconds(startMs: number, endMs: number, x: (ms: number) => number): Markup[] {
  const rangeS = (endMs - startMs) / MS_PER_S;
  const stepS = SECOND_STEPS.find((step) => rangeS / step <= SECONDS_LABELLED_MAX) ?? SECOND_STEPS.at(-1)!;
  const ticks: Markup[] = [];
  for (
    let second = Math.ceil(startMs / MS_PER_S / stepS) * stepS;
    second * MS_PER_S <= endMs;
    second += stepS
  ) {
    const label = second === 0 ? "0 s" : `${second > 0 ? "+" : "−"}${Math.abs(second)} s`;
    ticks.push(
      markup`<text x="${x(second * MS_PER_S)}" y="${BOTTOM + 20}" text-anchor="middle" class="soft">${label}</text>`,
    );
  }
  return ticks;
}

function drawOthers(
  others: LatencyChart["others"],
  x: (ms: number) => number,
  y: (ms: number) => number,
): Markup | null {
  if (others.atMs.length === 0) return null;
  const median = others.atMs.map((ms, index) => `${x(ms)},${y(others.p50Ms[index]!)}`);
  const upper = others.atMs.map((ms, index) => `${x(ms)},${y(others.p99Ms[index]!)}`);
  const band = [...upper, ...median.toReversed()].join(" ");
  return markup`<polygon points="${band}" fill="var(--others)" fill-opacity="0.16"/>
<polyline points="${median.join(" ")}" fill="none" stroke="var(--others)" stroke-width="1.5"/>`;
}

/** Dots as one path of zero-length strokes: some ten bytes each, where a circle would be sixty. */
function drawDots(
  atMs: readonly number[],
  valueMs: readonly number[],
  colour: string,
  x: (ms: number) => number,
  y: (ms: number) => number,
): Markup {
  const path = atMs.map((ms, index) => `M${x(ms)} ${y(valueMs[index]!)}h0`).join("");
  return markup`<path d="${path}" stroke="${colour}" stroke-width="3.2" stroke-linecap="round" stroke-opacity="0.75" fill="none"/>`;
}

function drawFailures(atMs: readonly number[], x: (ms: number) => number): Markup | null {
  if (atMs.length === 0) return null;
  const path = atMs.map((ms) => `M${x(ms)} ${TOP - 8}v10`).join("");
  return markup`<path d="${path}" stroke="var(--bad)" stroke-width="1.6" fill="none"/>`;
}

function drawMark(mark: Mark, x: (ms: number) => number): Markup {
  const at = x(mark.atMs);
  const isLate = at > RIGHT - 130;
  return markup`<line x1="${at}" y1="${TOP - 12}" x2="${at}" y2="${BOTTOM}" stroke="var(--ink)" stroke-dasharray="3 4" stroke-opacity="0.6"/>
<text x="${isLate ? at - 6 : at + 6}" y="14" text-anchor="${isLate ? "end" : "start"}" font-weight="600">${mark.label}</text>`;
}

/** Of levels that would be written over each other the first stays. */
function spreadOut(levels: readonly Level[], x: (ms: number) => number): Level[] {
  const kept: Level[] = [];
  for (const level of levels) {
    const last = kept.at(-1);
    if (last === undefined || x(level.atMs) - x(last.atMs) > LEVEL_LABEL_WIDTH) kept.push(level);
  }
  return kept;
}

function drawLevel(level: Level, x: (ms: number) => number, y: (ms: number) => number): Markup {
  const at = clamp(x(level.atMs), LEFT + LEVEL_LABEL_WIDTH / 2, RIGHT - LEVEL_LABEL_WIDTH / 2);
  const above = y(level.ttfbMs) - 14;
  return markup`<text x="${at}" y="${above}" text-anchor="middle" font-size="17" font-weight="700" stroke="var(--card)" stroke-width="5" stroke-linejoin="round" paint-order="stroke">${level.label}</text>`;
}

function timeRange(chart: LatencyChart): readonly [number, number] {
  const firsts = [
    chart.others.atMs[0] ?? Infinity,
    chart.failedAtMs[0] ?? Infinity,
    ...chart.affected.map((series) => series.atMs[0] ?? Infinity),
  ];
  return [Math.min(0, ...firsts), Math.max(1, chart.endMs)];
}

function valueRange(chart: LatencyChart): readonly [number, number] {
  let low = Infinity;
  let high = 0;
  for (const values of [
    chart.others.p50Ms,
    chart.others.p99Ms,
    ...chart.affected.map((series) => series.ttfbMs),
  ]) {
    for (const value of values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (high === 0) return [10, 1000];
  return [Math.max(1, low * 0.8), Math.max(high * 1.2, low * 4)];
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
