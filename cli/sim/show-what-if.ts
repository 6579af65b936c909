/** `anycastle sim what-if`: what each site carries, the losses that bring it most, and where capacity does not suffice. */
import { nowMs } from "#core/host/clock.ts";
import { UserError } from "#core/errors.ts";
import { findOverloads, solveAllCombinations, worstLoss, type WhatIf } from "#sim/anycast/what-if.ts";
import { COMBINED_SITES_MAX } from "#sim/topology/limits.ts";
import type { PlacedSite } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { WhatIfFlags } from "./ask.ts";
import { MODEL_LIMITS, percent, printColumns, whole } from "./columns.ts";
import { unitOf, weightsOf } from "./show-catchment.ts";
import { openWorldOf } from "./open-world-of.ts";

const SCHEMA = "anycastle.sim-what-if/v1";
const PROGRESS_EVERY_MS = 1_000;
const OVERLOADS_SHOWN_MAX = 20;

export async function showWhatIf(output: Output, flags: WhatIfFlags): Promise<void> {
  const world = await openWorldOf(flags, output);
  const { graph, sites, graphName, networkCount } = world;
  if (sites.length > COMBINED_SITES_MAX) {
    throw new UserError("SITES_MAX", `${sites.length} sites have 2^${sites.length} combinations`, {
      hint: `ask for at most ${COMBINED_SITES_MAX}`,
    });
  }
  const startMs = nowMs();
  let toldMs = startMs;
  const whatIf = solveAllCombinations(graph, sites, weightsOf(world, flags.weight), (done, all) => {
    if (nowMs() - toldMs < PROGRESS_EVERY_MS) return;
    toldMs = nowMs();
    output.tell(`${done} of ${all} combinations`);
  });
  const tookMs = nowMs() - startMs;
  if (flags.json === true)
    return output.printJson({
      schema: SCHEMA,
      graph: graphName,
      weight: flags.weight,
      ...documentOf(whatIf, sites, flags),
      modelLimits: MODEL_LIMITS,
    });
  const full = 2 ** sites.length - 1;
  output.print(
    `${graphName}: ${whole(networkCount)} ASes; ${unitOf(flags.weight)}; ties go to the lowest AS number`,
  );
  output.print("");
  const losses = Array.from({ length: Math.min(flags.lost, sites.length - 1) }, (_, index) => index + 1);
  printColumns(
    output,
    "lr".padEnd(2 + losses.length, "l"),
    ["SITE", "ALL UP", ...losses.map((count) => `WORST LOSS OF ${count}`)],
    sites.map(({ site }, index) => [
      site,
      percent(whatIf.loads[full * sites.length + index]!, whatIf.total),
      ...losses.map((count) => {
        const worst = worstLoss(whatIf, index, count)!;
        return `${percent(worst.load, whatIf.total)} without ${names(sites, worst.lost)}`;
      }),
    ]),
  );
  printOverloads(output, whatIf, sites, flags.lost);
  output.print("");
  output.print(MODEL_LIMITS);
  output.tell(`${full} combinations in ${tookMs.toFixed(0)} ms`);
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
    "llrrr",
    ["LOST", "OVERLOADED", "LOAD", "CAPACITY", "OVER BY"],
    overloads
      .slice(0, OVERLOADS_SHOWN_MAX)
      .map(({ lost: gone, site, load, capacity }) => [
        gone.length === 0 ? "nobody" : names(sites, gone),
        sites[site]!.site,
        whole(load),
        whole(capacity),
        percent(load - capacity, capacity),
      ]),
  );
  if (overloads.length > OVERLOADS_SHOWN_MAX)
    output.print(`… and ${overloads.length - OVERLOADS_SHOWN_MAX} more: --json has all`);
}

function names(sites: readonly PlacedSite[], positions: readonly number[]): string {
  return positions.map((position) => sites[position]!.site).join(", ");
}

function documentOf(whatIf: WhatIf, sites: readonly PlacedSite[], flags: WhatIfFlags): object {
  const all = 2 ** sites.length;
  return {
    sites: sites.map(({ site, capacity }) => ({ site, capacity: capacity ?? null })),
    total: whatIf.total,
    combinations: Array.from({ length: all - 1 }, (_, index) => {
      const mask = index + 1;
      return {
        up: sites.filter((_site, bit) => (mask & (1 << bit)) !== 0).map(({ site }) => site),
        loads: sites.map((_site, bit) => whatIf.loads[mask * sites.length + bit]!),
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
