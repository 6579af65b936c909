/** Vantages of a world's document as its graph and its sites have them: the vertex of each, and how far the sites are. */
import { cityById, cityOfSite } from "#core/geography/cities.ts";
import { estimateRttUs, type Coordinates } from "#core/geography/coordinates.ts";
import { rttUs } from "#core/geography/rtt.ts";
import { GraphError, type AsGraph } from "#sim/topology/as-graph.ts";
import type { VantageDocument, SiteDocument } from "./world-document.ts";

const US_PER_MS = 1_000;

export interface PlacedVantage {
  readonly vantage: string;
  /** For people. */
  readonly city: string;
  readonly vertex: number;
  readonly as: number;
  readonly coordinates: Coordinates | undefined;
  /** Round-trip time to each site, whole µs, in the order of the sites; undefined: nobody can say. */
  readonly rttUs: readonly (number | undefined)[];
}

/** Throws `GraphError` for an AS that the graph does not have. */
export function placeVantages(
  graph: AsGraph,
  vantages: readonly VantageDocument[],
  sites: readonly SiteDocument[],
): PlacedVantage[] {
  return vantages.map((vantage) => {
    const vertex = graph.asn.indexOf(vantage.as);
    if (vertex === -1) throw new GraphError(`vantage ${vantage.id}: the graph has no AS ${vantage.as}`);
    return {
      vantage: vantage.id,
      city: vantage.city ?? cityById(vantage.id)?.name ?? vantage.id,
      vertex,
      as: vantage.as,
      coordinates: vantage.coordinates ?? cityById(vantage.id),
      rttUs: sites.map((site) => rttBetween(vantage, site)),
    };
  });
}

export function coordinatesOfSite({ id, coordinates }: SiteDocument): Coordinates | undefined {
  return coordinates ?? cityOfSite(id);
}

/** What the document says, else what was measured, else what distance suggests. */
function rttBetween(vantage: VantageDocument, site: SiteDocument): number | undefined {
  const said = vantage.rttMs[site.id];
  if (said !== undefined) return Math.round(said * US_PER_MS);
  // Whoever gives coordinates of his own means another place than the map's.
  const isOnMap = vantage.coordinates === undefined && site.coordinates === undefined;
  const measured = isOnMap ? rttUs(vantage.id, site.id) : undefined;
  if (measured !== undefined) return measured;
  const from = vantage.coordinates ?? cityById(vantage.id);
  const to = coordinatesOfSite(site);
  return from === undefined || to === undefined ? undefined : estimateRttUs(from, to);
}
