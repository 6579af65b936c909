/**
 * What becomes of packets after a change, as stacked areas over logarithmic time: the mean of all runs, which adds up to
 * the whole at every moment, and dashed the least and the most that arrived in any run.
 */
import { markup, type Markup } from "#loadtest/report/markup.ts";

const WIDTH = 1_100;
const HEIGHT = 300;
const LEFT = 52;
const RIGHT = 18;
const TOP = 24;
const BOTTOM = 40;
const STEPS = 160;
const TICKS_US = [1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11];
const START_US = 1e4;

export interface CurvePoint {
  /** Since the change began, µs; ascending. A value holds until the next point. */
  readonly atUs: number;
  readonly right: number;
  readonly wrong: number;
  readonly lost: number;
  readonly looping: number;
}

export interface CurveRun {
  readonly points: readonly CurvePoint[];
  /** What all of a point's values add up to. */
  readonly total: number;
}

export interface CurveMoment {
  readonly atUs: number;
  readonly label: string;
}

const FATES = ["right", "wrong", "lost", "looping"] as const;
type Fate = (typeof FATES)[number];

/** Null when there is nothing to draw. */
export function drawCurve(runs: readonly CurveRun[], moments: readonly CurveMoment[]): Markup | null {
  const drawn = runs.filter(({ total, points }) => total > 0 && points.length > 0);
  if (drawn.length === 0) return null;
  const endUs = Math.max(START_US * 10, ...drawn.map(({ points }) => points.at(-1)!.atUs));
  const innerWidth = WIDTH - LEFT - RIGHT;
  const innerHeight = HEIGHT - TOP - BOTTOM;
  const span = Math.log(endUs / START_US);
  const x = (atUs: number): number =>
    round(LEFT + (Math.log(Math.max(atUs, START_US) / START_US) / span) * innerWidth);
  const y = (ratio: number): number => round(TOP + (1 - ratio) * innerHeight);
  const times = Array.from({ length: STEPS + 1 }, (_, step) => START_US * Math.exp((span * step) / STEPS));
  const samples = times.map((atUs) => sampleAt(drawn, atUs));
  const bands: Markup[] = [];
  let below = samples.map(() => 0);
  for (const fate of FATES) {
    const base = below;
    const above = samples.map((sample, step) => base[step]! + sample.mean[fate]);
    const upper = times.map((atUs, step) => `${x(atUs)} ${y(above[step]!)}`);
    const lower = times.map((atUs, step) => `${x(atUs)} ${y(base[step]!)}`).reverse();
    bands.push(markup`<path class="${fate}" d="M${upper.join("L")}L${lower.join("L")}Z"/>`);
    below = above;
  }
  const line = (valueOf: (sample: Sample) => number): string =>
    `M${times.map((atUs, step) => `${x(atUs)} ${y(valueOf(samples[step]!))}`).join("L")}`;
  return markup`<svg class="curve" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Share of packets by what becomes of them, over time">
${bands}
${
  drawn.length === 1
    ? null
    : markup`<path class="spread" d="${line(({ least }) => least)}"/><path class="spread" d="${line(({ most }) => most)}"/>`
}
${[0, 0.25, 0.5, 0.75, 1].map(
  (ratio) =>
    markup`<line class="rule" x1="${LEFT - 4}" x2="${WIDTH - RIGHT}" y1="${y(ratio)}" y2="${y(ratio)}" stroke-opacity="0.5"/><text class="soft" x="${LEFT - 8}" y="${y(ratio) + 4}" text-anchor="end">${100 * ratio} %</text>`,
)}
${TICKS_US.filter((us) => us <= endUs * 1.02).map(
  (us) =>
    markup`<line class="rule" x1="${x(us)}" x2="${x(us)}" y1="${y(0)}" y2="${y(0) + 5}"/><text class="soft" x="${x(us)}" y="${y(0) + 18}" text-anchor="middle">${timeText(us)}</text>`,
)}
${spaced(
  moments.filter(({ atUs }) => atUs <= endUs),
  x,
).map(
  ({ at, label, isLeft }) =>
    markup`<line class="moment" x1="${at}" x2="${at}" y1="${TOP - 6}" y2="${y(0)}"/><text x="${at + (isLeft ? -4 : 4)}" y="${TOP - 10}" text-anchor="${isLeft ? "end" : "start"}">${label}</text>`,
)}
<text class="soft" x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" text-anchor="end">after the change began, logarithmic</text>
</svg>`;
}

/** Labels that would cover the one before them are left out; their line stays. */
function spaced(
  moments: readonly CurveMoment[],
  x: (atUs: number) => number,
): { at: number; label: string; isLeft: boolean }[] {
  let free = -Infinity;
  return moments.map(({ atUs, label }) => {
    const at = x(atUs);
    const width = label.length * 6.4;
    const isLeft = at + width > WIDTH - RIGHT;
    const start = isLeft ? at - width : at;
    if (start < free) return { at, label: "", isLeft };
    free = start + width + 10;
    return { at, label, isLeft };
  });
}

interface Sample {
  readonly mean: Readonly<Record<Fate, number>>;
  readonly least: number;
  readonly most: number;
}

function sampleAt(runs: readonly CurveRun[], atUs: number): Sample {
  const values = runs.map(({ points, total }) => {
    const point = points.findLast((candidate) => candidate.atUs <= atUs) ?? points[0]!;
    return { point, total };
  });
  const mean = (fate: Fate): number =>
    values.reduce((sum, { point, total }) => sum + point[fate] / total, 0) / values.length;
  const arrived = values.map(({ point, total }) => point.right / total);
  return {
    mean: { right: mean("right"), wrong: mean("wrong"), lost: mean("lost"), looping: mean("looping") },
    least: Math.min(...arrived),
    most: Math.max(...arrived),
  };
}

export function timeText(us: number): string {
  if (us < 1e6) return `${Math.round(us / 1e3)} ms`;
  return us < 120e6 ? `${Number((us / 1e6).toPrecision(3))} s` : `${Math.round(us / 60e6)} min`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
