/**
 * The land of the Earth as one SVG path, from Natural Earth's 1:110 m outline (public domain, package `world-atlas`),
 * projected and rounded to a tenth of a pixel: a sixth of the size of the coordinates it is made from.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { geoPath } from "d3-geo";
import { feature } from "topojson-client";
import type { Topology } from "topojson-specification";
import { mapProjection } from "../dashboard/map/projection.ts";

export function landPath(): string {
  const file = createRequire(import.meta.url).resolve("world-atlas/land-110m.json");
  const topology = JSON.parse(readFileSync(file, "utf8")) as Topology;
  const path = geoPath(mapProjection()).digits(1)(feature(topology, topology.objects["land"]!));
  if (path === null) throw new Error("the outline of the land is empty");
  return path;
}
