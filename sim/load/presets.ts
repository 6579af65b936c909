/**
 * The worlds that come with the product, as the documents a person could have written.
 *
 * `nine-pops` is the demo's world. `book` has the seven site codes seen in the demo's source, with `ash1`, `fra1` and
 * `sgp1` instead of the Chinese sites. The last four are one service as it grew from one server to an anycast edge, all
 * on the graph and with the cities of `nine-pops`, to play one failure on each (`anycastle sim compare`).
 */
import { CITIES, cityById, cityOfSite } from "#core/geography/cities.ts";
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { defaultWorld, ORIGIN_AS } from "#sim/topology/default-world.ts";
import type { PresetName } from "./preset-names.ts";
import type { WorldDocumentInput } from "./world-document.ts";

/** Checks of a usual balancer: every 5 s, three in a row, 2 s for an answer. */
const CHECKS = { intervalMs: 5_000, timeoutMs: 2_000, failures: 3 };
/** What CDNs that steer by DNS give out; resolvers may keep it for all of it. */
const DNS_TTL_S = 60;

export function presetDocument(name: PresetName): WorldDocumentInput {
  const nine = ninePops();
  const one = {
    ...nine,
    sites: nine.sites.filter(({ id }) => id === "ny1"),
    vantages: seeing(nine, ["ny1"]),
  };
  switch (name) {
    case "nine-pops":
      return nine;
    case "book":
      return BOOK;
    case "single":
      return { ...one, nodes: 1 };
    case "load-balancer":
      return { ...one, nodes: 2, checks: CHECKS };
    case "edge-dns":
      return { ...nine, nodes: 2, checks: CHECKS, steering: { dns: { ttlS: DNS_TTL_S } } };
    case "edge-anycast":
      return { ...nine, nodes: 2, checks: CHECKS };
  }
}

function seeing({ vantages }: WorldDocumentInput, sites: readonly string[]): WorldDocumentInput["vantages"] {
  return vantages?.map((vantage) => ({
    ...vantage,
    rttMs: Object.fromEntries(Object.entries(vantage.rttMs ?? {}).filter(([site]) => sites.includes(site))),
  }));
}

/** The demo's own world, taken apart: its routers become sites with upstreams. */
function ninePops(): WorldDocumentInput {
  const { graph, sites, vantages, engine, rttUs } = defaultWorld();
  const { asn } = graph;
  const toMs = ([min, max]: readonly [number, number]): [number, number] => [min / 1000, max / 1000];
  return {
    graph: { links: linksBetween(graph, (vertex) => asn[vertex] !== ORIGIN_AS) },
    originAs: ORIGIN_AS,
    sites: sites.map(({ site, vertex, prepends }) => ({
      id: site,
      upstreams: [...graph.neighbors.subarray(graph.offsets[vertex], graph.offsets[vertex + 1])].map(
        (each) => asn[each]!,
      ),
      prepends,
      city: cityOfSite(site)!.name,
    })),
    vantages: vantages.map(({ vantage, vertex }) => ({
      id: vantage,
      as: asn[vertex]!,
      city: cityById(vantage)!.name,
      rttMs: Object.fromEntries(sites.map(({ site }) => [site, rttUs(vantage, site) / 1000])),
    })),
    timers: { delayMs: toMs(engine.delayUs), mraiMs: toMs(engine.mraiUs) },
  };
}

/** Links among the vertices that are kept, as lines of CAIDA's form. */
function linksBetween(graph: AsGraph, isKept: (vertex: number) => boolean): string[] {
  const { vertexCount, asn, offsets, neighbors, relations } = graph;
  const lines: string[] = [];
  for (let vertex = 0; vertex < vertexCount; vertex++) {
    for (let slot = offsets[vertex]!; slot < offsets[vertex + 1]!; slot++) {
      const neighbor = neighbors[slot]!;
      if (!isKept(vertex) || !isKept(neighbor)) continue;
      if (relations[slot] === RELATION.customer) lines.push(`${asn[vertex]}|${asn[neighbor]}|-1`);
      if (relations[slot] === RELATION.peer && vertex < neighbor)
        lines.push(`${asn[vertex]}|${asn[neighbor]}|0`);
    }
  }
  return lines;
}

/** Tier-1s in full mesh. The Chinese one sells to Singapore's metro too: that is how the mainland reaches `sgp1`. */
const BOOK_TIER_1 = { us: 64_611, cn: 64_612, ap: 64_613, eu: 64_614 } as const;
const BOOK_EYEBALL_FIRST = 64_661;
/** Network of the mainland's cities: none of the seven sites stands there. */
const BOOK_MAINLAND = 64_650;

interface BookSite {
  readonly id: string;
  readonly city: string;
  readonly metro: number;
  readonly buysFrom: readonly number[];
  readonly prepends: number;
  readonly vantages: readonly string[];
}

