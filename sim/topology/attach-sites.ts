/**
 * Puts anycast sites into a graph of ASes. A site either *is* an AS of the graph and announces from there, or it is a
 * router of the service's own AS, with links to the upstreams it is given. Vertices of the graph keep their numbers;
 * routers come after them.
 */
import { buildGraph, GraphError, RELATION, type AsGraph } from "./as-graph.ts";

export interface SiteAttachment {
  readonly site: string;
  /** The AS that the site is; absent where it has upstreams. */
  readonly as?: number;
  readonly upstreams?: readonly Upstream[];
  readonly prepends: number;
  readonly isNoExport: boolean;
  readonly isNoPeer?: boolean;
  readonly isBlackhole?: boolean;
}

/** `ixp` is a peer met at an exchange; routing treats both alike. */
export interface Upstream {
  readonly as: number;
  readonly kind: "transit" | "peer" | "ixp";
}

export interface AttachedSite {
  readonly site: string;
  readonly vertex: number;
  readonly prepends: number;
  readonly isNoExport: boolean;
  readonly isNoPeer: boolean;
  readonly isBlackhole: boolean;
}

export interface AttachedSites {
  readonly graph: AsGraph;
  readonly sites: readonly AttachedSite[];
}

/** Throws `GraphError`, naming the site, for an AS the graph does not have and for two sites at one AS. */
export function attachSites(
  base: AsGraph,
  originAs: number,
  attachments: readonly SiteAttachment[],
): AttachedSites {
  const vertexOf = new Map<number, number>();
  for (const [vertex, asn] of base.asn.entries()) if (!vertexOf.has(asn)) vertexOf.set(asn, vertex);
  const find = (site: string, asn: number): number => {
    const vertex = vertexOf.get(asn);
    if (vertex === undefined) throw new GraphError(`site ${site}: the graph has no AS ${asn}`);
    return vertex;
  };
  const routers: Router[] = [];
  const taken = new Map<number, string>();
  const sites = attachments.map(({ site, as, upstreams, prepends, isNoExport, ...rest }) => {
    const { isNoPeer = false, isBlackhole = false } = rest;
    let vertex: number;
    if (upstreams === undefined) {
      vertex = find(site, as!);
      const other = taken.get(vertex);
      if (other !== undefined) throw new GraphError(`sites ${other} and ${site} are both at AS ${as}`);
      taken.set(vertex, site);
    } else {
      vertex = base.vertexCount + routers.length;
      routers.push(upstreams.map((upstream) => ({ vertex: find(site, upstream.as), kind: upstream.kind })));
    }
    return { site, vertex, prepends, isNoExport, isNoPeer, isBlackhole };
  });
  return { graph: routers.length === 0 ? base : withRouters(base, originAs, routers), sites };
}

type Router = readonly { readonly vertex: number; readonly kind: Upstream["kind"] }[];

function withRouters(base: AsGraph, originAs: number, routers: readonly Router[]): AsGraph {
  const links = routers.reduce((sum, router) => sum + router.length, base.neighbors.length / 2);
  const a = new Int32Array(links);
  const b = new Int32Array(links);
  const relations = new Uint8Array(links);
  let count = 0;
  const add = (from: number, to: number, relation: number): void => {
    a[count] = from;
    b[count] = to;
    relations[count] = relation;
    count += 1;
  };
  for (let vertex = 0; vertex < base.vertexCount; vertex++) {
    for (let slot = base.offsets[vertex]!; slot < base.offsets[vertex + 1]!; slot++) {
      if (slot < base.reverse[slot]!) add(vertex, base.neighbors[slot]!, base.relations[slot]!);
    }
  }
  const asn = new Uint32Array(base.vertexCount + routers.length);
  asn.set(base.asn);
  for (const [index, router] of routers.entries()) {
    const vertex = base.vertexCount + index;
    asn[vertex] = originAs;
    for (const upstream of router) {
      add(vertex, upstream.vertex, upstream.kind === "transit" ? RELATION.provider : RELATION.peer);
    }
  }
  return buildGraph(asn, { count, a, b, relations });
}
