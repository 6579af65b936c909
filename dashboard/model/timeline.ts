/** The timeline of a recording as paths: what becomes of packets over time, stacked. Pure. */
import type { ReplayMoment, ReplayOpening } from "../../core/wire/replay.ts";

export const FATES = ["right", "wrong", "lost", "looping"] as const;
export type Fate = (typeof FATES)[number];

export interface Frame {
  readonly width: number;
  readonly height: number;
}

export interface Timeline {
  readonly bands: readonly { readonly fate: Fate; readonly path: string }[];
  readonly marks: readonly TimelineMark[];
  readonly ticks: readonly { readonly x: number; readonly seconds: number }[];
}

export interface TimelineMark {
  readonly x: number;
  readonly label: string;
  readonly anchor: "start" | "end";
  /** 0 is the row next to the curve. */
  readonly row: number;
}

const LETTER_WIDTH = 7;
const LABEL_GAP = 10;
const ROWS_MAX = 3;
const TICKS_MAX = 8;
const US_PER_S = 1e6;

/** Each value of the curve holds until the next. */
export function drawTimeline({ curve, endUs, affected, moments }: ReplayOpening, frame: Frame): Timeline {
  const x = (us: number): number => round((us / Math.max(1, endUs)) * frame.width);
  const y = (count: number): number => round(frame.height * (1 - count / Math.max(1, affected)));
  let below = curve.map(() => 0);
  const bands = FATES.map((fate) => {
    const base = below;
    below = curve.map((point, index) => base[index]! + point[fate]);
    const upper = steps(curve.map(({ atUs }, index) => [x(atUs), y(below[index]!)] as const));
    const lower = steps(curve.map(({ atUs }, index) => [x(atUs), y(base[index]!)] as const)).reverse();
    return { fate, path: `M${[...upper, ...lower].map((point) => point.join(" ")).join("L")}Z` };
  });
  return {
    bands,
    marks: marksOf(moments, x, frame.width),
    ticks: ticksOf(endUs).map((us) => ({ x: x(us), seconds: us / US_PER_S })),
  };
}

/** Names that would cover each other stand in rows; beyond the last row a mark has a line and no name. */
function marksOf(moments: readonly ReplayMoment[], x: (us: number) => number, width: number): TimelineMark[] {
  const freeFrom = Array.from({ length: ROWS_MAX }, () => Number.NEGATIVE_INFINITY);
  return moments.flatMap((moment): TimelineMark[] => {
    if (moment.sort !== "act") return [];
    const at = x(moment.atUs);
    const labelWidth = moment.what.length * LETTER_WIDTH;
    const anchor = at + labelWidth > width ? "end" : "start";
    const left = anchor === "start" ? at : at - labelWidth;
    const row = freeFrom.findIndex((free) => free <= left);
    if (row === -1) return [{ x: at, label: "", anchor, row: 0 }];
    freeFrom[row] = left + labelWidth + LABEL_GAP;
    return [{ x: at, label: moment.what, anchor, row }];
  });
}

type Point = readonly [x: number, y: number];

function steps(points: readonly Point[]): Point[] {
  return points.flatMap((point, index): Point[] => {
    const before = points[index - 1];
    return before === undefined || before[1] === point[1] ? [point] : [[point[0], before[1]], point];
  });
}

function ticksOf(endUs: number): number[] {
  let step = 1_000;
  const factors = [2, 2.5, 2];
  for (let index = 0; endUs / step > TICKS_MAX; index++) step *= factors[index % factors.length]!;
  return Array.from({ length: Math.floor(endUs / step) + 1 }, (_, index) => index * step);
}

/** Position of the last moment that has happened; -1 before the first. */
export function lastMoment(moments: readonly ReplayMoment[], atUs: number): number {
  return moments.findLastIndex((moment) => moment.atUs <= atUs);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
