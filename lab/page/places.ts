/** Where the page's map has sites and vantages: a vantage in a site's own town shares its mark. */
import type { Coordinates } from "#core/geography/coordinates.ts";
import type { Place } from "#core/wire/page.ts";
import type { LivePlaces } from "#core/wire/world.ts";

/** Degrees; nearer than this is the same town. */
const SAME_TOWN = 0.05;

export function placesOf({ sites, vantages }: LivePlaces): Place[] {
  const taken = new Set<string>();
  const places = vantages.flatMap(({ vantage, coordinates }): Place[] => {
    if (coordinates === null) return [];
    const here = sites.find((each) => !taken.has(each.site) && isSameTown(each.coordinates, coordinates));
    if (here !== undefined) taken.add(here.site);
    const { latitude, longitude } = coordinates;
    return [{ vantage, site: here?.site ?? null, latitude, longitude }];
  });
  // A site without a vantage has a name that no vantage can have.
  const others = sites
    .filter(({ site }) => !taken.has(site))
    .map(({ site, coordinates: { latitude, longitude } }) => ({
      vantage: `/${site}`,
      site,
      latitude,
      longitude,
    }));
  return [...places, ...others];
}

function isSameTown(a: Coordinates, b: Coordinates): boolean {
  return Math.abs(a.latitude - b.latitude) < SAME_TOWN && Math.abs(a.longitude - b.longitude) < SAME_TOWN;
}
