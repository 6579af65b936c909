/**
 * The timeline as a drawing: one row per event, in order, on a logarithmic axis, because a detection after 3 ms and a
 * convergence after 900 ms belong on one picture.
 *
 *   label           |--o 3.1 ms                      detail
 *   label           |-----------------o 412 ms       detail
 */
import type { TimelineEntry, TimelineLane } from "./failover-report.ts";
import { formatMs } from "./format.ts";
import { markup, type Markup } from "./markup.ts";

const WIDTH = 1130;
const ROW_HEIGHT = 25;
const HEAD_HEIGHT = 26;
const AXIS_LEFT = 250;
const AXIS_RIGHT = 690;
const DETAIL_LEFT = 765;
const LABEL_CHARS_MAX = 32;
const DETAIL_CHARS_MAX = 56;
const ROWS_MAX = 48;

const LANE_COLOURS: Readonly<Record<TimelineLane, string>> = {
  fault: "var(--bad)",
  client: "var(--warn)",
  gateway: "var(--gateway)",
  network: "var(--network)",
  recovery: "var(--good)",
  box: "var(--box)",
};

export const LANE_MEANING: readonly (readonly [TimelineLane, string])[] = [
  ["fault", "fault"],
  ["client", "clients"],
  ["gateway", "gateway"],
  ["network", "network (BGP)"],
  ["recovery", "recovery"],
  ["box", "this box"],
];

export function laneColour(lane: TimelineLane): string {
  return LANE_COLOURS[lane];
}

/** `zeroMs` is where this drawing's clock starts: the order of the fault, or of the revival. */
export function drawWaterfall(entries: readonly TimelineEntry[], zeroMs: number, title: string): Markup {
  const rows = entries.slice(0, ROWS_MAX);
  const lastMs = Math.max(10, ...rows.map((entry) => entry.atMs - zeroMs));
  const decades = Math.ceil(Math.log10(1 + lastMs));
  const x = (ms: number): number =>
    AXIS_LEFT + (Math.log10(1 + Math.max(0, ms)) / decades) * (AXIS_RIGHT - AXIS_LEFT);
  const height = HEAD_HEIGHT + rows.length * ROW_HEIGHT + 6;
  return markup`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">
${drawTicks(decades, x, height)}
${rows.map((entry, index) => drawRow(entry, entry.atMs - zeroMs, HEAD_HEIGHT + (index + 0.5) * ROW_HEIGHT, x))}
</svg>`;
}

function drawTicks(decades: number, x: (ms: number) => number, height: number): Markup[] {
  const ticks = [0, ...Array.from({ length: decades + 1 }, (_, decade) => 10 ** decade)];
  return ticks
    .filter((ms) => x(ms) <= AXIS_RIGHT + 1)
    .map((ms) => {
      const at = round(x(ms));
      return markup`<line x1="${at}" y1="${HEAD_HEIGHT - 6}" x2="${at}" y2="${height - 4}" stroke="var(--line)"/>
<text x="${at}" y="12" text-anchor="middle" class="soft">${tickLabel(ms)}</text>`;
    });
}

function drawRow(entry: TimelineEntry, ms: number, y: number, x: (ms: number) => number): Markup {
  const at = round(x(ms));
  const colour = laneColour(entry.lane);
  const label = cut(entry.label, LABEL_CHARS_MAX);
  const detail = cut(entry.detail, DETAIL_CHARS_MAX);
  return markup`<g><title>${entry.label}: ${entry.detail}</title>
<text x="0" y="${y + 4}" font-size="13.5">${label}</text>
<line x1="${AXIS_LEFT}" y1="${y}" x2="${at}" y2="${y}" stroke="${colour}" stroke-opacity="0.35" stroke-width="2"/>
<circle cx="${at}" cy="${y}" r="5" fill="${colour}"/>
<text x="${at + 10}" y="${y + 4}" font-weight="600" fill="${colour}">${formatMs(ms)}</text>
<text x="${DETAIL_LEFT}" y="${y + 4}" class="soft">${detail}</text></g>
`;
}

function tickLabel(ms: number): string {
  if (ms === 0) return "0";
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

function cut(text: string, charsMax: number): string {
  const characters = Array.from(text);
  return characters.length <= charsMax ? text : `${characters.slice(0, charsMax - 1).join("")}…`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
