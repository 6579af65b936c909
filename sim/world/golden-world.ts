/** The default world without faults, as the solver sees it: who is served from where, and how fast when cold. */
import { cityOfSite } from "#core/geography/cities.ts";
import { rttUs, vantageIds } from "#core/geography/rtt.ts";
import { UserError } from "#core/errors.ts";
import { solveCatchment } from "#sim/anycast/solve.ts";
import { defaultWorld } from "#sim/topology/default-world.ts";
import type { World } from "#sim/topology/world.ts";
import { coldTtfbUs } from "#sim/wan/latency-law.ts";

/** Time a page takes to make at a node of the demo. */
export const THINK_TIME_MS = 25;
const US_PER_MS = 1000;

export interface SolvedWorld {
  /** Site that serves each vantage while all are up. */
  readonly home: ReadonlyMap<string, string>;
  /** Time to first byte of a cold request in ms, computed: think time + 3 round trips. */
  coldTtfbMs(vantage: string, site: string): number;
}

export function goldenWorld(): SolvedWorld {
  const world = defaultWorld();
  const home = new Map<string, string>();
  for (const [vantage, site] of reachedWith(world, () => true)) if (site !== null) home.set(vantage, site);
  return { home, coldTtfbMs };
}

/** The site each vantage reaches once BGP has come to rest with only these sites announced; null: none. */
export function reachedWith(world: World, isUp: (site: string) => boolean): Map<string, string | null> {
  const { site } = solveCatchment(
    world.graph,
    world.sites.filter((candidate) => isUp(candidate.site)),
  );
  const nameOf = new Map(world.sites.map((known) => [known.vertex, known.site]));
  return new Map(world.vantages.map(({ vantage, vertex }) => [vantage, nameOf.get(site[vertex]!) ?? null]));
}

export function coldTtfbMs(vantage: string, site: string): number {
  const us = rttUs(vantage, site);
  if (us !== undefined) return coldTtfbUs(THINK_TIME_MS * US_PER_MS, us) / US_PER_MS;
  if (cityOfSite(site) === undefined) throw new UserError("SITE_UNKNOWN", `there is no site "${site}"`);
  throw new UserError("VANTAGE_UNKNOWN", `there is no vantage "${vantage}"`, {
    hint: `vantages are ${vantageIds().join(", ")}`,
  });
}
