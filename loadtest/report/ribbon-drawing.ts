/**
 * The ribbon: what clients got in the seconds around the fault, in bins of 10 ms by due time. The upper strip is all of
 * them, worst outcome on top; the lower one is the affected vantages, by who answered. A bin in which nobody asked is
 * drawn pale in the colour of the last answer, so that a low rate does not look like an outage.
 */
import type { FailoverReport, Ribbon } from "./failover-report.ts";
import { markup, type Markup } from "./markup.ts";

const WIDTH = 1130;
const LEFT = 0;
const RIGHT = 1130;
const STRIP_HEIGHT = 26;
const OUTCOME_TOP = 22;
const SOURCE_TOP = OUTCOME_TOP + STRIP_HEIGHT + 26;
const HEIGHT = SOURCE_TOP + STRIP_HEIGHT + 24;
/** Narrower than this and one failed bin among thousands could not be seen. */
const BAD_WIDTH_MIN = 2.5;
const TICKS_MAX = 12;
const TICK_STEPS_MS = [100, 250, 500, 1000, 2000, 5000];

type Outcome = "ok" | "slow" | "failed" | "idle";
type Source = "target" | "elsewhere" | "targetHeld" | "elsewhereHeld" | "nobody";

const OUTCOME_COLOURS: Readonly<Record<Outcome, string>> = {
  ok: "var(--good)",
  slow: "var(--warn)",
  failed: "var(--bad)",
  idle: "var(--faint)",
};

const SOURCE_COLOURS: Readonly<Record<Source, readonly [colour: string, opacity: number]>> = {
  target: ["var(--target)", 1],
  elsewhere: ["var(--elsewhere)", 1],
  targetHeld: ["var(--target)", 0.45],
  elsewhereHeld: ["var(--elsewhere)", 0.45],
  nobody: ["var(--faint)", 1],
};

export function drawRibbonChart(report: FailoverReport): Markup {
  const { ribbon } = report;
  const binWidth = (RIGHT - LEFT) / Math.max(1, ribbon.sent.length);
  const x = (bin: number): number => Math.round((LEFT + bin * binWidth) * 100) / 100;
  const outcomes = ribbon.sent.map((_, bin) => outcomeOf(ribbon, bin));
  const names = report.affected.length === 0 ? "nobody" : report.affected.join(", ");
  return markup`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Requests around the fault">
<text x="${LEFT}" y="${OUTCOME_TOP - 7}" font-weight="600">All clients</text>
${runsOf(outcomes, "ok", "idle").map((run) => drawRun(run, OUTCOME_TOP, x, OUTCOME_COLOURS[run.value], 0.8))}
${runsOf(outcomes, "slow").map((run) => drawBad(run, x, OUTCOME_COLOURS.slow))}
${runsOf(outcomes, "failed").map((run) => drawBad(run, x, OUTCOME_COLOURS.failed))}
<text x="${LEFT}" y="${SOURCE_TOP - 7}" font-weight="600">Who answered ${names}</text>
${runsOf(sourcesOf(ribbon)).map((run) => drawRun(run, SOURCE_TOP, x, ...SOURCE_COLOURS[run.value]))}
${drawTicks(ribbon, x)}
</svg>`;
}

function outcomeOf(ribbon: Ribbon, bin: number): Outcome {
  if (ribbon.failed[bin]! > 0) return "failed";
  if (ribbon.slow[bin]! > 0) return "slow";
  return ribbon.sent[bin]! > 0 ? "ok" : "idle";
}

function sourcesOf(ribbon: Ribbon): Source[] {
  let held: Source = "nobody";
  return ribbon.sent.map((_, bin) => {
    if (ribbon.fromTarget[bin]! > 0) {
      held = "targetHeld";
      return "target";
    }
    if (ribbon.fromOthers[bin]! > 0) {
      held = "elsewhereHeld";
      return "elsewhere";
    }
    return held;
  });
}

interface Run<T> {
  readonly value: T;
  readonly from: number;
  readonly until: number;
}

/** Neighbouring bins of one value are one rectangle; `wanted` empty: all values. */
function runsOf<T>(values: readonly T[], ...wanted: readonly T[]): Run<T>[] {
  const runs: Run<T>[] = [];
  for (let from = 0; from < values.length;) {
    let until = from + 1;
    while (until < values.length && values[until] === values[from]) until += 1;
    const value = values[from]!;
    if (wanted.length === 0 || wanted.includes(value)) runs.push({ value, from, until });
    from = until;
  }
  return runs;
}

function drawRun(
  run: Run<unknown>,
  top: number,
  x: (bin: number) => number,
  colour: string,
  opacity: number,
): Markup {
  const width = Math.round((x(run.until) - x(run.from)) * 100) / 100;
  return markup`<rect x="${x(run.from)}" y="${top}" width="${width}" height="${STRIP_HEIGHT}" fill="${colour}" fill-opacity="${opacity}"/>`;
}

function drawBad(run: Run<unknown>, x: (bin: number) => number, colour: string): Markup {
  const width = Math.max(BAD_WIDTH_MIN, x(run.until) - x(run.from));
  return markup`<rect x="${x(run.from)}" y="${OUTCOME_TOP - 3}" width="${Math.round(width * 100) / 100}" height="${STRIP_HEIGHT + 6}" fill="${colour}"/>`;
}

function drawTicks(ribbon: Ribbon, x: (bin: number) => number): Markup[] {
  const lengthMs = ribbon.sent.length * ribbon.binMs;
  const stepMs = TICK_STEPS_MS.find((step) => lengthMs / step <= TICKS_MAX) ?? TICK_STEPS_MS.at(-1)!;
  const ticks: Markup[] = [];
  for (let ms = Math.ceil(ribbon.startMs / stepMs) * stepMs; ms < ribbon.startMs + lengthMs; ms += stepMs) {
    const at = x((ms - ribbon.startMs) / ribbon.binMs);
    const anchor = at < 20 ? "start" : at > RIGHT - 30 ? "end" : "middle";
    const label = ms === 0 ? "fault" : `${ms > 0 ? "+" : "−"}${Math.abs(ms) / 1000} s`;
    ticks.push(
      markup`<line x1="${at}" y1="${OUTCOME_TOP - 4}" x2="${at}" y2="${HEIGHT - 18}" stroke="var(--ink)" stroke-opacity="${ms === 0 ? 0.9 : 0.15}"/>
<text x="${at}" y="${HEIGHT - 4}" text-anchor="${anchor}" class="soft">${label}</text>`,
    );
  }
  return ticks;
}
