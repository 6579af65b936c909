/**
 * Round-trip times between the vantages and the sites of the default world, in microseconds.
 *
 * Where each number comes from is part of the number:
 * - `m` measured from the vantage's city to the site's city: WonderNetwork pings between hosting centres, October and
 *   November 2018, as kept in ConsenSys/wittgenstein at fe0414c (Apache-2.0). No last mile is in them.
 * - `r` measured in the opposite direction only, or the smaller of two directions that differ by more than 25 %.
 * - `f` not measured: 14.70 ms + 0.01718 ms/km, or 252.1 ms + 0.00535 ms/km across the border of mainland China; both
 *   lines fitted by least absolute deviations on the same source (57,807 pairs).
 * - `s` measured, but more than three times the fitted line (a hoster's detour, not a carrier's path): the line is used.
 * - `c` calibrated: client and site in one city. Chosen so that 25 ms + 3 RTT is the published time to first byte.
 */
export type RttSource = "m" | "r" | "f" | "s" | "c";

/** Order of the columns below. */
const SITE_ORDER = ["ny1", "la1", "hgh1", "ctu1", "ams1", "hkg1", "szx1", "syd1", "wuh1"] as const;

const ROWS: Readonly<Record<string, readonly (readonly [us: number, source: RttSource])[]>> = {
  "new-york": [
    [3000, "c"],
    [68700, "m"],
    [291040, "m"],
    [316760, "f"],
    [84840, "m"],
    [226490, "m"],
    [289510, "m"],
    [213730, "m"],
    [316510, "f"],
  ],
  "los-angeles": [
    [68720, "m"],
    [1330, "c"],
    [229840, "m"],
    [314000, "f"],
    [135720, "m"],
    [156750, "m"],
    [191140, "r"],
    [146630, "m"],
    [310730, "f"],
  ],
  "san-francisco": [
    [73580, "m"],
    [9010, "m"],
    [285680, "m"],
    [311010, "f"],
    [153200, "m"],
    [152010, "m"],
    [252400, "m"],
    [189900, "m"],
    [307740, "f"],
  ],
  london: [
    [71000, "m"],
    [130940, "m"],
    [339010, "m"],
    [296440, "f"],
    [8350, "m"],
    [246660, "m"],
    [245280, "m"],
    [262170, "m"],
    [299580, "f"],
  ],
  frankfurt: [
    [96930, "m"],
    [141160, "m"],
    [299320, "s"],
    [293870, "f"],
    [11720, "m"],
    [200920, "m"],
    [328000, "r"],
    [303770, "m"],
    [297310, "f"],
  ],
  amsterdam: [
    [84950, "m"],
    [135720, "m"],
    [334400, "m"],
    [294570, "f"],
    [2000, "c"],
    [276860, "m"],
    [351830, "m"],
    [284770, "m"],
    [297790, "f"],
  ],
  "hong-kong": [
    [226850, "m"],
    [156890, "m"],
    [257840, "s"],
    [259400, "f"],
    [275740, "m"],
    [3000, "c"],
    [252270, "s"],
    [166160, "m"],
    [257050, "f"],
  ],
  singapore: [
    [244060, "m"],
    [172960, "m"],
    [271660, "s"],
    [269520, "f"],
    [171520, "m"],
    [34400, "m"],
    [266060, "s"],
    [92960, "m"],
    [270500, "f"],
  ],
  sydney: [
    [251940, "m"],
    [146630, "r"],
    [263420, "m"],
    [298680, "f"],
    [323500, "m"],
    [166250, "m"],
    [184850, "m"],
    [5330, "c"],
    [295680, "f"],
  ],
  shanghai: [
    [298430, "m"],
    [166410, "r"],
    [7350, "m"],
    [43210, "f"],
    [245590, "m"],
    [258670, "s"],
    [31120, "m"],
    [167570, "m"],
    [26480, "f"],
  ],
  hangzhou: [
    [291040, "r"],
    [229840, "r"],
    [2000, "c"],
    [41190, "f"],
    [334400, "r"],
    [257840, "s"],
    [32800, "f"],
    [258130, "m"],
    [24360, "f"],
  ],
  wuhan: [
    [316510, "f"],
    [310730, "f"],
    [24360, "f"],
    [31530, "f"],
    [297790, "f"],
    [257050, "f"],
    [30080, "f"],
    [295680, "f"],
    [4330, "c"],
  ],
  chengdu: [
    [316760, "f"],
    [314000, "f"],
    [41190, "f"],
    [1670, "c"],
    [294570, "f"],
    [259400, "f"],
    [37640, "f"],
    [298680, "f"],
    [31530, "f"],
  ],
  shenzhen: [
    [289510, "r"],
    [191140, "m"],
    [32800, "f"],
    [37640, "f"],
    [305840, "m"],
    [252270, "s"],
    [1000, "c"],
    [184850, "r"],
    [30080, "f"],
  ],
};

/** Round-trip time in whole microseconds between a vantage's city and a site; undefined for a pair nobody listed. */
export function rttUs(vantage: string, site: string): number | undefined {
  return entryOf(vantage, site)?.[0];
}

/** Where that number comes from. */
export function rttSource(vantage: string, site: string): RttSource | undefined {
  return entryOf(vantage, site)?.[1];
}

/** Ids of the vantages that have a row, in the order in which people are shown them. */
export function vantageIds(): string[] {
  return Object.keys(ROWS);
}

function entryOf(vantage: string, site: string): readonly [number, RttSource] | undefined {
  const column = SITE_ORDER.indexOf(site as (typeof SITE_ORDER)[number]);
  return column < 0 ? undefined : ROWS[vantage]?.[column];
}
