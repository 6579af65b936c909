/** From a world's document to a graph with its sites in it; the slow part is the graph. */
import { isAbsolute, join } from "node:path";
import { UserError } from "#core/errors.ts";
import { Prng } from "#core/prng.ts";
import { GraphError, type AsGraph } from "#sim/topology/as-graph.ts";
import { attachSites, type AttachedSite } from "#sim/topology/attach-sites.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { loadAsRel } from "./load-as-rel.ts";
import type { SiteDocument, WorldDocument } from "./world-document.ts";

export interface OpenWorld {
  readonly graph: AsGraph;
  /** ASes of the graph; vertices from there on are routers of the service itself. */
  readonly networkCount: number;
  readonly sites: readonly PlacedSite[];
  /** What the graph is, for a headline. */
  readonly graphName: string;
}

export interface PlacedSite extends AttachedSite {
  readonly capacity: number | undefined;
  /** `AS 13335`, or `AS 64500 behind AS 174, AS 3356 (peer)`. */
  readonly attachment: string;
}

/** `folder`: where a relative file of the document is looked for. */
export async function openWorld(document: WorldDocument, folder: string): Promise<OpenWorld> {
  const { graph: source, originAs, sites } = document;
  const base =
    "file" in source
      ? await loadAsRel(pathOf(source.file, folder))
      : generateGraph(source.generate.ases, new Prng(source.generate.seed));
  const graphName = "file" in source ? source.file : `generated, seed ${source.generate.seed}`;
  try {
    const attached = attachSites(base, originAs, sites.map(attachmentOf));
    return {
      graph: attached.graph,
      graphName,
      networkCount: base.vertexCount,
      sites: attached.sites.map((site, index) => ({
        ...site,
        capacity: sites[index]!.capacity,
        attachment: describe(sites[index]!, originAs),
      })),
    };
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    throw new UserError("WORLD_INVALID", error.message, {
      hint: `the graph (${graphName}) has ${base.vertexCount} ASes; give ASes that are in it`,
      cause: error,
    });
  }
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
  const isNoExport = communities.includes("no-export");
  const common = { site: id, prepends, isNoExport };
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
