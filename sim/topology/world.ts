/** A world: a graph of ASes, where sites attach to it, and from where vantages look. */
import type { EngineOptions } from "#sim/propagation/engine.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";

export interface WorldSite {
  readonly site: string;
  readonly vertex: number;
  /** How often the site's router repeats its own AS beyond the once it must. */
  readonly prepends: number;
}

export interface WorldVantage {
  readonly vantage: string;
  readonly vertex: number;
}

export interface World {
  readonly name: string;
  readonly graph: AsGraph;
  readonly sites: readonly WorldSite[];
  readonly vantages: readonly WorldVantage[];
  readonly engine: EngineOptions;
  /** Round-trip time between vantage and site, whole microseconds. */
  readonly rttUs: (vantage: string, site: string) => number;
}
