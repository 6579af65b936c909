/**
 * How far ASes are from the sites, where anybody knows: vantages of the world have their times; other ASes get a place
 * from a file of the user's, and a time from the great circle to the sites' coordinates.
 */
import { UserError } from "#core/errors.ts";
import { estimateRttUs, type Coordinates } from "#core/geography/coordinates.ts";
import { RttTable } from "#sim/anycast/rtt-table.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import { whole } from "./columns.ts";
import { readAsRows } from "./csv-rows.ts";

const COLUMNS = [
  { name: "latitude", min: -90, max: 90 },
  { name: "longitude", min: -180, max: 180 },
];

/** Throws `UserError` when a file of places is given and a site has no coordinates. */
export async function openRtts(
  world: OpenWorld,
  placesFile: string | undefined,
  output: Output,
): Promise<RttTable> {
  const rtts = new RttTable(world.graph.vertexCount, world.sites.length);
  if (placesFile !== undefined) await readPlaces(world, placesFile, rtts, output);
  for (const vantage of world.vantages) {
    const known = vantage.rttUs.filter((us) => us !== undefined);
    if (known.length === world.sites.length) rtts.place(vantage.vertex, known);
  }
  return rtts;
}

/** How much of the weight has a place, for people. */
export function placedWeight(rtts: RttTable, weights: Float64Array): number {
  return rtts.placed.reduce((sum, vertex) => sum + weights[vertex]!, 0);
}

async function readPlaces(world: OpenWorld, file: string, rtts: RttTable, output: Output): Promise<void> {
  const { graph, networkCount } = world;
  const sites = world.sites.map(({ site, coordinates }): Coordinates => {
    if (coordinates !== undefined) return coordinates;
    throw new UserError("SITE_NOWHERE", `site ${site} has no coordinates, so nothing is near to it or far`, {
      hint: "write coordinates: { latitude: 40.7, longitude: -74.0 } at the site in the world file",
    });
  });
  const vertexOf = new Map<number, number>();
  for (let vertex = 0; vertex < networkCount; vertex++) vertexOf.set(graph.asn[vertex]!, vertex);
  let lines = 0;
  let unknown = 0;
  await readAsRows(file, COLUMNS, (asn, [latitude = 0, longitude = 0], line) => {
    lines += 1;
    const vertex = vertexOf.get(asn);
    if (vertex === undefined) {
      unknown += 1;
      return;
    }
    if (rtts.has(vertex)) {
      throw new UserError("ROWS_INVALID", `${file}:${line}: AS ${asn} has a place already`, {
        hint: "give each AS one place; a network that is everywhere has none",
      });
    }
    rtts.place(
      vertex,
      sites.map((site) => estimateRttUs({ latitude, longitude }, site)),
    );
  });
  if (unknown > 0)
    output.tell(`${file}: ${whole(unknown)} of ${whole(lines)} lines name ASes that the graph does not have`);
}
