/** The places of the default world: its nine sites, its fourteen vantages, and how far they are from each other. */
import { invariant } from "../assert.ts";
import type { LivePlaces } from "../wire/world.ts";
import { CITIES, cityById, SITES } from "./cities.ts";
import { rttUs } from "./rtt.ts";

export const DEFAULT_PLACES: LivePlaces = {
  sites: SITES.map(({ site, city }) => {
    const there = cityById(city);
    invariant(there !== undefined, `site ${site} stands in a city of the map`);
    return { site, city: there.name, coordinates: there };
  }),
  vantages: CITIES.map(({ id, name, latitude, longitude }) => ({
    vantage: id,
    city: name,
    coordinates: { latitude, longitude },
    rttUs: SITES.map(({ site }) => {
      const us = rttUs(id, site);
      invariant(us !== undefined, `${id} to ${site} is known`);
      return us;
    }),
  })),
};

/** Between a vantage and a site, whole µs; undefined where one of them is not known. */
export function rttBetweenUs(
  { sites, vantages }: LivePlaces,
  vantage: string,
  site: string,
): number | undefined {
  const index = sites.findIndex((each) => each.site === site);
  return vantages.find((each) => each.vantage === vantage)?.rttUs[index];
}
