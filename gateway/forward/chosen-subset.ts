/** Requests that are for a subset of the nodes: how that is told, to clients and in numbers. For requests and tunnels alike. */
import type { Engine } from "./exchange.ts";
import type { RequestHead } from "../listener/request-head.ts";
import type { PathPattern } from "../routing/path-patterns.ts";
import type { FleetNode } from "./fleet.ts";

/** Numbers of the subsets that a request may be given to, the first one first; undefined: to all nodes. */
export function subsetsFor(
  { paths }: Engine,
  pattern: PathPattern | undefined,
  { client, fields, path }: RequestHead,
): readonly number[] | undefined {
  if (pattern?.subset === undefined) return undefined;
  return paths!.subsetsOf(pattern, { fields, path, address: client });
}

/** Its name; undefined: the request is for all nodes. */
export function subsetName({ config }: Engine, subsets: readonly number[] | undefined): string | undefined {
  const subset = subsets?.[0];
  return subset === undefined ? undefined : config.subsets[subset]!.id;
}

/** The node has answered: whether it is of the gateway's zone and of the subset that the request is for. */
export function tellWhere(engine: Engine, node: FleetNode, subsets: readonly number[] | undefined): void {
  const { config, fleet, telemetry } = engine;
  const { zone } = config.balancer;
  if (zone !== undefined && node.zone !== zone.id) telemetry.zoneCrossed(node.zone ?? "");
  if (subsets !== undefined && !fleet.isWithin(node.index, subsets[0]!))
    telemetry.subsetLeft(subsetName(engine, subsets)!);
}
