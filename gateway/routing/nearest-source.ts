/**
 * Sites by distance from a vantage, for worlds that have no BGP: round-trip times listed in `core/geography`, and for
 * pairs nobody listed an estimate from the great circle. Makes the routes of a `FixedSource`; a vantage or site on no
 * map is left out.
 */
import { cityById, cityOfSite } from "#core/geography/cities.ts";
import { estimateRttUs } from "#core/geography/coordinates.ts";
import { rttUs } from "#core/geography/rtt.ts";
import type { SiteRoute } from "#core/wire/catchment.ts";

/** Nearest first; ties keep the order of `sites`. Empty when the vantage is on no map. */
export function nearestSites(vantage: string, sites: readonly string[]): SiteRoute[] {
  const routes: SiteRoute[] = [];
  for (const site of sites) {
    const us = rttUs(vantage, site) ?? estimateUs(vantage, site);
    if (us !== undefined) routes.push({ site, rttUs: us });
  }
  return routes.sort((a, b) => a.rttUs - b.rttUs);
}

function estimateUs(vantage: string, site: string): number | undefined {
  const from = cityById(vantage);
  const to = cityOfSite(site);
  if (from === undefined || to === undefined) return undefined;
  return estimateRttUs(from, to);
}