/**
 * As in `nine-pops`, lengths are made distinct so that no tie decides: ny1 < ash1 < la1 at the American tier-1, so New
 * York falls to Ashburn, which is nearer than Los Angeles; Germany is served by Amsterdam, as in the source.
 */
const BOOK_SITES: readonly BookSite[] = [
  {
    id: "ny1",
    city: "New York",
    metro: 64_641,
    buysFrom: [BOOK_TIER_1.us],
    prepends: 0,
    vantages: ["new-york"],
  },
  { id: "ash1", city: "Ashburn", metro: 64_642, buysFrom: [BOOK_TIER_1.us], prepends: 1, vantages: [] },
  {
    id: "la1",
    city: "Los Angeles",
    metro: 64_643,
    buysFrom: [BOOK_TIER_1.us],
    prepends: 2,
    vantages: ["los-angeles", "san-francisco"],
  },
  {
    id: "ams1",
    city: "Amsterdam",
    metro: 64_644,
    buysFrom: [BOOK_TIER_1.eu],
    prepends: 3,
    vantages: ["amsterdam", "frankfurt", "london"],
  },
  { id: "fra1", city: "Frankfurt", metro: 64_645, buysFrom: [BOOK_TIER_1.eu], prepends: 4, vantages: [] },
  {
    id: "sgp1",
    city: "Singapore",
    metro: 64_646,
    buysFrom: [BOOK_TIER_1.ap, BOOK_TIER_1.cn],
    prepends: 5,
    vantages: ["hong-kong", "singapore"],
  },
  {
    id: "syd1",
    city: "Sydney",
    metro: 64_647,
    buysFrom: [BOOK_TIER_1.ap],
    prepends: 6,
    vantages: ["sydney"],
  },
];

/** Where the three sites stand that the built-in map does not have. Washington stands for Ashburn, 50 km away. */
const BOOK_COORDINATES = {
  ash1: { latitude: 38.8951, longitude: -77.0364 },
  fra1: { latitude: 50.1155, longitude: 8.6842 },
  sgp1: { latitude: 1.2897, longitude: 103.8501 },
} as const;

/**
 * Round-trip times in ms to ash1, fra1 and sgp1: same source and rules as `core/geography/rtt.ts` (pings between hosting
 * centres of October and November 2018, gaps and detours filled by the lines fitted there); in a site's own city 2 ms.
 */
const BOOK_RTT_MS: Readonly<Record<string, readonly [ash1: number, fra1: number, sgp1: number]>> = {
  "new-york": [8.18, 96.9, 244.06],
  "los-angeles": [62.2, 141.15, 172.93],
  "san-francisco": [77.07, 146.35, 173.14],
  london: [74.4, 14.52, 183.2],
  frankfurt: [92.18, 2, 164.1],
  amsterdam: [84.19, 11.68, 179.15],
  "hong-kong": [227.2, 200.98, 34.87],
  singapore: [223.35, 165.84, 2],
  sydney: [215.35, 302.67, 93.01],
  shanghai: [293.44, 299.84, 272.48],
  hangzhou: [221.28, 299.32, 271.66],
  wuhan: [317.37, 297.31, 270.5],
  chengdu: [317.85, 293.87, 269.52],
  shenzhen: [235.67, 328, 266.06],
};

function bookAs(vantage: string): number {
  return BOOK_EYEBALL_FIRST + CITIES.findIndex((city) => city.id === vantage);
}

function bookLinks(): string[] {
  const tiers = Object.values(BOOK_TIER_1);
  const mesh = tiers.flatMap((a, index) => tiers.slice(index + 1).map((b) => `${a}|${b}|0`));
  const served = BOOK_SITES.flatMap(({ vantages }) => vantages);
  const mainland = CITIES.map((city) => city.id).filter((city) => !served.includes(city));
  return [
    ...mesh,
    ...BOOK_SITES.flatMap(({ metro, buysFrom, vantages }) => [
      ...buysFrom.map((tier) => `${tier}|${metro}|-1`),
      ...vantages.map((vantage) => `${metro}|${bookAs(vantage)}|-1`),
    ]),
    `${BOOK_TIER_1.cn}|${BOOK_MAINLAND}|-1`,
    ...mainland.map((vantage) => `${BOOK_MAINLAND}|${bookAs(vantage)}|-1`),
  ];
}

const BOOK: WorldDocumentInput = {
  graph: { links: bookLinks() },
  originAs: ORIGIN_AS,
  sites: BOOK_SITES.map(({ id, metro, prepends, city }) => ({
    id,
    upstreams: [metro],
    prepends,
    city,
    ...(id in BOOK_COORDINATES && { coordinates: BOOK_COORDINATES[id as keyof typeof BOOK_COORDINATES] }),
  })),
  vantages: CITIES.map(({ id, name }) => {
    const [ash1, fra1, sgp1] = BOOK_RTT_MS[id]!;
    return { id, as: bookAs(id), city: name, rttMs: { ash1, fra1, sgp1 } };
  }),
  timers: { delayMs: [5, 40], mraiMs: [0, 1_000] },
};
