/** `anycastle sim what-if --prepend-sweep`: what a site gives away, and to whom, for each time it repeats its AS. */
import { sweepPrepends } from "#sim/anycast/prepend-sweep.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import { MODEL_LIMITS, PAIR_LEGEND, percentReading, printColumns, whole } from "./columns.ts";
import { positionOf } from "./position-of.ts";
import { WHAT_IF_SCHEMA } from "./what-if-schema.ts";
import type { OpenWeights } from "./weights-of.ts";
import type { NamedNumber } from "./world-options.ts";

export function showPrependSweep(
  output: Output,
  { graph, sites, graphName, networkCount }: OpenWorld,
  { weights, unit, document }: OpenWeights,
  { name, value: prependsMax }: NamedNumber,
  { json }: { readonly json?: true },
): void {
  const steps = sweepPrepends(graph, sites, positionOf(sites, name), prependsMax, weights);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (json === true) {
    output.printJson({
      schema: WHAT_IF_SCHEMA,
      question: "prepend-sweep",
      graph: graphName,
      weight: document,
      site: name,
      total,
      steps: steps.map(({ prepends, loads }) => ({
        prepends,
        sites: sites.map(({ site }, position) => ({ site, ...loads[position]! })),
      })),
      modelLimits: MODEL_LIMITS,
    });
    return;
  }
  output.print(`${name} prepends, the others stay; ${graphName}: ${whole(networkCount)} ASes; ${unit}`);
  output.print("");
  printColumns(
    output,
    "r".repeat(1 + sites.length),
    ["PREPENDS", ...sites.map(({ site }) => site)],
    steps.map(({ prepends, loads }) => [
      String(prepends),
      ...loads.map((load) => percentReading(load, total)),
    ]),
  );
  output.print("");
  output.print("What a customer tells is preferred whatever its length: prepending does not move it.");
  output.print(PAIR_LEGEND);
  output.print(MODEL_LIMITS);
}
