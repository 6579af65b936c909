/** A world on the wire, to and fro: what the lab hands to the simulator is plain numbers. */
import type { LiveNetwork, LiveWorld } from "#core/wire/world.ts";
import type { EngineOptions } from "#sim/propagation/engine.ts";
import { invariant } from "#core/assert.ts";
import { buildGraph, type AsGraph } from "./as-graph.ts";
import type { World } from "./world.ts";

export function networkOf(
  graph: AsGraph,
  sites: LiveNetwork["sites"],
  vantages: readonly number[],
  engine: EngineOptions,
): LiveNetwork {
  const links: number[] = [];
  for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
    for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
      // Each link once.
      if (slot < graph.reverse[slot]!) links.push(vertex, graph.neighbors[slot]!, graph.relations[slot]!);
    }
  }
  return { asn: [...graph.asn], links, sites, vantages, engine };
}

/** It begins settled: nobody who starts a lab waits for minutes of MRAI until his sites have spread. */
export function worldOf({ name, sites, vantages, network }: LiveWorld): World {
  const { links } = network;
  const column = (at: number): Int32Array =>
    Int32Array.from({ length: links.length / 3 }, (_, link) => links[3 * link + at]!);
  const siteIndex = new Map(sites.map(({ site }, index) => [site, index]));
  const rttUs = new Map(vantages.map((vantage) => [vantage.vantage, vantage.rttUs]));
  return {
    name,
    graph: buildGraph(Uint32Array.from(network.asn), {
      count: links.length / 3,
      a: column(0),
      b: column(1),
      relations: Uint8Array.from(column(2)),
    }),
    sites: sites.map(({ site }, index) => ({ site, ...network.sites[index]! })),
    vantages: vantages.map(({ vantage }, index) => ({ vantage, vertex: network.vantages[index]! })),
    // What `networkOf` was given.
    engine: network.engine as EngineOptions,
    hasSettledStart: true,
    rttUs: (vantage, site) => {
      const us = rttUs.get(vantage)?.[siteIndex.get(site) ?? -1];
      invariant(us !== undefined, `no round-trip time between ${vantage} and ${site}`);
      return us;
    },
  };
}
