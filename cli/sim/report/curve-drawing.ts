/**
 * What becomes of packets after a change, as stacked areas over logarithmic time: the mean of all runs, which adds up to
 * the whole at every moment, and dashed the least and the most that arrived in any run. Beside it, where a change is about
 * one of them, the share that goes through an AS or to a site, on a scale of its own.
 */
import { markup, type Markup } from "#loadtest/report/markup.ts";
import { timePlane, type CurveMoment, type TimePlane } from "./time-plane.ts";

export interface CurvePoint {
  /** Since the change began, µs; ascending. A value holds until the next point. */
  readonly atUs: number;
  readonly right: number;
  readonly wrong: number;
  readonly lost: number;
  readonly looping: number;
  /** Of all of them, those whom the change is about. */
  readonly followed?: number;
}

export interface CurveRun {
  readonly points: readonly CurvePoint[];
  /** What all of a point's fates add up to. */
  readonly total: number;
}

const FATES = ["right", "wrong", "lost", "looping"] as const;
/** Upper edges of a scale of its own, as parts of a power of ten. */
const NICE = [1, 2, 4, 10];

/** Null when there is nothing to draw. */
export function drawCurve(runs: readonly CurveRun[], moments: readonly CurveMoment[]): Markup | null {
  const drawn = drawable(runs);
  if (drawn.length === 0) return null;
  const plane = timePlane(lastUs(drawn), 1, moments);
  const { times, at } = plane;
  const samples = times.map((atUs) => FATES.map((fate) => meanOf(valuesAt(drawn, atUs, fate))));
  const bands: Markup[] = [];
  let below = samples.map(() => 0);
  for (const [index, fate] of FATES.entries()) {
    const base = below;
    const above = samples.map((sample, step) => base[step]! + sample[index]!);
    const upper = times.map((atUs, step) => at(atUs, above[step]!));
    const lower = times.map((atUs, step) => at(atUs, base[step]!)).reverse();
    bands.push(markup`<path class="${fate}" d="M${upper.join("L")}L${lower.join("L")}Z"/>`);
    below = above;
  }
  const arrived = times.map((atUs) => valuesAt(drawn, atUs, "right"));
  return plane.around(
    markup`${bands}${spreadOf(plane, arrived)}`,
    "Share of packets by what becomes of them, over time",
  );
}

/** The mean of all runs as a line, the least and the most dashed; null when nobody is ever followed. */
export function drawFollowed(
  runs: readonly CurveRun[],
  moments: readonly CurveMoment[],
  label: string,
): Markup | null {
  const drawn = drawable(runs);
  const most = Math.max(
    0,
    ...drawn.flatMap(({ points, total }) => points.map(({ followed = 0 }) => followed / total)),
  );
  if (most === 0) return null;
  const plane = timePlane(lastUs(drawn), niceAbove(most), moments);
  const { times, at } = plane;
  const values = times.map((atUs) => valuesAt(drawn, atUs, "followed"));
  const points = times.map((atUs, step) => at(atUs, meanOf(values[step]!)));
  return plane.around(
    markup`<path class="followed" d="M${points.join("L")}"/>${spreadOf(plane, values)}`,
    label,
  );
}

function drawable(runs: readonly CurveRun[]): CurveRun[] {
  return runs.filter(({ total, points }) => total > 0 && points.length > 0);
}

function lastUs(runs: readonly CurveRun[]): number {
  return Math.max(...runs.map(({ points }) => points.at(-1)!.atUs));
}

/** `values`: of each run, at each of the plane's times. */
function spreadOf({ times, at }: TimePlane, values: readonly (readonly number[])[]): Markup | null {
  if (values[0]!.length === 1) return null;
  const line = (pick: (...ratios: number[]) => number): string =>
    `M${times.map((atUs, step) => at(atUs, pick(...values[step]!))).join("L")}`;
  return markup`<path class="spread" d="${line(Math.min)}"/><path class="spread" d="${line(Math.max)}"/>`;
}

/** Of each run, its share at a moment. */
function valuesAt(
  runs: readonly CurveRun[],
  atUs: number,
  what: (typeof FATES)[number] | "followed",
): number[] {
  return runs.map(({ points, total }) => {
    const point = points.findLast((candidate) => candidate.atUs <= atUs) ?? points[0]!;
    return (point[what] ?? 0) / total;
  });
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function niceAbove(ratio: number): number {
  const power = 10 ** Math.floor(Math.log10(ratio));
  return Math.min(1, power * NICE.find((nice) => power * nice >= ratio)!);
}
