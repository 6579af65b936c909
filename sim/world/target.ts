/** What a fault is aimed at: a site (all its nodes) or one node, `ny1` or `ny1-2`. */
import { UserError } from "#core/errors.ts";
import type { World } from "#sim/topology/world.ts";

export interface Target {
  readonly site: string;
  readonly nodes: readonly string[];
  /** Every node of the site is hit: with it go all paths of the site. */
  readonly isWholeSite: boolean;
}

export function nodesOfSite(site: string, nodesPerSite: number): string[] {
  return Array.from({ length: nodesPerSite }, (_, index) => `${site}-${index + 1}`);
}

export function targetNamed(name: string, world: World, nodesPerSite: number): Target {
  for (const { site } of world.sites) {
    const nodes = nodesOfSite(site, nodesPerSite);
    if (name === site) return { site, nodes, isWholeSite: true };
    if (nodes.includes(name)) return { site, nodes: [name], isWholeSite: nodesPerSite === 1 };
  }
  throw new UserError("TARGET_UNKNOWN", `there is no site or node "${name}"`, {
    hint: `sites are ${world.sites.map(({ site }) => site).join(", ")}; a node is ${world.sites[0]!.site}-1`,
  });
}
