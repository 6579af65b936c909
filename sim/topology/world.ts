/** A world: a graph of ASes, where sites attach to it, and from where vantages look. */
import type { EngineOptions } from "#sim/propagation/engine.ts";
import type { RouteMarks } from "#sim/propagation/paths.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";

/** What its router says beside the prefix: prepends and communities. */
export interface WorldSite extends Omit<RouteMarks, "isGraceful"> {
  readonly site: string;
  readonly vertex: number;
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
  /** Sites that announce at the start have done so for long: their routes are everywhere at once. */
  readonly hasSettledStart?: boolean;
  /** Round-trip time between vantage and site, whole microseconds. */
  readonly rttUs: (vantage: string, site: string) => number;
}
