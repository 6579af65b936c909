/** From a world's document to a graph with its sites in it; the slow part is the graph. */
import { isAbsolute, join } from "node:path";
import { UserError } from "#core/errors.ts";
import type { Coordinates } from "#core/geography/coordinates.ts";
import { Prng } from "#core/prng.ts";
import { DAMPING_SETS } from "#sim/propagation/damping.ts";
import type { EngineOptions } from "#sim/propagation/engine.ts";
import { TIMING_SETS, type TimingName } from "#sim/propagation/timing-sets.ts";
import { GraphError, type AsGraph } from "#sim/topology/as-graph.ts";
import { attachSites, type AttachedSite } from "#sim/topology/attach-sites.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { AsRelParser } from "./as-rel-parser.ts";
import { loadAsRel } from "./load-as-rel.ts";
import { coordinatesOfSite, placeVantages, type PlacedVantage } from "./place-vantages.ts";
import type { SiteDocument, TimersDocument, WorldDocument } from "./world-document.ts";

export interface OpenWorld {
  readonly graph: AsGraph;
  /** ASes of the graph; vertices from there on are routers of the service itself. */
  readonly networkCount: number;
  readonly originAs: number;
  readonly sites: readonly PlacedSite[];
  readonly vantages: readonly PlacedVantage[];
  /** What the graph is, for a headline. */
  readonly graphName: string;
  /** Timers that the document names; undefined: the command's own. */
  readonly timers: WorldTimers | undefined;
  /** What it was made from, and where relative files of it are looked for: enough to make it again. */
  readonly document: WorldDocument;
  readonly folder: string;
  /** Path of the clients' file that the document names. */
  readonly clientsFile: string | undefined;
}

export interface WorldTimers {
  /** Of a frozen set, or `own`. */
  readonly name: string;
  readonly engine: EngineOptions;
}

export interface PlacedSite extends AttachedSite {
  readonly capacity: number | undefined;
  /** `AS 13335`, or `AS 64500 behind AS 174, AS 3356 (peer)`. */
  readonly attachment: string;
  /** For people. */
  readonly city: string | undefined;
  readonly coordinates: Coordinates | undefined;
}

/** `folder`: where a relative file of the document is looked for. */
export async function openWorld(document: WorldDocument, folder: string): Promise<OpenWorld> {
  const { originAs, sites, vantages, timers, clients } = document;
  const { graph: base, name: graphName } = await openGraph(document.graph, folder);
  try {
    const attached = attachSites(base, originAs, sites.map(attachmentOf));
    return {
      document,
      folder,
      graph: attached.graph,
      graphName,
      networkCount: base.vertexCount,
      originAs,
      sites: attached.sites.map((site, index) => ({
        ...site,
        capacity: sites[index]!.capacity,
        attachment: describe(sites[index]!, originAs),
        city: sites[index]!.city,
        coordinates: coordinatesOfSite(sites[index]!),
      })),
      vantages: placeVantages(base, vantages, sites),
      timers: timers === undefined ? undefined : timersOf(timers),
      clientsFile: clients === undefined ? undefined : pathOf(clients, folder),
    };
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    throw new UserError("WORLD_INVALID", error.message, {
      hint: `the graph (${graphName}) has ${base.vertexCount} ASes; give ASes that are in it`,
      cause: error,
    });
  }
}

async function openGraph(
  source: WorldDocument["graph"],
  folder: string,
): Promise<{ readonly graph: AsGraph; readonly name: string }> {
  if ("file" in source) return { graph: await loadAsRel(pathOf(source.file, folder)), name: source.file };
  if ("generate" in source) {
    const { ases, seed } = source.generate;
    return { graph: generateGraph(ases, new Prng(seed)), name: `generated, seed ${seed}` };
  }
  const parser = new AsRelParser("graph.links");
  parser.push(Buffer.from(source.links.join("\n")));
  return { graph: parser.end(), name: "made by hand" };
}

const US_PER_MS = 1_000;

function timersOf(timers: TimersDocument): WorldTimers {
  if (typeof timers === "string") return { name: timers, engine: TIMING_SETS[timers as TimingName] };
  const { delayMs, delayMeanMs, mraiMs, processingMs, teardownMs, damping, ...rest } = timers;
  const toUs = ([min, max]: readonly [number, number]): [number, number] => [
    Math.round(min * US_PER_MS),
    Math.round(max * US_PER_MS),
  ];
  const engine = {
    ...rest,
    delayUs: toUs(delayMs),
    mraiUs: toUs(mraiMs),
    ...(delayMeanMs === undefined ? {} : { delayMeanUs: Math.round(delayMeanMs * US_PER_MS) }),
    ...(processingMs === undefined ? {} : { processingUs: toUs(processingMs) }),
    ...(teardownMs === undefined ? {} : { teardownUs: toUs(teardownMs) }),
    ...(damping === undefined ? {} : { damping: { ...DAMPING_SETS[damping.set], percent: damping.percent } }),
  };
  return { name: "own", engine };
}

function pathOf(file: string, folder: string): string {
  return isAbsolute(file) ? file : join(folder, file);
}

function attachmentOf({
  id,
  as,
  upstreams,
  prepends,
  communities,
}: SiteDocument): Parameters<typeof attachSites>[2][number] {
  const common = {
    site: id,
    prepends,
    isNoExport: communities.includes("no-export"),
    isNoPeer: communities.includes("no-peer"),
    isBlackhole: communities.includes("blackhole"),
  };
  if (as !== undefined) return { ...common, as };
  return {
    ...common,
    upstreams: upstreams!.map((each) => (typeof each === "number" ? { as: each, kind: "transit" } : each)),
  };
}

function describe({ as, upstreams }: SiteDocument, originAs: number): string {
  if (as !== undefined) return `AS ${as}`;
  const behind = upstreams!.map((each) =>
    typeof each === "number" || each.kind === "transit"
      ? `AS ${typeof each === "number" ? each : each.as}`
      : `AS ${each.as} (${each.kind})`,
  );
  return `AS ${originAs} behind ${behind.join(", ")}`;
}
