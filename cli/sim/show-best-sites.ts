/** `anycastle sim what-if --best`: which k of the sites to open, by worst-case load and by time. */
import { nowMs } from "#core/host/clock.ts";
import { UserError } from "#core/errors.ts";
import { findBestSites, type BestSites, type SiteChoice } from "#sim/anycast/best-sites.ts";
import type { OpenWorld, PlacedSite } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import { MODEL_LIMITS, PAIR_LEGEND, percent, percentReading, printColumns, whole } from "./columns.ts";
import { openRtts, placedWeight } from "./rtts-of.ts";
import { WHAT_IF_SCHEMA } from "./what-if-schema.ts";
import type { OpenWeights } from "./weights-of.ts";

const PROGRESS_EVERY_MS = 1_000;

export async function showBestSites(
  output: Output,
  world: OpenWorld,
  { weights, unit, document }: OpenWeights,
  count: number,
  flags: { readonly places?: string; readonly json?: true },
): Promise<void> {
  const { graph, sites, graphName, networkCount } = world;
  if (count > sites.length) {
    throw new UserError("SITES_MIN", `the best ${count} of ${sites.length} sites cannot be chosen`, {
      hint: `give more sites, or ask for --best ${sites.length} or less`,
    });
  }
  const rtts = await openRtts(world, flags.places, output);
  const placed = placedWeight(rtts, weights);
  let toldMs = nowMs();
  const best = findBestSites({
    graph,
    sources: sites,
    weights,
    count,
    ...(placed > 0 ? { rtts } : {}),
    onProgress: (done) => {
      if (nowMs() - toldMs < PROGRESS_EVERY_MS) return;
      toldMs = nowMs();
      output.tell(`${whole(done)} combinations`);
    },
  });
  if (flags.json === true) {
    output.printJson({
      schema: WHAT_IF_SCHEMA,
      question: "best",
      graph: graphName,
      weight: document,
      count,
      ...documentOf(best, sites),
      placed: { ases: rtts.placed.length, weight: placed },
      modelLimits: MODEL_LIMITS,
    });
    return;
  }
  output.print(
    `The best ${count} of ${sites.length} sites; ${graphName}: ${whole(networkCount)} ASes; ${unit}`,
  );
  output.print(
    best.method === "exact"
      ? `All ${whole(best.compared)} choices were compared.`
      : `Too many to try all: choices grew by one site at a time (forward greedy), ${whole(best.compared)} were compared.`,
  );
  output.print("");
  output.print(output.paint("bold", "By worst-case load, the loss of any one of them"));
  printChoices(output, best.byLoad, best, sites);
  printLoadGap(output, best);
  output.print("");
  printTimes(output, best, sites, rtts.placed.length, placed);
  output.print("");
  output.print(PAIR_LEGEND);
  output.print(MODEL_LIMITS);
}

function printChoices(
  output: Output,
  choices: readonly SiteChoice[],
  { total }: BestSites,
  sites: readonly PlacedSite[],
): void {
  printColumns(
    output,
    "llrrr",
    ["SITES", "WORST", "CARRIES THEN", "NO ROUTE THEN", "MEAN RTT ms"],
    choices.map(({ sites: positions, worst, rtt }) => [
      positions.map((position) => sites[position]!.site).join(" "),
      worst.site === undefined
        ? "-"
        : `${sites[worst.site]!.site}${worst.lost === undefined ? "" : ` without ${sites[worst.lost]!.site}`}`,
      percentReading(worst.load, total),
      percent(worst.unreachable, total),
      rtt === undefined ? "-" : rttText(rtt),
    ]),
  );
}

function rttText({ nearestMs, farthestMs, unreachable }: NonNullable<SiteChoice["rtt"]>): string {
  if (unreachable === 1) return "no route";
  const [near, far] = [nearestMs.toFixed(1), farthestMs.toFixed(1)];
  const gap = unreachable === 0 ? "" : `, ${percent(unreachable, 1)} without a route`;
  return near === far ? `${far}${gap}` : `${near} to ${far}${gap}`;
}

function printLoadGap(output: Output, { byLoad, loadFloor, method }: BestSites): void {
  if (method === "exact") return;
  const { worst } = byLoad[0]!;
  const cost = worst.load.atMost + worst.unreachable;
  output.print(
    `No choice at all can have less than ${whole(loadFloor)} at one site: this one is at most ${percent(cost - loadFloor, loadFloor)} above the best.`,
  );
}

function printTimes(
  output: Output,
  best: BestSites,
  sites: readonly PlacedSite[],
  placedAses: number,
  placed: number,
): void {
  if (best.timeFloorMs === undefined) {
    output.print(
      "By time: no AS with clients has a place. --places names a file of them, or vantages in the world file do.",
    );
    return;
  }
  output.print(output.paint("bold", "By mean round-trip time"));
  printChoices(output, best.byTime, best, sites);
  output.print(
    `Times are those of ${whole(placedAses)} ASes that have a place (${percent(placed, best.total)} of the weight); no choice is below ${best.timeFloorMs.toFixed(1)} ms.`,
  );
}

function documentOf(best: BestSites, sites: readonly PlacedSite[]): object {
  const nameOf = (position: number | undefined): string | null =>
    position === undefined ? null : sites[position]!.site;
  const choice = ({ sites: positions, worst, rtt }: SiteChoice): object => ({
    sites: positions.map(nameOf),
    worst: { ...worst, lost: nameOf(worst.lost), site: nameOf(worst.site) },
    rtt: rtt ?? null,
  });
  return {
    method: best.method,
    compared: best.compared,
    total: best.total,
    loadFloor: best.loadFloor,
    timeFloorMs: best.timeFloorMs ?? null,
    byLoad: best.byLoad.map(choice),
    byTime: best.byTime.map(choice),
  };
}
