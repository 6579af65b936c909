/** The line from a city to the site that serves it: a bow to the north, higher the longer it is. */
interface Point {
  readonly x: number;
  readonly y: number;
}

/** Height of the bow over its chord. */
const RISE = 0.22;
const RISE_PX_MIN = 8;

export function arcPath(from: Point, to: Point): string {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  const rise = Math.max(RISE_PX_MIN, length * RISE);
  // Perpendicular to the chord, on the side that points up.
  const side = dx < 0 ? -1 : 1;
  const middle = {
    x: (from.x + to.x) / 2 + (side * dy * rise) / (length || 1),
    y: (from.y + to.y) / 2 - (side * dx * rise) / (length || 1),
  };
  return `M${round(from.x)} ${round(from.y)}Q${round(middle.x)} ${round(middle.y)} ${round(to.x)} ${round(to.y)}`;
}

/** A piece of a circle, for one node of `count` in the ring of its site. */
export function ringSegment({ x, y }: Point, radius: number, index: number, count: number): string {
  const gap = count === 1 ? 0 : 0.5;
  const start = (index / count) * 2 * Math.PI - Math.PI / 2 + gap / 2;
  const end = ((index + 1) / count) * 2 * Math.PI - Math.PI / 2 - gap / 2 - (count === 1 ? 1e-3 : 0);
  const isLarge = end - start > Math.PI ? 1 : 0;
  return `M${at(x, radius, Math.cos(start))} ${at(y, radius, Math.sin(start))}A${radius} ${radius} 0 ${isLarge} 1 ${at(x, radius, Math.cos(end))} ${at(y, radius, Math.sin(end))}`;
}

function at(middle: number, radius: number, part: number): number {
  return round(middle + radius * part);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
