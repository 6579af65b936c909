/**
 * Where a city and its name stand on the map. Cities that would cover each other (Hong Kong and Shenzhen are 30 km
 * apart) are set apart by hand, a few pixels; everything else is where the projection puts it.
 */
import type { Place } from "../../core/wire/page.ts";
import { MAP_HEIGHT, MAP_WIDTH, mapProjection } from "./projection.ts";

export interface Placed {
  readonly vantage: string;
  readonly site: string | null;
  readonly x: number;
  readonly y: number;
  readonly labelX: number;
  readonly labelY: number;
  readonly anchor: "start" | "middle" | "end";
}

interface Nudge {
  /** Of the mark. */
  readonly by?: readonly [number, number];
  /** Of the name, from the mark. */
  readonly label: readonly [number, number];
  readonly anchor: Placed["anchor"];
}

const NUDGES: Readonly<Record<string, Nudge>> = {
  "new-york": { label: [15, 4], anchor: "start" },
  "los-angeles": { label: [4, 26], anchor: "middle" },
  "san-francisco": { by: [-3, -3], label: [-8, 0], anchor: "end" },
  london: { label: [-8, 4], anchor: "end" },
  amsterdam: { label: [0, -16], anchor: "middle" },
  frankfurt: { by: [3, 4], label: [8, 9], anchor: "start" },
  hangzhou: { by: [0, 3], label: [14, 16], anchor: "start" },
  shanghai: { by: [10, -6], label: [8, 0], anchor: "start" },
  wuhan: { by: [0, -6], label: [0, -16], anchor: "middle" },
  chengdu: { label: [-15, 4], anchor: "end" },
  shenzhen: { by: [-9, -3], label: [-15, 6], anchor: "end" },
  "hong-kong": { by: [9, 7], label: [15, 9], anchor: "start" },
  singapore: { label: [9, 4], anchor: "start" },
  sydney: { label: [-15, 5], anchor: "end" },
};
/** Nobody of them covers another: each was given its place by hand. */
export function areSetByHand(places: readonly Place[]): boolean {
  return places.every(({ vantage }) => vantage in NUDGES);
}

const PLAIN: Nudge = { label: [15, 4], anchor: "start" };

export function placeOnMap(places: readonly Place[]): Placed[] {
  const project = mapProjection();
  return places.flatMap(({ vantage, site, latitude, longitude }) => {
    const point = project([longitude, latitude]);
    if (point === null) return [];
    const { by = [0, 0], label, anchor } = NUDGES[vantage] ?? PLAIN;
    const [x, y] = [point[0] + by[0], point[1] + by[1]];
    return [{ vantage, site, x, y, labelX: x + label[0], labelY: y + label[1], anchor }];
  });
}

const LABEL_HEIGHT = 13;
const LABEL_GAP = 4;
/** Beside the mark, below and above it, farther away; the first that covers no other name is taken. */
const LABEL_OFFSETS = [0, 1, -1, 2, -2, 3, -3];

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
}

/** For places that nobody set apart by hand: the same, with names that do not cover each other, where there is room. */
export function withFreeLabels(placed: readonly Placed[], reachOf: (place: Placed) => LabelReach): Placed[] {
  const taken: Box[] = placed.map((place) => markBox(place, reachOf(place).fromMark));
  return placed.map((place) => {
    const { width, fromMark } = reachOf(place);
    const choices = LABEL_OFFSETS.flatMap((row) =>
      (["start", "end"] as const).map((anchor) => {
        const labelX = place.x + (anchor === "start" ? fromMark + LABEL_GAP : -fromMark - LABEL_GAP);
        const labelY = place.y + LABEL_GAP + row * LABEL_HEIGHT;
        const left = anchor === "start" ? labelX : labelX - width;
        return { labelX, labelY, anchor, box: { left, right: left + width, top: labelY - LABEL_HEIGHT } };
      }),
    );
    const free = choices.find(({ box }) => isOnMap(box) && taken.every((other) => !covers(box, other)));
    if (free === undefined) return place;
    const { box, ...label } = free;
    taken.push(box);
    return { ...place, ...label };
  });
}

function markBox({ x, y }: Placed, radius: number): Box {
  return { left: x - radius, right: x + radius, top: y - LABEL_HEIGHT / 2 };
}

export interface LabelReach {
  readonly width: number;
  /** Radius that stays free. */
  readonly fromMark: number;
}

function covers(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && Math.abs(a.top - b.top) < LABEL_HEIGHT;
}

function isOnMap({ left, right, top }: Box): boolean {
  return left >= 0 && right <= MAP_WIDTH && top >= 0 && top + LABEL_HEIGHT <= MAP_HEIGHT;
}
