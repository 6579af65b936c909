/**
 * Where a vantage's packets would go if the site they reach now were gone, and the next, and the next: the order in
 * which a gateway standing at the vantage should look for rescue.
 */
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { CatchmentSolver, type Source } from "./solve.ts";

export interface AnnouncedSource extends Source {
  /** Carries GRACEFUL_SHUTDOWN: comes after every site that does not. */
  readonly isGraceful: boolean;
}

/**
 * Rankings of many vantages at once, from the same announcements; site vertices, best first. A vantage without a route
 * at this moment (`first` is undefined) is ranked too: by where BGP will end, which is where rescue should look.
 */
export function rankSites(
  graph: AsGraph,
  announced: readonly AnnouncedSource[],
  vantages: readonly { readonly vertex: number; readonly first: number | undefined }[],
): number[][] {
  const solver = new CatchmentSolver(graph);
  const solved = new Map<string, Int32Array>();
  return vantages.map(({ vertex, first }) => {
    const ranking = first === undefined ? [] : [first];
    const left = announced.filter((source) => source.vertex !== first);
    while (left.length > 0) {
      const site = sitesFor(left)[vertex]!;
      if (site === -1) break;
      ranking.push(site);
      left.splice(
        left.findIndex((source) => source.vertex === site),
        1,
      );
    }
    return ranking;
  });

  function sitesFor(sources: readonly AnnouncedSource[]): Int32Array {
    const normal = sources.filter((source) => !source.isGraceful);
    const used = normal.length > 0 ? normal : sources;
    const key = used.map((source) => source.vertex).join(",");
    let sites = solved.get(key);
    if (sites === undefined) {
      // The solver writes its buffers again.
      sites = solver.solve(used).site.slice();
      solved.set(key, sites);
    }
    return sites;
  }
}
