/** The latency chart as paths: windows of load in, SVG coordinates out. Pure. */
import type { LoadWindow, Mark } from "./page-state.ts";

export interface ChartFrame {
  readonly width: number;
  readonly height: number;
  /** Seconds that fit. */
  readonly seconds: number;
}

export interface Chart {
  readonly p50: string;
  readonly p99: string;
  readonly ttfb: string;
  /** x of windows in which something failed. */
  readonly failures: readonly number[];
  readonly marks: readonly { readonly x: number; readonly sort: Mark["sort"]; readonly label: string }[];
  /** Top of the scale, ms. */
  readonly maxMs: number;
  readonly gridMs: readonly number[];
}

const NS_PER_S = 1e9;
/** Ten windows a second would be a thicket: five of them make a point. */
const GROUP = 5;
const WINDOW_NS = 0.1 * NS_PER_S;
/** A line is not drawn over a longer silence. */
const GAP_NS = 0.5 * NS_PER_S;
const MAX_MS_MIN = 100;
const GRID_LINES_MAX = 4;

export function drawChart(windows: readonly LoadWindow[], marks: readonly Mark[], frame: ChartFrame): Chart {
  const endNs = windows.at(-1)?.atNs ?? 0;
  const startNs = endNs - frame.seconds * NS_PER_S;
  const shown = windows.filter(({ atNs }) => atNs >= startNs);
  const maxMs = niceMax(Math.max(MAX_MS_MIN, ...shown.map(({ p99Ms }) => p99Ms)));
  const x = (atNs: number): number => round(((atNs - startNs) / NS_PER_S / frame.seconds) * frame.width);
  const y = (ms: number): number => round(frame.height - (Math.min(ms, maxMs) / maxMs) * frame.height);
  const groups = groupsOf(shown.filter(({ ok }) => ok > 0));
  const line = (valueOf: (group: readonly LoadWindow[]) => number | undefined): string => {
    let path = "";
    let lastNs = Number.NEGATIVE_INFINITY;
    for (const group of groups) {
      const value = valueOf(group);
      if (value === undefined) continue;
      path += `${group[0]!.atNs - lastNs > GAP_NS ? "M" : "L"}${x(group.at(-1)!.atNs)} ${y(value)}`;
      lastNs = group.at(-1)!.atNs;
    }
    return path;
  };
  return {
    p50: line((group) => middle(group.map(({ p50Ms }) => p50Ms))),
    p99: line((group) => Math.max(...group.map(({ p99Ms }) => p99Ms))),
    ttfb: line((group) => middle(group.flatMap(({ ttfbMs }) => ttfbMs ?? []))),
    failures: shown.filter(({ failed }) => failed > 0).map(({ atNs }) => x(atNs)),
    marks: marks
      .filter(({ atNs }) => atNs >= startNs && atNs <= endNs)
      .map(({ atNs, sort, label }) => ({ x: x(atNs), sort, label })),
    maxMs,
    gridMs: gridOf(maxMs),
  };
}

/** By number, so that a window stays in its group while the picture moves on. */
function groupsOf(windows: readonly LoadWindow[]): LoadWindow[][] {
  const groups = new Map<number, LoadWindow[]>();
  for (const window of windows) {
    const index = Math.floor(window.atNs / (GROUP * WINDOW_NS));
    const group = groups.get(index);
    if (group === undefined) groups.set(index, [window]);
    else group.push(window);
  }
  return [...groups.values()];
}

/** The upper of the two for an even count; undefined of nothing. */
function middle(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** 1, 2 or 5 times a power of ten, not below `ms`. */
export function niceMax(ms: number): number {
  let power = 1;
  while (power * 10 < ms) power *= 10;
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((value) => value >= ms)!;
}

function gridOf(maxMs: number): number[] {
  return Array.from({ length: GRID_LINES_MAX }, (_, index) => ((index + 1) / GRID_LINES_MAX) * maxMs);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
