/**
 * A world's file as a cast can run it: some of the nine sites, because they have nodes and names, and vantages of one's
 * own, on the part of the graph that matters to them. Everything is judged before a process is started.
 *
 *     file ---> open world ---> the part above its sites and vantages ---> simulator (SimConfig.world)
 *                          '--> places: names, coordinates, round-trip times ---> lab, gateway, page, commands
 */
import { UserError } from "#core/errors.ts";
import { cityOfSite, SITES } from "#core/geography/cities.ts";
import { suggest } from "#core/suggest.ts";
import type { LiveVantage, LiveWorld } from "#core/wire/world.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { openWorld, type OpenWorld } from "#sim/load/open-world.ts";
import { networkOf } from "#sim/topology/live-world.ts";
import { relevantPart } from "#sim/topology/relevant-part.ts";
import type { Output } from "../output.ts";
import { readWorld, refuseDns } from "./open-world-of.ts";
import { timersOf } from "./timers-of.ts";

/** Throws `UserError` for a world that no cast can run. */
export async function liveWorldOf(name: string, output: Output): Promise<LiveWorld> {
  const { document, folder } = readWorld(name, output);
  refuseDns(name, document);
  const world = await openWorld(document, folder);
  const { sites, vantages } = world;
  for (const { site, isBlackhole } of sites) refuseSite(name, site, isBlackhole);
  if (vantages.length === 0) {
    throw new UserError("VANTAGES_MISSING", `${name} has no vantages: nobody would ask the gateway`, {
      hint: "write vantages into the world: an id, an AS of the graph, and rttMs or coordinates",
    });
  }
  refuseUnreachable(name, world);
  const { graph, vertexOf } = relevantPart(
    world.graph,
    sites.map(({ vertex }) => vertex),
    vantages.map(({ vertex }) => vertex),
  );
  return {
    name,
    sites: sites.map(({ site, city, coordinates }) => {
      const home = cityOfSite(site)!;
      return { site, city: city ?? home.name, coordinates: coordinates ?? home };
    }),
    vantages: vantages.map((vantage) => liveVantage(name, vantage, sites)),
    network: networkOf(
      graph,
      sites.map(({ vertex, prepends, isNoExport, isNoPeer }) => ({
        vertex: vertexOf[vertex]!,
        prepends,
        isNoExport,
        isNoPeer,
      })),
      vantages.map(({ vertex }) => vertexOf[vertex]!),
      timersOf(world, {}).engine,
    ),
  };
}

function refuseSite(name: string, site: string, isBlackhole: boolean): void {
  const known = SITES.map((each) => each.site);
  if (!known.includes(site)) {
    const near = suggest(site, known);
    throw new UserError("SITE_UNKNOWN", `${name}: no node can stand at site "${site}"`, {
      hint: near === undefined ? `name some of ${known.join(", ")}` : `did you mean "${near}"?`,
    });
  }
  if (!isBlackhole) return;
  throw new UserError(
    "SITE_BLACKHOLE",
    `${name}: site ${site} announces BLACKHOLE, so nobody would reach it`,
    {
      hint: "leave the community out to run it, or ask `anycastle sim catchment` about it",
    },
  );
}

/** A cast is ready when every vantage is served: one that nobody can serve would be waited for in vain. */
function refuseUnreachable(name: string, { graph, sites, vantages }: OpenWorld): void {
  const { site } = new CatchmentSolver(graph).solve(sites);
  const lost = vantages.find(({ vertex }) => site[vertex] === -1);
  if (lost === undefined) return;
  throw new UserError(
    "VANTAGE_LOST",
    `${name}: vantage ${lost.vantage} (AS ${lost.as}) has a route to no site`,
    {
      hint: "attach a site with a transit provider, or leave the vantage out",
    },
  );
}

function liveVantage(
  name: string,
  { vantage, city, coordinates, rttUs }: OpenWorld["vantages"][number],
  sites: OpenWorld["sites"],
): LiveVantage {
  const known = rttUs.map((us, index) => {
    if (us !== undefined) return us;
    throw new UserError(
      "RTT_UNKNOWN",
      `${name}: nobody can say how far vantage ${vantage} is from site ${sites[index]!.site}`,
      { hint: `give it coordinates, or rttMs: { ${sites[index]!.site}: 70 }` },
    );
  });
  const place =
    coordinates === undefined ? null : { latitude: coordinates.latitude, longitude: coordinates.longitude };
  return { vantage, city, coordinates: place, rttUs: known };
}
