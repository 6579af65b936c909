/**
 * A bar for each site, never one bare number: solid as far as it is certain, hatched as far as it may go, with a stroke
 * where ties to the lowest AS number put it.
 */
import { markup, type Markup } from "#loadtest/report/markup.ts";
import { siteColour } from "./style.ts";

const WIDTH = 600;
const HEIGHT = 22;

export interface ShareBar {
  readonly site: string;
  readonly note: string;
  /** Ratios of the whole: certain <= chosen <= atMost. */
  readonly certain: number;
  readonly chosen: number;
  readonly atMost: number;
  /** Ratio that it can serve; absent: not known. */
  readonly capacity?: number;
}

export function drawShareBars(bars: readonly ShareBar[]): Markup {
  // All bars share a scale, which ends at the next tenth above the longest.
  const longest = Math.max(0.1, ...bars.map(({ atMost, capacity = 0 }) => Math.max(atMost, capacity)));
  const scale = WIDTH / (Math.ceil(Math.min(1, longest) * 10) / 10);
  return markup`<div class="bars">${bars.map((bar, index) => drawBar(bar, index, scale))}</div>`;
}

function drawBar(
  { site, note, certain, chosen, atMost, capacity }: ShareBar,
  index: number,
  scale: number,
): Markup {
  const colour = siteColour(index);
  const x = (ratio: number): number => Math.round(ratio * scale * 10) / 10;
  const isOver = capacity !== undefined && atMost > capacity;
  return markup`<div class="name">${site}<small>${note}</small></div>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${site}: ${rangeText(certain, atMost)}">
<defs><pattern id="tie-${index}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="${colour}" fill-opacity="0.22"/><rect width="2.4" height="6" fill="${colour}" fill-opacity="0.75"/></pattern></defs>
<rect class="rule" width="${WIDTH}" height="${HEIGHT}" fill="none"/>
<rect x="${x(certain)}" y="2" width="${x(Math.max(0, atMost - certain))}" height="18" fill="url(#tie-${index})"/>
<rect y="2" width="${x(certain)}" height="18" fill="${colour}"/>
${
  atMost === 0
    ? null
    : markup`<line x1="${x(chosen)}" x2="${x(chosen)}" y1="0" y2="${HEIGHT}" stroke="var(--ink)" stroke-width="2"/>`
}
${
  capacity === undefined
    ? null
    : markup`<line x1="${x(capacity)}" x2="${x(capacity)}" y1="0" y2="${HEIGHT}" stroke="var(--bad)" stroke-width="2.5" stroke-dasharray="4 2"/>`
}
</svg>
<div class="range ${isOver ? "mark missed" : ""}">${rangeText(certain, atMost)}</div>
`;
}

export function rangeText(certain: number, atMost: number): string {
  const text = (ratio: number): string => (100 * ratio).toFixed(1);
  return text(certain) === text(atMost) ? `${text(certain)} %` : `${text(certain)} – ${text(atMost)} %`;
}
