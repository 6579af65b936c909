/** `anycastle sim catchment`: for each site the share that is certain and the share that hangs on ties. */
import { nowMs } from "#core/host/clock.ts";
import { measureShares } from "#sim/anycast/shares.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { coneWeights, equalWeights, type Weights } from "#sim/anycast/weights.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { CatchmentFlags, WeightName } from "./ask.ts";
import { MODEL_LIMITS, percent, printColumns, whole } from "./columns.ts";
import { openWorldOf } from "./open-world-of.ts";

const SCHEMA = "anycastle.sim-catchment/v1";

export async function showCatchment(output: Output, flags: CatchmentFlags): Promise<void> {
  const startMs = nowMs();
  const world = await openWorldOf(flags, output);
  const { graph, sites, graphName, networkCount } = world;
  const loadedMs = nowMs();
  const weights = weightsOf(world, flags.weight);
  const solver = new CatchmentSolver(graph);
  const solveMs = nowMs();
  const shares = measureShares(solver.solveWithTies(sites), sites, weights);
  const doneMs = nowMs();
  if (flags.json === true) {
    output.printJson({
      schema: SCHEMA,
      graph: { name: graphName, ases: networkCount, links: graph.neighbors.length / 2 },
      weight: flags.weight,
      tieRule: "lowest AS number",
      ...shares,
      sites: sites.map(({ site, attachment, prepends }, index) => ({
        site,
        attachment,
        prepends,
        ...shares.sites[index],
      })),
      modelLimits: MODEL_LIMITS,
    });
    return;
  }
  const { total, unreachable, ambiguous } = shares;
  output.print(
    `${graphName}: ${whole(networkCount)} ASes, ${whole(graph.neighbors.length / 2)} links; ${unitOf(flags.weight)}`,
  );
  output.print("");
  printColumns(
    output,
    "lrrrl",
    ["SITE", "CERTAIN", "AT MOST", "IF TIES GO TO THE LOWEST AS", "ATTACHED"],
    sites.map(({ site, attachment, prepends }, index) => {
      const { certain, ambiguous: maybe, chosen } = shares.sites[index]!;
      return [
        site,
        percent(certain, total),
        percent(certain + maybe, total),
        `${whole(chosen)} (${percent(chosen, total)})`,
        prepends === 0 ? attachment : `${attachment}, +${prepends} prepended`,
      ];
    }),
  );
  output.print("");
  output.print(
    `${percent(ambiguous, total)} have equally good paths to two sites or more: for them the table is a range.`,
  );
  output.print(`No route: ${whole(unreachable)} (${percent(unreachable, total)}).`);
  output.print(MODEL_LIMITS);
  output.tell(
    `loaded in ${(loadedMs - startMs).toFixed(0)} ms, solved with ties in ${(doneMs - solveMs).toFixed(0)} ms`,
  );
}

export function weightsOf({ graph, networkCount }: OpenWorld, weight: WeightName): Weights {
  return weight === "cone" ? coneWeights(graph, networkCount) : equalWeights(graph, networkCount);
}

export function unitOf(weight: WeightName): string {
  return weight === "cone" ? "an AS counts for its customer cone" : "every AS counts one";
}
