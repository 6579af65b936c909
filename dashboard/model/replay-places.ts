/** Sites and vantages of a recording as the map's places: a vantage in a site's own town shares its mark. */
import type { Place } from "../../core/wire/page.ts";
import type { ReplayOpening, ReplayPlace } from "../../core/wire/replay.ts";

/** Degrees; nearer than this is the same town. */
const SAME_TOWN = 0.05;

export function placesOf({ sites, vantages }: ReplayOpening): Place[] {
  const taken = new Set<string>();
  const places = vantages.flatMap((vantage): Place[] => {
    const site = sites.find((each) => !taken.has(each.name) && isSameTown(each, vantage));
    if (site !== undefined) taken.add(site.name);
    return placed(vantage.name, site?.name ?? null, vantage);
  });
  // A site without a vantage has a name that no vantage can have.
  const others = sites
    .filter(({ name }) => !taken.has(name))
    .flatMap((site) => placed(`/${site.name}`, site.name, site));
  return [...places, ...others];
}

function placed(vantage: string, site: string | null, { latitude, longitude }: ReplayPlace): Place[] {
  return latitude === null || longitude === null ? [] : [{ vantage, site, latitude, longitude }];
}

function isSameTown(a: ReplayPlace, b: ReplayPlace): boolean {
  if (a.latitude === null || b.latitude === null) return false;
  return Math.abs(a.latitude - b.latitude) < SAME_TOWN && Math.abs(a.longitude! - b.longitude!) < SAME_TOWN;
}
