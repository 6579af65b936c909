/**
 * How much of the Internet each site serves, never as one bare number: *certain* is what reaches the site by every path
 * that is equally good, *ambiguous* what may reach it. The truth of a site lies between certain and certain + ambiguous,
 * as far as the model holds at all (14 to 35 % of real decisions are not explained by it; Anwar et al., IMC 2015).
 *
 * A site with BLACKHOLE has a share like any other, of those who hear it, but their packets are dropped on the way.
 */
import type { TiedCatchment } from "./solve.ts";
import type { Weights } from "./weights.ts";

const NO_ROUTE = 255;

export interface SiteShare {
  /** Weight that reaches this site whatever the ties. */
  certain: number;
  /** Weight that reaches this site or another one that is as good. */
  ambiguous: number;
  /** Weight that reaches it when ties fall as the solve let them. */
  chosen: number;
}

/** Weight that a neighbour with BLACKHOLE drops: by every equally good path, and by some. */
export interface Dropped {
  readonly certain: number;
  readonly atMost: number;
}

export interface Shares {
  readonly total: number;
  readonly unreachable: number;
  /** Weight of whoever has equally good paths to two sites or more. */
  readonly ambiguous: number;
  readonly dropped: Dropped;
  /** In the order of the sources. */
  readonly sites: readonly SiteShare[];
}

/** `sources` as they were solved; `siteIndex` of a source vertex is its position. */
export function measureShares(
  solved: TiedCatchment,
  sources: readonly { readonly vertex: number; readonly isBlackhole?: boolean }[],
  weights: Weights,
): Shares {
  const sites: SiteShare[] = sources.map(() => ({ certain: 0, ambiguous: 0, chosen: 0 }));
  const indexOf = new Map(sources.map(({ vertex }, index) => [vertex, index]));
  let total = 0;
  let unreachable = 0;
  let ambiguous = 0;
  const dropped = { certain: 0, atMost: 0 };
  let holes = 0;
  for (const [bit, { isBlackhole }] of sources.entries()) if (isBlackhole === true) holes |= 1 << bit;
  for (const [vertex, weight] of weights.entries()) {
    total += weight;
    if (solved.relation[vertex] === NO_ROUTE) {
      unreachable += weight;
      continue;
    }
    sites[indexOf.get(solved.site[vertex]!)!]!.chosen += weight;
    const ties = solved.ties[vertex]!;
    if ((ties & holes) !== 0 && !indexOf.has(vertex)) {
      dropped.atMost += weight;
      if ((ties & ~holes) === 0) dropped.certain += weight;
    }
    if ((ties & (ties - 1)) === 0) {
      sites[31 - Math.clz32(ties)]!.certain += weight;
      continue;
    }
    ambiguous += weight;
    for (let left = ties; left !== 0; left &= left - 1) {
      sites[31 - Math.clz32(left & -left)]!.ambiguous += weight;
    }
  }
  return { total, unreachable, ambiguous, dropped, sites };
}
