/**
 * The cities of the default world: where its nine sites stand and from where its fourteen vantages look.
 *
 * Coordinates are degrees (WGS 84), from the city list of ConsenSys/wittgenstein (Apache-2.0); Chengdu and Wuhan were
 * added by hand. The id of a city is also the first label of its vantage's host name (`new-york.localhost`).
 */
import type { Coordinates } from "./coordinates.ts";

export interface City extends Coordinates {
  readonly id: string;
  readonly name: string;
  readonly country: string;
}

export interface SiteLocation {
  /** Site code, as in `x-edge-route`. */
  readonly site: string;
  /** Id of the city it stands in. */
  readonly city: string;
}

export const CITIES: readonly City[] = [
  { id: "new-york", name: "New York", country: "United States", latitude: 40.7143, longitude: -74.006 },
  {
    id: "los-angeles",
    name: "Los Angeles",
    country: "United States",
    latitude: 34.0522,
    longitude: -118.2437,
  },
  {
    id: "san-francisco",
    name: "San Francisco",
    country: "United States",
    latitude: 37.7749,
    longitude: -122.4194,
  },
  { id: "london", name: "London", country: "United Kingdom", latitude: 51.5085, longitude: -0.1257 },
  { id: "frankfurt", name: "Frankfurt", country: "Germany", latitude: 50.1155, longitude: 8.6842 },
  { id: "amsterdam", name: "Amsterdam", country: "Netherlands", latitude: 52.374, longitude: 4.8897 },
  { id: "hong-kong", name: "Hong Kong", country: "Hong Kong", latitude: 22.2783, longitude: 114.1747 },
  { id: "singapore", name: "Singapore", country: "Singapore", latitude: 1.2897, longitude: 103.8501 },
  { id: "sydney", name: "Sydney", country: "Australia", latitude: -33.8678, longitude: 151.2073 },
  { id: "shanghai", name: "Shanghai", country: "China", latitude: 31.2222, longitude: 121.4581 },
  { id: "hangzhou", name: "Hangzhou", country: "China", latitude: 30.2936, longitude: 120.1614 },
  { id: "wuhan", name: "Wuhan", country: "China", latitude: 30.5928, longitude: 114.3055 },
  { id: "chengdu", name: "Chengdu", country: "China", latitude: 30.5728, longitude: 104.0668 },
  { id: "shenzhen", name: "Shenzhen", country: "China", latitude: 22.5455, longitude: 114.0683 },
];

/** The sites, in the order in which people are shown them. */
export const SITES: readonly SiteLocation[] = [
  { site: "ny1", city: "new-york" },
  { site: "la1", city: "los-angeles" },
  { site: "hgh1", city: "hangzhou" },
  { site: "ctu1", city: "chengdu" },
  { site: "ams1", city: "amsterdam" },
  { site: "hkg1", city: "hong-kong" },
  { site: "szx1", city: "shenzhen" },
  { site: "syd1", city: "sydney" },
  { site: "wuh1", city: "wuhan" },
];

export function cityById(id: string): City | undefined {
  return CITIES.find((city) => city.id === id);
}

export function cityOfSite(site: string): City | undefined {
  const location = SITES.find((candidate) => candidate.site === site);
  return location === undefined ? undefined : cityById(location.city);
}
