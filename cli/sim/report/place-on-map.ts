/**
 * Where coordinates stand on the report's map: the Natural Earth projection (Patterson, Jenny, Kelso; polynomials of
 * Šavrič et al. 2011), with the middle, scale and cut of the dashboard's map, whose outline the report shows too.
 */
import type { Coordinates } from "#core/geography/coordinates.ts";

export const MAP_WIDTH = 1_000;
export const MAP_HEIGHT = 452;
/** Degrees east in the middle, pixels per radian, and where the equator lies. */
const MIDDLE = 14;
const SCALE = 216;
const EQUATOR_Y = 280;

export interface MapPoint {
  readonly x: number;
  readonly y: number;
}

/** Undefined: beyond the edge, where the map is cut at the poles. */
export function placeOnMap({ latitude, longitude }: Coordinates): MapPoint | undefined {
  const turned = ((((longitude - MIDDLE + 180) % 360) + 360) % 360) - 180;
  const [lambda, phi] = [(turned * Math.PI) / 180, (latitude * Math.PI) / 180];
  const phi2 = phi * phi;
  const phi4 = phi2 * phi2;
  const wide = 0.8707 - 0.131979 * phi2 + phi4 * (-0.013791 + phi4 * (0.003971 * phi2 - 0.001529 * phi4));
  const high = 1.007226 + phi2 * (0.015085 + phi4 * (-0.044475 + 0.028874 * phi2 - 0.005916 * phi4));
  const x = MAP_WIDTH / 2 + SCALE * lambda * wide;
  const y = EQUATOR_Y - SCALE * phi * high;
  return x < 0 || x > MAP_WIDTH || y < 0 || y > MAP_HEIGHT ? undefined : { x, y };
}
