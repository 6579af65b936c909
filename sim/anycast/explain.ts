/** Why an AS goes where it goes: its path, and each offer it heard with the rule by which it lost. */
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import type { Catchment, Source } from "./solve.ts";

const NO_ROUTE = 255;
const NONE = -1;

export type Verdict =
  | "chosen"
  /** Lost by what the neighbour is: customer before peer before provider. */
  | "less preferred"
  | "longer"
  /** As good in everything that means something; the higher AS number lost. */
  | "tied"
  /** The neighbour's path leads through this AS itself. */
  | "loops"
  /** The neighbour has a route and does not tell it to this AS. */
  | "not told"
  | "no route";

export interface Offer {
  /** Vertex of the neighbour. */
  readonly neighbor: number;
  /** `RELATION` of the neighbour. */
  readonly relation: number;
  /** AS hops to the site if it were taken, prepends included; 0 without a route. */
  readonly length: number;
  /** Vertex of the site; -1 without a route. */
  readonly site: number;
  readonly verdict: Verdict;
}

/** Vertices from `vertex` to its site, both included; empty without a route. */
export function pathOf({ relation, next }: Catchment, vertex: number): number[] {
  if (relation[vertex] === NO_ROUTE) return [];
  const path = [vertex];
  for (let at = next[vertex]!; at !== NONE; at = next[at]!) path.push(at);
  return path;
}

/** All neighbours' offers, best first; a site hears itself only, and has none. `sources` as they were solved. */
export function explainChoice(
  graph: AsGraph,
  solved: Catchment,
  sources: readonly Source[],
  vertex: number,
): Offer[] {
  if (solved.site[vertex] === vertex) return [];
  const silent = new Set(sources.filter(({ isNoExport }) => isNoExport).map((source) => source.vertex));
  const offers: Offer[] = [];
  for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
    const isSilent = silent.has(solved.next[graph.neighbors[slot]!]!);
    offers.push(offerOf(solved, vertex, graph.neighbors[slot]!, graph.relations[slot]!, isSilent));
  }
  return offers.sort((x, y) => rankOf(x) - rankOf(y) || x.relation - y.relation || x.length - y.length);
}

function rankOf({ verdict }: Offer): number {
  return ORDER.indexOf(verdict);
}

const ORDER: readonly Verdict[] = [
  "chosen",
  "tied",
  "longer",
  "less preferred",
  "loops",
  "not told",
  "no route",
];

function offerOf(
  solved: Catchment,
  vertex: number,
  neighbor: number,
  relation: number,
  /** The neighbour has its route with NO_EXPORT. */
  isSilent: boolean,
): Offer {
  const known = solved.relation[neighbor]!;
  if (known === NO_ROUTE) return { neighbor, relation, length: 0, site: NONE, verdict: "no route" };
  const length = solved.length[neighbor]! + 1;
  const offer = { neighbor, relation, length, site: solved.site[neighbor]! };
  if (pathOf(solved, neighbor).includes(vertex)) return { ...offer, verdict: "loops" };
  const isTold = !isSilent && (relation === RELATION.provider || known === RELATION.customer);
  if (!isTold) return { ...offer, verdict: "not told" };
  if (solved.next[vertex] === neighbor) return { ...offer, verdict: "chosen" };
  if (relation !== solved.relation[vertex]) return { ...offer, verdict: "less preferred" };
  return { ...offer, verdict: length > solved.length[vertex]! ? "longer" : "tied" };
}
