/**
 * `anycastle sim what-if`: what each site carries, the losses that bring it most, where capacity does not suffice, and
 * where the clients of a lost site go. Two flags ask something else of the same world and have files of their own.
 */
import { nowMs } from "#core/host/clock.ts";
import { UserError } from "#core/errors.ts";
import { measureShifts, type LoadShift } from "#sim/anycast/load-shift.ts";
import { findOverloads, loadAt, solveAllCombinations, worstLoss, type WhatIf } from "#sim/anycast/what-if.ts";
import { COMBINED_SITES_MAX } from "#sim/topology/limits.ts";
import type { OpenWorld, PlacedSite } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { WhatIfFlags } from "./ask-what-if.ts";
import {
  MODEL_LIMITS,
  PAIR_LEGEND,
  percent,
  percentPair,
  percentReading,
  printColumns,
  whole,
  wholePair,
} from "./columns.ts";
import { openWorldOf } from "./open-world-of.ts";
import { showBestSites } from "./show-best-sites.ts";
import { showPrependSweep } from "./show-prepend-sweep.ts";
import { WHAT_IF_SCHEMA } from "./what-if-schema.ts";
import { openWeights, type OpenWeights } from "./weights-of.ts";

const PROGRESS_EVERY_MS = 1_000;
const OVERLOADS_SHOWN_MAX = 20;
/** Destinations of a lost site's clients that people are shown, and the share of them below which none is. */
const DESTINATIONS_SHOWN_MAX = 4;
const DESTINATION_SHARE_MIN = 0.01;

export async function showWhatIf(output: Output, flags: WhatIfFlags): Promise<void> {
  if (flags.prependSweep !== undefined && flags.best !== undefined) {
    throw new UserError("QUESTION_TWICE", "--prepend-sweep and --best are two questions", {
      hint: "ask one after the other",
    });
  }
  const world = await openWorldOf(flags, output);
  const measured = await openWeights(world, flags, output);
  if (flags.prependSweep !== undefined)
    return showPrependSweep(output, world, measured, flags.prependSweep, flags);
  if (flags.best !== undefined) return showBestSites(output, world, measured, flags.best, flags);
  return showCombinations(output, world, measured, flags);
}

function showCombinations(output: Output, world: OpenWorld, measured: OpenWeights, flags: WhatIfFlags): void {
  const { graph, sites, graphName, networkCount } = world;
  if (sites.length > COMBINED_SITES_MAX) {
    throw new UserError("SITES_MAX", `${sites.length} sites have 2^${sites.length} combinations`, {
      hint: `ask for at most ${COMBINED_SITES_MAX}, or for --best`,
    });
  }
  const startMs = nowMs();
  let toldMs = startMs;
  const whatIf = solveAllCombinations(graph, sites, measured.weights, (done, all) => {
    if (nowMs() - toldMs < PROGRESS_EVERY_MS) return;
    toldMs = nowMs();
    output.tell(`${done} of ${all} combinations`);
  });
  const tookMs = nowMs() - startMs;
  const shifts = sites.length < 2 ? [] : measureShifts(graph, sites, measured.weights);
  if (flags.json === true)
    return output.printJson({
      schema: WHAT_IF_SCHEMA,
      question: "combinations",
      graph: graphName,
      weight: measured.document,
      ...documentOf(whatIf, sites, flags),
      shifts: shifts.map((shift) => shiftDocument(shift, sites)),
      modelLimits: MODEL_LIMITS,
    });
  output.print(`${graphName}: ${whole(networkCount)} ASes; ${measured.unit}`);
  output.print("");
  printLoads(output, whatIf, sites, flags.lost);
  printOverloads(output, whatIf, sites, flags.lost);
  if (shifts.length > 0) printShifts(output, shifts, sites, whatIf.total);
  output.print("");
  output.print(PAIR_LEGEND);
  output.print(MODEL_LIMITS);
  output.tell(`${2 ** sites.length - 1} combinations in ${tookMs.toFixed(0)} ms`);
}

function printLoads(output: Output, whatIf: WhatIf, sites: readonly PlacedSite[], lost: number): void {
  const full = 2 ** sites.length - 1;
  const losses = Array.from({ length: Math.min(lost, sites.length - 1) }, (_, index) => index + 1);
  printColumns(
    output,
    "lr".padEnd(2 + losses.length, "l"),
    ["SITE", "ALL UP", ...losses.map((count) => `WORST LOSS OF ${count}`)],
    sites.map(({ site }, index) => [
      site,
      percentReading(loadAt(whatIf, full, index), whatIf.total),
      ...losses.map((count) => {
        const worst = worstLoss(whatIf, index, count)!;
        return `${percentReading(worst.load, whatIf.total)} without ${names(sites, worst.lost)}`;
      }),
    ]),
  );
}

