/**
 * The Internet of the lab: three tier-1s in full mesh, four carriers below them, five networks of clients, and three
 * routers of one anycast service. The simulator loads it as a graph, BIRD gets a namespace, cables and filters for each.
 *
 *     64611 ===== 64612 ===== 64613 (=== 64611)      = peers, others provider above customer
 *      |    \    /   |           |
 *     64621  64624  64622 ===== 64623
 *     / |  \   / \   |  \         |  \
 *   ny 64635 64631 64634 la 64632 64633 ams
 */
import { RELATION, GraphBuilder, type AsGraph } from "#sim/topology/as-graph.ts";
import type { NamedSite } from "#sim/change/change.ts";

export const ORIGIN_AS = 64_500;
export const PREFIX = "203.0.113.0/24";

const PEERS: readonly (readonly [number, number])[] = [
  [64_611, 64_612],
  [64_611, 64_613],
  [64_612, 64_613],
  [64_622, 64_623],
];
/** Provider, customers. */
const BELOW: Readonly<Record<number, readonly number[]>> = {
  64_611: [64_621, 64_624],
  64_612: [64_622, 64_624],
  64_613: [64_623],
  64_621: [64_631, 64_635],
  64_622: [64_632, 64_635],
  64_623: [64_633],
  64_624: [64_631, 64_634],
};
/** Site, its provider, its prepends. */
const SITES = [
  { site: "ny", provider: 64_621, prepends: 0 },
  { site: "la", provider: 64_622, prepends: 0 },
  { site: "ams", provider: 64_623, prepends: 1 },
] as const;

export interface LabRouter {
  /** `as64611`, or `ny`: also what its namespace and files are called. */
  readonly name: string;
  readonly asn: number;
  readonly vertex: number;
  /** Ascending with the AS number, so that BIRD breaks ties as we do. */
  readonly routerId: string;
  readonly site?: NamedSite;
}

export interface LabLink {
  readonly index: number;
  /** Vertices; `a` is above `b`, or its peer. */
  readonly a: number;
  readonly b: number;
  readonly isPeering: boolean;
}

export interface LabTopology {
  readonly graph: AsGraph;
  /** By vertex. */
  readonly routers: readonly LabRouter[];
  readonly links: readonly LabLink[];
  readonly sites: readonly NamedSite[];
}

export function labTopology(): LabTopology {
  const builder = new GraphBuilder();
  const vertexOf = new Map<number, number>();
  const routers: LabRouter[] = [];
  const add = (name: string, asn: number, site?: NamedSite): number => {
    const vertex = builder.addVertex(asn);
    const routerId = `10.${asn >> 8}.${asn & 255}.${vertex + 1}`;
    routers.push({ name, asn, vertex, routerId, ...(site === undefined ? {} : { site }) });
    return vertex;
  };
  const asns = [...new Set(Object.entries(BELOW).flatMap(([asn, below]) => [Number(asn), ...below]))];
  for (const asn of asns.sort((x, y) => x - y)) vertexOf.set(asn, add(`as${asn}`, asn));
  const links: LabLink[] = [];
  const link = (a: number, b: number, isPeering: boolean): void => {
    if (isPeering) builder.addPeering(a, b);
    else builder.addTransit(a, b);
    links.push({ index: links.length, a, b, isPeering });
  };
  for (const [a, b] of PEERS) link(vertexOf.get(a)!, vertexOf.get(b)!, true);
  for (const [asn, below] of Object.entries(BELOW)) {
    for (const customer of below) link(vertexOf.get(Number(asn))!, vertexOf.get(customer)!, false);
  }
  const sites = SITES.map(({ site, provider, prepends }) => {
    const vertex = routers.length;
    const named = { site, vertex, prepends };
    add(site, ORIGIN_AS, named);
    link(vertexOf.get(provider)!, vertex, false);
    return named;
  });
  return { graph: builder.build(), routers, links, sites };
}

/** What the other end is to `vertex`. */
export function relationAt({ a, isPeering }: LabLink, vertex: number): number {
  if (isPeering) return RELATION.peer;
  return vertex === a ? RELATION.customer : RELATION.provider;
}

export function otherEnd({ a, b }: LabLink, vertex: number): number {
  return vertex === a ? b : a;
}

export function linkBetween({ links, routers }: LabTopology, one: string, other: string): LabLink {
  const vertices = [one, other].map((name) => routers.find((router) => router.name === name)?.vertex);
  const found = links.find(({ a, b }) => vertices.includes(a) && vertices.includes(b));
  if (found === undefined) throw new Error(`the lab has no link between ${one} and ${other}`);
  return found;
}
