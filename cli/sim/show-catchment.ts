/**
 * `anycastle sim catchment`: for each site the share that is certain and the share that hangs on ties, and what comes
 * out when ties fall by a rule. The rules in their order: a site's own list of upstreams makes it a router with paths
 * of its own; then, when asked, hot potato; then the lowest AS number.
 */
import { nowMs } from "#core/host/clock.ts";
import { measureShares, type Shares } from "#sim/anycast/shares.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import type { OpenWorld, PlacedSite } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { CatchmentFlags } from "./ask-catchment.ts";
import { MODEL_LIMITS, percent, percentPair, printColumns, whole } from "./columns.ts";
import { openWorldOf } from "./open-world-of.ts";
import { catchmentReport } from "./report/catchment-report.ts";
import { commandLine } from "./report/command-line.ts";
import { renderReport } from "./report/report-page.ts";
import { openRtts, placedWeight } from "./rtts-of.ts";
import { openWeights, type OpenWeights } from "./weights-of.ts";
import { writeWhole } from "./write-whole.ts";

const SCHEMA = "anycastle.sim-catchment/v1";

interface Answer {
  readonly world: OpenWorld;
  readonly measured: OpenWeights;
  /** Ties to the lowest AS number. */
  readonly lowest: Shares;
  readonly hotPotato:
    | { readonly shares: Shares; readonly placedAses: number; readonly placed: number }
    | undefined;
}

export async function showCatchment(output: Output, flags: CatchmentFlags): Promise<void> {
  const startMs = nowMs();
  const world = await openWorldOf(flags, output);
  const measured = await openWeights(world, flags, output);
  const loadedMs = nowMs();
  const { graph, sites } = world;
  const { weights } = measured;
  const solver = new CatchmentSolver(graph);
  const solveMs = nowMs();
  const lowest = measureShares(solver.solveWithTies(sites), sites, weights);
  const doneMs = nowMs();
  const hotPotato =
    flags.ties === "hot-potato" ? await solveHotPotato(world, weights, flags, output) : undefined;
  const answer = { world, measured, lowest, hotPotato };
  if (flags.html !== undefined) {
    const shares = hotPotato?.shares ?? lowest;
    const report = catchmentReport({ world, shares, unit: measured.unit, command: commandLine() });
    writeWhole(flags.html, renderReport(report));
  }
  if (flags.json === true) return output.printJson(documentOf(answer, flags));
  printTable(output, answer);
  output.print("");
  printRemarks(output, answer);
  output.print(MODEL_LIMITS);
  output.tell(
    `loaded in ${(loadedMs - startMs).toFixed(0)} ms, solved with ties in ${(doneMs - solveMs).toFixed(0)} ms`,
  );
}

async function solveHotPotato(
  world: OpenWorld,
  weights: Float64Array,
  flags: CatchmentFlags,
  output: Output,
): Promise<NonNullable<Answer["hotPotato"]>> {
  const rtts = await openRtts(world, flags.places, output);
  const solved = new CatchmentSolver(world.graph, rtts).solveWithTies(world.sites);
  return {
    shares: measureShares(solved, world.sites, weights),
    placedAses: rtts.placed.length,
    placed: placedWeight(rtts, weights),
  };
}

function printTable(output: Output, { world, measured, lowest, hotPotato }: Answer): void {
  const { graph, sites, graphName, networkCount } = world;
  const { total } = lowest;
  output.print(
    `${graphName}: ${whole(networkCount)} ASes, ${whole(graph.neighbors.length / 2)} links; ${measured.unit}`,
  );
  output.print("");
  const chosen = (shares: Shares, index: number): string => {
    const weight = shares.sites[index]!.chosen;
    return `${whole(weight)} (${percent(weight, total)})`;
  };
  printColumns(
    output,
    hotPotato === undefined ? "lrrrl" : "lrrrrl",
    [
      "SITE",
      "CERTAIN",
      "AT MOST",
      "IF TIES GO TO THE LOWEST AS",
      ...(hotPotato === undefined ? [] : ["TO THE NEAREST SITE"]),
      "ATTACHED",
    ],
    sites.map((site, index) => {
      const { certain, ambiguous: maybe } = lowest.sites[index]!;
      return [
        site.site,
        percent(certain, total),
        percent(certain + maybe, total),
        chosen(lowest, index),
        ...(hotPotato === undefined ? [] : [chosen(hotPotato.shares, index)]),
        attachmentOf(site),
      ];
    }),
  );
}

function attachmentOf({ attachment, prepends, isNoExport, isNoPeer, isBlackhole }: PlacedSite): string {
  const marks = [
    ...(prepends === 0 ? [] : [`+${prepends} prepended`]),
    ...(isNoExport ? ["NO_EXPORT"] : []),
    ...(isNoPeer ? ["NOPEER"] : []),
    ...(isBlackhole ? ["BLACKHOLE"] : []),
  ];
  return [attachment, ...marks].join(", ");
}

function printRemarks(output: Output, { world, lowest, hotPotato }: Answer): void {
  const { total, ambiguous, unreachable, dropped } = lowest;
  output.print(
    `${percent(ambiguous, total)} have equally good paths to two sites or more: for them the table is a range.`,
  );
  if (hotPotato !== undefined) {
    const { placedAses, placed } = hotPotato;
    output.print(
      `${whole(placedAses)} of ${whole(world.networkCount)} ASes (${percent(placed, total)}) have a place; ties of all others go to the lowest AS number.`,
    );
  }
  if (world.sites.some(({ isBlackhole }) => isBlackhole)) {
    output.print(`Dropped by neighbours that heard BLACKHOLE: ${percentPair(dropped, total)}.`);
  }
  output.print(`No route: ${whole(unreachable)} (${percent(unreachable, total)}).`);
}

function documentOf({ world, measured, lowest, hotPotato }: Answer, flags: CatchmentFlags): object {
  const { graph, sites, graphName, networkCount } = world;
  const { total, unreachable, ambiguous, dropped } = lowest;
  const chosen = hotPotato?.shares ?? lowest;
  return {
    schema: SCHEMA,
    graph: { name: graphName, ases: networkCount, links: graph.neighbors.length / 2 },
    weight: measured.document,
    tieRules: ["upstreams", ...(hotPotato === undefined ? [] : ["hot-potato"]), "lowest-asn"],
    ties: flags.ties,
    ...(hotPotato === undefined ? {} : { placed: { ases: hotPotato.placedAses, weight: hotPotato.placed } }),
    total,
    unreachable,
    ambiguous,
    dropped,
    sites: sites.map(({ site, attachment, prepends, isNoExport, isNoPeer, isBlackhole }, index) => ({
      site,
      attachment,
      prepends,
      communities: [
        ...(isNoExport ? ["no-export"] : []),
        ...(isNoPeer ? ["no-peer"] : []),
        ...(isBlackhole ? ["blackhole"] : []),
      ],
      certain: lowest.sites[index]!.certain,
      ambiguous: lowest.sites[index]!.ambiguous,
      chosen: chosen.sites[index]!.chosen,
      chosenByLowestAsn: lowest.sites[index]!.chosen,
    })),
    modelLimits: MODEL_LIMITS,
  };
}