function printOverloads(output: Output, whatIf: WhatIf, sites: readonly PlacedSite[], lost: number): void {
  const capacities = sites.map(({ capacity }) => capacity);
  if (capacities.every((capacity) => capacity === undefined)) return;
  const overloads = findOverloads(whatIf, capacities, lost);
  output.print("");
  if (overloads.length === 0) {
    output.print(`No loss of up to ${lost} sites brings more to a site than its capacity.`);
    return;
  }
  printColumns(
    output,
    "llrrrl",
    ["LOST", "OVERLOADED", "LOAD", "CAPACITY", "OVER BY", "HOW SURE"],
    overloads
      .slice(0, OVERLOADS_SHOWN_MAX)
      .map(({ lost: gone, site, load, capacity, isCertain }) => [
        gone.length === 0 ? "nobody" : names(sites, gone),
        sites[site]!.site,
        wholePair(load),
        whole(capacity),
        percent(load.atMost - capacity, capacity),
        isCertain ? "certain" : "hangs on ties",
      ]),
  );
  if (overloads.length > OVERLOADS_SHOWN_MAX)
    output.print(`… and ${overloads.length - OVERLOADS_SHOWN_MAX} more: --json has all`);
}

/** Where the clients of each lost site go, as shares of what it had. */
function printShifts(
  output: Output,
  shifts: readonly LoadShift[],
  sites: readonly PlacedSite[],
  total: number,
): void {
  const rows = shifts.flatMap(({ lost, from, to, unreachable, others }) => {
    const goes = to
      .map((load, position) => ({ name: sites[position]!.site, load }))
      .concat({ name: "nowhere", load: unreachable })
      .filter(({ load }) => load.atMost > 0 && load.atMost >= DESTINATION_SHARE_MIN * from.atMost)
      .toSorted((x, y) => y.load.chosen - x.load.chosen || y.load.atMost - x.load.atMost)
      .slice(0, DESTINATIONS_SHOWN_MAX)
      .map(({ name, load }) => `${name} ${percentPair(load, from.atMost)}`);
    return [
      [
        sites[lost]!.site,
        percentReading(from, total),
        goes.length === 0 ? "-" : goes.join(", "),
        percentReading(others, total),
      ],
    ];
  });
  output.print("");
  printColumns(output, "lrlr", ["LOST", "MAY HAVE HAD", "OF THAT MAY GO TO", "OTHERS WHO MOVE"], rows);
}

function names(sites: readonly PlacedSite[], positions: readonly number[]): string {
  return positions.map((position) => sites[position]!.site).join(", ");
}

function shiftDocument(
  { lost, from, to, unreachable, others }: LoadShift,
  sites: readonly PlacedSite[],
): object {
  return {
    lost: sites[lost]!.site,
    from,
    to: sites
      .map(({ site }, position) => ({ site, ...to[position]! }))
      .filter((_site, position) => position !== lost),
    unreachable,
    others,
  };
}

function documentOf(whatIf: WhatIf, sites: readonly PlacedSite[], flags: WhatIfFlags): object {
  const all = 2 ** sites.length;
  const lossCounts = Array.from({ length: Math.min(flags.lost, sites.length - 1) }, (_, index) => index + 1);
  return {
    sites: sites.map(({ site, capacity }, position) => ({
      site,
      capacity: capacity ?? null,
      worstLosses: lossCounts.map((count) => {
        const { lost, load } = worstLoss(whatIf, position, count)!;
        return { lost: lost.map((each) => sites[each]!.site), load };
      }),
    })),
    total: whatIf.total,
    combinations: Array.from({ length: all - 1 }, (_, index) => {
      const mask = index + 1;
      return {
        up: sites.filter((_site, bit) => (mask & (1 << bit)) !== 0).map(({ site }) => site),
        loads: sites.map((_site, bit) => loadAt(whatIf, mask, bit)),
      };
    }),
    overloads: findOverloads(
      whatIf,
      sites.map(({ capacity }) => capacity),
      flags.lost,
    ).map((overload) => ({
      ...overload,
      lost: overload.lost.map((position) => sites[position]!.site),
      site: sites[overload.site]!.site,
    })),
  };
}
