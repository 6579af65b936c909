/**
 * Sites on the map, as large as what they serve: the filled disc is the certain share by area, the faint one around it
 * what the site serves at most. Names are set beside their discs where there is room.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Coordinates } from "#core/geography/coordinates.ts";
import { markup, Markup } from "#loadtest/report/markup.ts";
import { MAP_HEIGHT, MAP_WIDTH, placeOnMap, type MapPoint } from "./place-on-map.ts";
import { siteColour } from "./style.ts";

const LAND = new URL("land.svg", import.meta.url);
/** Radius of a site that serves everything. */
const RADIUS_ALL = 58;
const RADIUS_MIN = 3.5;
const LETTER_WIDTH = 6.4;
const LABEL_HEIGHT = 15;
const LABEL_GAP = 5;
const ROWS_TRIED = 6;

export interface MapSite {
  readonly site: string;
  readonly coordinates: Coordinates | undefined;
  /** Ratios of the whole, certain <= atMost. */
  readonly certain: number;
  readonly atMost: number;
  readonly isGone?: boolean;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface Placed extends MapSite {
  readonly index: number;
  readonly at: MapPoint;
  readonly radius: number;
}

/** Null when no site has coordinates. */
export function drawMap(sites: readonly MapSite[]): Markup | null {
  const placed = sites.flatMap((site, index): Placed[] => {
    const at = site.coordinates === undefined ? undefined : placeOnMap(site.coordinates);
    return at === undefined ? [] : [{ ...site, index, at, radius: radiusOf(site.atMost) }];
  });
  if (placed.length === 0) return null;
  // Large discs first, so that small ones are not covered.
  const order = placed.toSorted((a, b) => b.radius - a.radius);
  const taken: Box[] = [];
  const labels = order.toReversed().map((site) => drawLabel(site, taken));
  return markup`<svg class="map" viewBox="0 0 ${MAP_WIDTH} ${MAP_HEIGHT}" role="img" aria-label="${describe(placed)}">
${new Markup(land())}
${order.map(drawSite)}
${labels}
</svg>`;
}

function drawSite({ at, index, certain, atMost, isGone }: Placed): Markup {
  const [x, y] = [round(at.x), round(at.y)];
  if (isGone === true) {
    return markup`<path class="gone" d="M${x - 6} ${y - 6}L${x + 6} ${y + 6}M${x - 6} ${y + 6}L${x + 6} ${y - 6}"/>`;
  }
  const colour = siteColour(index);
  return markup`<circle class="most" cx="${x}" cy="${y}" r="${round(radiusOf(atMost))}" fill="${colour}"/>
<circle cx="${x}" cy="${y}" r="${round(radiusOf(certain))}" fill="${colour}" fill-opacity="0.85"/>`;
}

function radiusOf(ratio: number): number {
  return Math.max(RADIUS_MIN, RADIUS_ALL * Math.sqrt(ratio));
}

/** The first place around the disc that nothing covers; far from it a line leads there. */
function drawLabel(site: Placed, taken: Box[]): Markup {
  const { at, radius } = site;
  const share = shareText(site);
  const width = (site.site.length + share.length + 1) * LETTER_WIDTH;
  const reach = Math.min(radius, RADIUS_MIN * 2) + LABEL_GAP;
  for (let row = 0; row <= ROWS_TRIED; row++) {
    for (const up of row === 0 ? [0] : [1, -1]) {
      for (const isRight of [true, false]) {
        const top = at.y - LABEL_HEIGHT / 2 + up * row * LABEL_HEIGHT;
        const left = isRight ? at.x + reach : at.x - reach - width;
        const box = { left, top, right: left + width, bottom: top + LABEL_HEIGHT };
        if (left < 2 || box.right > MAP_WIDTH - 2 || top < 2 || box.bottom > MAP_HEIGHT - 2) continue;
        if (taken.some((other) => overlap(box, other))) continue;
        taken.push(box);
        return labelAt(site, share, box, isRight, row > 1);
      }
    }
  }
  return labelAt(site, share, { left: at.x, top: at.y, right: at.x, bottom: at.y }, true, false);
}

function labelAt({ at, site }: Placed, share: string, box: Box, isRight: boolean, isFar: boolean): Markup {
  const x = round(isRight ? box.left : box.right);
  const y = round(box.top + LABEL_HEIGHT - 4);
  const line = isFar
    ? markup`<line class="leader" x1="${round(at.x)}" y1="${round(at.y)}" x2="${x}" y2="${y - 4}"/>`
    : null;
  return markup`${line}<text class="label" x="${x}" y="${y}" text-anchor="${isRight ? "start" : "end"}">${site} <tspan class="share">${share}</tspan></text>`;
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function shareText({ certain, atMost, isGone }: MapSite): string {
  if (isGone === true) return "gone";
  const [low, high] = [Math.round(100 * certain), Math.round(100 * atMost)];
  return low === high ? `${low} %` : `${low}–${high} %`;
}

function describe(sites: readonly Placed[]): string {
  return `Map of sites: ${sites.map((site) => `${site.site} ${shareText(site)}`).join(", ")}`;
}

function land(): string {
  return readFileSync(fileURLToPath(LAND), "utf8");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
