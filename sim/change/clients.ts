/** Whom a change concerns: whose packets are worth following. */
import type { Catchment } from "#sim/anycast/solve.ts";

/** Whom the site serves, by routes. The site itself needs nobody. */
export function servedBy({ site }: Catchment, vertex: number): number[] {
  const served: number[] = [];
  for (const [at, reached] of site.entries()) if (reached === vertex && at !== vertex) served.push(at);
  return served;
}

/** Who reaches another site after than before, or none, or one at last. */
export function movedBetween(before: Catchment, after: Catchment): number[] {
  return [...before.site.keys()].filter((at) => before.site[at] !== after.site[at]);
}
