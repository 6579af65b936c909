/** Where curves of a report are drawn: logarithmic time to the right, shares upwards, moments that something happens at. */
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

export interface CurveMoment {
  readonly atUs: number;
  readonly label: string;
}

export interface TimePlane {
  /** Moments to look at, µs: evenly over the plane's width. */
  readonly times: readonly number[];
  /** `x y` of a share at a moment. */
  at(atUs: number, ratio: number): string;
  /** Axes and moments around and over what is drawn; `label` for who cannot see it. */
  around(drawn: Markup, label: string): Markup;
}

/** `topRatio`: the share at the upper edge. `lastUs`: when the last thing happens. */
export function timePlane(lastUs: number, topRatio: number, moments: readonly CurveMoment[]): TimePlane {
  const endUs = Math.max(START_US * 10, lastUs);
  const innerWidth = WIDTH - LEFT - RIGHT;
  const innerHeight = HEIGHT - TOP - BOTTOM;
  const span = Math.log(endUs / START_US);
  const x = (atUs: number): number =>
    round(LEFT + (Math.log(Math.max(atUs, START_US) / START_US) / span) * innerWidth);
  const y = (ratio: number): number => round(TOP + (1 - ratio / topRatio) * innerHeight);
  return {
    times: Array.from({ length: STEPS + 1 }, (_, step) => START_US * Math.exp((span * step) / STEPS)),
    at: (atUs, ratio) => `${x(atUs)} ${y(ratio)}`,
    around: (
      drawn,
      label,
    ) => markup`<svg class="curve" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
${drawn}
${[0, 0.25, 0.5, 0.75, 1].map((part) => {
  const ratio = part * topRatio;
  return markup`<line class="rule" x1="${LEFT - 4}" x2="${WIDTH - RIGHT}" y1="${y(ratio)}" y2="${y(ratio)}" stroke-opacity="0.5"/><text class="soft" x="${LEFT - 8}" y="${y(ratio) + 4}" text-anchor="end">${Number((100 * ratio).toPrecision(3))} %</text>`;
})}
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
</svg>`,
  };
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

export function timeText(us: number): string {
  if (us < 1e6) return `${Math.round(us / 1e3)} ms`;
  return us < 120e6 ? `${Number((us / 1e6).toPrecision(3))} s` : `${Math.round(us / 60e6)} min`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
