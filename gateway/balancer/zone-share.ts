/**
 * How much of a gateway's traffic stays in its own zone: all of it while that zone can carry its part, and beyond that what it can
 * carry. The rules are those of `priorityLoads`, with the own zone for the first priority and all others for the second.
 *
 * A gateway sees only itself. What comes to its zone is told, or taken for an even part of what comes to the site; what the zone
 * can carry is the weight of its healthy nodes times `factorPercent`. So a zone too small for its part hands on the rest even
 * in good health (Envoy learns its part from the counts of its own cluster, which nobody tells us).
 */
import { priorityLoads } from "./priority-load.ts";

export interface ZoneOptions {
  /** So many percent of its part a zone can carry with all nodes that the part needs; 140 is Envoy's. */
  readonly factorPercent: number;
  /** Of what comes to a site, so many percent come to gateways of this zone; undefined: as much as to each other zone. */
  readonly trafficPercent: number | undefined;
  /** With fewer healthy nodes in its own zone the gateway prefers none (Envoy's `force_local_zone.min_size`). */
  readonly nodesMin: number;
}

export interface ZoneState {
  /** Zones of the site, the own one too. */
  readonly zones: number;
  readonly ownNodes: number;
  /** Weights: of healthy nodes in the own zone and in all others, and of all nodes of all others. */
  readonly own: number;
  readonly far: number;
  readonly farWhole: number;
  /** Of all nodes of the site. */
  readonly whole: number;
}

const ALL = 100;

/** Percent of the nodes' whole weight, well or not: for when all are asked. */
export function ownZoneWholePercent({ farWhole, whole }: Pick<ZoneState, "farWhole" | "whole">): number {
  return whole === 0 ? ALL : Math.trunc(((whole - farWhole) * ALL) / whole);
}

/** Percent. Where nobody is healthy anywhere no zone is: who is asked then is asked as a last resort, and any may be the one that is well. */
export function ownZonePercent(state: ZoneState, options: ZoneOptions): number {
  const { own, far, farWhole, ownNodes, whole, zones } = state;
  if (own + far === 0) return ownZoneWholePercent(state);
  if (ownNodes < options.nodesMin) return Math.trunc((own * ALL) / (own + far));
  const [part, of] = options.trafficPercent === undefined ? [1, zones] : [options.trafficPercent, ALL];
  const priorities = [
    { healthy: own * of, total: whole * part },
    { healthy: far, total: farWhole },
  ];
  return priorityLoads(priorities, options.factorPercent, 0)[0]!.load;
}
