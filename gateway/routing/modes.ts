/**
 * What a routing mode changes: the order of the sites, and whether the gateway may do better than the network.
 *
 * - `nearest`: sites by round-trip time; rescue.
 * - `anycast`: BGP's choice first, then what BGP would choose next; rescue.
 * - `anycast-only`: what the bare network gives. The site's router hashes connections over the nodes whose path
 *   stands, as ECMP routers do: hash modulo count, so a node that goes moves other nodes' connections too. No check,
 *   ejection, retry or hedge.
 */
import type { SiteRoute } from "#core/wire/catchment.ts";

export const ROUTING_MODES = ["nearest", "anycast", "anycast-only"] as const;

export type RoutingMode = (typeof ROUTING_MODES)[number];

export function orderSites(mode: RoutingMode, sites: readonly SiteRoute[]): readonly SiteRoute[] {
  if (mode !== "nearest") return sites;
  // The sort is stable: equal times keep the source's order.
  return [...sites].sort((a, b) => a.rttUs - b.rttUs);
}

/** The node an ECMP router would send this connection to; undefined when no path stands. */
export function ecmpNode(connectionHash: number, announced: readonly string[]): string | undefined {
  return announced.length === 0 ? undefined : announced[connectionHash % announced.length];
}
