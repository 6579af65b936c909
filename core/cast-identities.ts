/**
 * Who is who in BGP when nobody says otherwise: AS numbers, BGP identifiers and next hops of the default world's
 * routers and nodes. A lab uses them, and `anycastle sim serve` expects them, so that nodes started by hand fit.
 */

/** AS of the service at all nine routers, of RFC 6996's 16-bit private range. */
export const ROUTER_AS = 64_500;
/** Documentation prefix (RFC 5737). */
export const SERVICE_PREFIX = "203.0.113.0/24";
/** The first node's AS; of RFC 6996's 32-bit private range, so that every session needs 4-octet AS numbers. */
const NODE_AS_FIRST = 4_200_000_001;
const NEXT_HOP_FIRST = 1;

export interface NodeIdentity {
  readonly node: string;
  readonly as: number;
  /** BGP identifier, dotted quad. */
  readonly bgpId: string;
  readonly nextHop: string;
}

/** `siteIndex` counts the sites of `core/geography/cities.ts`, `index` the nodes of one site; both from 0. */
export function nodeIdentity(
  site: string,
  siteIndex: number,
  index: number,
  nodesPerSite: number,
): NodeIdentity {
  const ordinal = siteIndex * nodesPerSite + index;
  return {
    node: `${site}-${index + 1}`,
    as: NODE_AS_FIRST + ordinal,
    bgpId: `10.1.${siteIndex + 1}.${index + 1}`,
    nextHop: `203.0.113.${NEXT_HOP_FIRST + ordinal}`,
  };
}

export function routerBgpId(siteIndex: number): string {
  return `10.0.0.${siteIndex + 1}`;
}
