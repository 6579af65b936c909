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
  const marksOf = new Map(sources.map((source) => [source.vertex, source]));
  const offers: Offer[] = [];
  for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
    const neighbor = graph.neighbors[slot]!;
    const relation = graph.relations[slot]!;
    const isKept = isKeptByCommunity(solved, marksOf, neighbor, relation);
    offers.push(offerOf(solved, vertex, neighbor, relation, isKept));
  }
  return offers.sort((x, y) => rankOf(x) - rankOf(y) || x.relation - y.relation || x.length - y.length);
}

/** NO_EXPORT and BLACKHOLE bind who hears the site itself, NOPEER everybody on the way who would tell a peer. */
function isKeptByCommunity(
  { next, site }: Catchment,
  marksOf: ReadonlyMap<number, Source>,
  neighbor: number,
  relation: number,
): boolean {
  const heardFrom = marksOf.get(next[neighbor]!);
  if (heardFrom?.isNoExport === true || heardFrom?.isBlackhole === true) return true;
  const isToPeer = relation === RELATION.peer && site[neighbor] !== neighbor;
  return isToPeer && marksOf.get(site[neighbor]!)?.isNoPeer === true;
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
  /** A community on the neighbour's route forbids to tell it. */
  isKept: boolean,
): Offer {
  const known = solved.relation[neighbor]!;
  if (known === NO_ROUTE) return { neighbor, relation, length: 0, site: NONE, verdict: "no route" };
  const length = solved.length[neighbor]! + 1;
  const offer = { neighbor, relation, length, site: solved.site[neighbor]! };
  if (pathOf(solved, neighbor).includes(vertex)) return { ...offer, verdict: "loops" };
  const isTold = !isKept && (relation === RELATION.provider || known === RELATION.customer);
  if (!isTold) return { ...offer, verdict: "not told" };
  if (solved.next[vertex] === neighbor) return { ...offer, verdict: "chosen" };
  if (relation !== solved.relation[vertex]) return { ...offer, verdict: "less preferred" };
  return { ...offer, verdict: length > solved.length[vertex]! ? "longer" : "tied" };
}
