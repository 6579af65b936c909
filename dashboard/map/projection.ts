/**
 * The map's projection: Natural Earth, turned so that Los Angeles and Sydney stand at its edges, without the poles. The
 * build draws the land with it, the page its places.
 */
import { geoNaturalEarth1, type GeoProjection } from "d3-geo";

export const MAP_WIDTH = 1_000;
export const MAP_HEIGHT = 452;

/** Degrees east that stand in the middle. */
const MIDDLE = 14;
/** Pixels per radian at the equator, by the published polynomial of the projection. */
const SCALE = 216;
const EQUATOR_Y = 280;

export function mapProjection(): GeoProjection {
  return geoNaturalEarth1()
    .rotate([-MIDDLE, 0])
    .scale(SCALE)
    .translate([MAP_WIDTH / 2, EQUATOR_Y])
    .clipExtent([
      [0, 0],
      [MAP_WIDTH, MAP_HEIGHT],
    ]);
}
