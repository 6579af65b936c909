/**
 * The default world: small, made by hand, deterministic. Every preference in it, in every combination of sites that are
 * up, is decided by the kind of a route or the length of its path, never by a tie-break.
 *
 *      t1-us ======= t1-eu ======= t1-ap ======= t1-cn        tier-1s, full mesh of peers
 *      /   \           |           /   \         / | \ \
 *     |   west         |          |    au       |  (a second transit hop for each but hgh1)
 *     |     |          |          |     |       |
 *   metro metro      metro      metro metro   metro …          one per site, also serves its cities
 *    ny1   la1        ams1       hkg1  syd1    hgh1 wuh1 szx1 ctu1
 *
 * All nine sites announce from AS 64500. Lengths at the tier-1s are made distinct on purpose, by a second transit hop
 * where two sites share a tier-1 and by prepending (what anycast operators do to steer), so that they order the sites
 * ny1 < la1 < ams1 < hkg1 < syd1 < hgh1 < wuh1 < szx1 < ctu1. New York falls to la1 because t1-us prefers its
 * customer's route over a peer's, although Amsterdam would be little farther.
 */
import { CITIES, SITES } from "#core/geography/cities.ts";
import { rttUs, vantageIds } from "#core/geography/rtt.ts";
import { invariant } from "#core/assert.ts";
import { GraphBuilder } from "#sim/topology/as-graph.ts";
import type { World, WorldSite, WorldVantage } from "./world.ts";

/** AS of all nine site routers. */
export const ORIGIN_AS = 64_500;
const TIER_1_AS = { "t1-us": 64_611, "t1-cn": 64_612, "t1-ap": 64_613, "t1-eu": 64_614 } as const;
const SECOND_TRANSIT_AS_FIRST = 64_621;
const METRO_AS_FIRST = 64_641;
const EYEBALL_AS_FIRST = 64_661;

interface Attachment {
  readonly tier1: keyof typeof TIER_1_AS;
  readonly hasSecondTransit: boolean;
  readonly prepends: number;
  /** Cities whose eyeball networks buy from this site's metro transit. */
  readonly cities: readonly string[];
}

const ATTACHMENTS: Readonly<Record<string, Attachment>> = {
  ny1: { tier1: "t1-us", hasSecondTransit: false, prepends: 0, cities: ["new-york"] },
  la1: { tier1: "t1-us", hasSecondTransit: true, prepends: 0, cities: ["los-angeles", "san-francisco"] },
  ams1: {
    tier1: "t1-eu",
    hasSecondTransit: false,
    prepends: 2,
    cities: ["london", "frankfurt", "amsterdam"],
  },
  hkg1: { tier1: "t1-ap", hasSecondTransit: false, prepends: 3, cities: ["hong-kong", "singapore"] },
  syd1: { tier1: "t1-ap", hasSecondTransit: true, prepends: 3, cities: ["sydney"] },
  hgh1: { tier1: "t1-cn", hasSecondTransit: false, prepends: 5, cities: ["shanghai", "hangzhou"] },
  wuh1: { tier1: "t1-cn", hasSecondTransit: true, prepends: 5, cities: ["wuhan"] },
  szx1: { tier1: "t1-cn", hasSecondTransit: true, prepends: 6, cities: ["shenzhen"] },
  ctu1: { tier1: "t1-cn", hasSecondTransit: true, prepends: 7, cities: ["chengdu"] },
};

/** A message takes this long over a session and through its receiver. */
const DELAY_US = [5_000, 40_000] as const;
const MRAI_US = [0, 1_000_000] as const;

export function defaultWorld(): World {
  const builder = new GraphBuilder();
  const tier1 = new Map<string, number>();
  for (const [name, asn] of Object.entries(TIER_1_AS)) tier1.set(name, builder.addVertex(asn));
  const all = [...tier1.values()];
  for (const [index, a] of all.entries()) for (const b of all.slice(index + 1)) builder.addPeering(a, b);

  const sites: WorldSite[] = [];
  const eyeballs = new Map<string, number>();
  for (const [index, { site }] of SITES.entries()) {
    const attachment = ATTACHMENTS[site];
    invariant(attachment !== undefined, `site ${site} attaches nowhere`);
    let upstream = tier1.get(attachment.tier1)!;
    if (attachment.hasSecondTransit) {
      const transit = builder.addVertex(SECOND_TRANSIT_AS_FIRST + index);
      builder.addTransit(upstream, transit);
      upstream = transit;
    }
    const metro = builder.addVertex(METRO_AS_FIRST + index);
    builder.addTransit(upstream, metro);
    for (const city of attachment.cities) {
      const eyeball = builder.addVertex(
        EYEBALL_AS_FIRST + CITIES.findIndex((candidate) => candidate.id === city),
      );
      builder.addTransit(metro, eyeball);
      eyeballs.set(city, eyeball);
    }
    const router = builder.addVertex(ORIGIN_AS);
    builder.addTransit(metro, router);
    sites.push({ site, vertex: router, prepends: attachment.prepends });
  }
  const vantages: WorldVantage[] = vantageIds().map((vantage) => {
    const vertex = eyeballs.get(vantage);
    invariant(vertex !== undefined, `vantage ${vantage} has no network`);
    return { vantage, vertex };
  });
  return {
    name: "default",
    graph: builder.build(),
    sites,
    vantages,
    engine: { delayUs: DELAY_US, mraiUs: MRAI_US },
    rttUs: knownRttUs,
  };
}

function knownRttUs(vantage: string, site: string): number {
  const us = rttUs(vantage, site);
  invariant(us !== undefined, `no round-trip time between ${vantage} and ${site}`);
  return us;
}
