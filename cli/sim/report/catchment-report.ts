/** `anycastle sim catchment --html`: who reaches which site, on the map and as bars. */
import type { Shares } from "#sim/anycast/shares.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import { percent, whole } from "../columns.ts";
import { drawMap } from "./map-drawing.ts";
import { legend, section, table, type Report } from "./report-page.ts";
import { drawShareBars, rangeText } from "./share-bars.ts";

/** What reports need of a world. */
export type ReportWorld = Pick<OpenWorld, "graph" | "graphName" | "networkCount" | "sites">;

export interface CatchmentReportInput {
  readonly world: ReportWorld;
  readonly shares: Shares;
  /** What is counted: `every AS counts one`. */
  readonly unit: string;
  readonly command: string;
}

export function catchmentReport({ world, shares, unit, command }: CatchmentReportInput): Report {
  const { graph, graphName, networkCount, sites } = world;
  const { total, ambiguous, unreachable } = shares;
  const rows = sites.map((site, index) => {
    const { certain, ambiguous: maybe, chosen } = shares.sites[index]!;
    const [low, high] = [certain / total, (certain + maybe) / total];
    return { site, certain: low, atMost: high, chosen: chosen / total, weight: chosen };
  });
  const largest = rows.reduce((best, row) => (row.atMost > best.atMost ? row : best));
  const hasMap = sites.some(({ coordinates }) => coordinates !== undefined);
  return {
    title: `Catchment of ${sites.length === 1 ? "one site" : `${sites.length} sites`}`,
    subtitle: `${graphName}: ${whole(networkCount)} ASes, ${whole(graph.neighbors.length / 2)} links; ${unit}`,
    answer:
      `${largest.site.site} may serve most: ${rangeText(largest.certain, largest.atMost)}. ` +
      `${percent(ambiguous, total)} have equally good paths to two sites or more, so every share is a range: ` +
      "certain to at most.",
    tiles: [
      { name: "sites", value: whole(sites.length), note: "that announce the prefix" },
      {
        name: "certain",
        value: percent(total - ambiguous - unreachable, total),
        note: "one site, whatever the ties",
      },
      {
        name: "hang on ties",
        value: percent(ambiguous, total),
        note: "equally good paths to two sites or more",
      },
      {
        name: "no route",
        value: percent(unreachable, total),
        note: `${whole(unreachable)} of ${whole(total)}`,
        tone: unreachable > 0 ? "loss" : "zero",
      },
    ],
    sections: [
      hasMap
        ? section(
            "Where the sites are",
            "Discs by area: filled what is certain, faint what a site serves at most. Sites without coordinates are not drawn.",
            drawMap(
              rows.map(({ site, certain, atMost }) => ({
                site: site.site,
                coordinates: site.coordinates,
                certain,
                atMost,
              })),
            ),
          )
        : null,
      section(
        "Shares",
        null,
        legend([
          ["var(--site-0)", "certain"],
          [
            "color-mix(in srgb, var(--site-0) 45%, transparent)",
            "at most: equally good paths lead there too",
          ],
          ["var(--ink)", "stroke: if ties go to the lowest AS number"],
          ...(sites.some(({ capacity }) => capacity !== undefined)
            ? ([["var(--bad)", "dashed: capacity"]] as const)
            : []),
        ]),
        drawShareBars(
          rows.map(({ site, certain, atMost, chosen }) => ({
            site: site.site,
            note: attachmentOf(site),
            certain,
            atMost,
            chosen,
            ...(site.capacity === undefined ? {} : { capacity: site.capacity / total }),
          })),
        ),
      ),
      section(
        "In figures",
        null,
        table(
          "lrrrl",
          ["site", "certain", "at most", "if ties go to the lowest AS", "attached"],
          rows.map(({ site, certain, atMost, chosen, weight }) => [
            site.site,
            ratioText(certain),
            ratioText(atMost),
            `${whole(weight)} (${ratioText(chosen)})`,
            attachmentOf(site),
          ]),
        ),
      ),
    ],
    how: [
      "Solved on the graph of AS relationships: customer before peer before provider, then the shorter path; all equally good paths are followed.",
      "Where one figure is needed, a tie goes to the lowest AS number, which is a rule of this program and no fact of the Internet.",
    ],
    limits: [
      "A share counts networks, or what weights say of them; it is no measurement of traffic.",
      "Hot-potato routing inside a network, which often decides between sites, is not visible in a graph of ASes.",
    ],
    command,
  };
}

export function attachmentOf({ attachment, prepends }: OpenWorld["sites"][number]): string {
  return prepends === 0 ? attachment : `${attachment}, +${prepends} prepended`;
}

function ratioText(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}
