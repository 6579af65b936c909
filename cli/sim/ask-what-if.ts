/** The flags of `anycastle sim what-if`. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { PREPENDS_MAX, SITES_MAX } from "#sim/topology/limits.ts";
import { examples, integer } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { addPlaces } from "./ask-catchment.ts";
import { addWeightOptions, type WeightFlags } from "./weight-options.ts";
import { addWorldOptions, type NamedNumber, type WorldFlags } from "./world-options.ts";

const LOST_MAX = 4;
const LOST_DEFAULT = 2;
const SWEEP_DEFAULT = 5;

export interface WhatIfFlags extends WorldFlags, WeightFlags {
  readonly lost: number;
  readonly prependSweep?: NamedNumber;
  readonly best?: number;
  readonly places?: string;
  readonly json?: true;
}

export function addWhatIf(sim: Command): void {
  const whatIf = addWorldOptions(
    sim
      .command("what-if")
      .description("every combination of sites up and down: load, worst losses, overloads, shifts"),
  );
  addPlaces(addWeightOptions(whatIf))
    .addOption(
      new Option("--lost <n>", "losses of up to so many sites are told")
        .argParser(integer(1, LOST_MAX))
        .default(LOST_DEFAULT),
    )
    .addOption(
      new Option(
        "--prepend-sweep <site[=n]>",
        `instead: shares of all sites as this one prepends 0 to n times, n ${SWEEP_DEFAULT} when left out`,
      ).argParser(sweep),
    )
    .addOption(
      new Option(
        "--best <k>",
        "instead: the best k of the sites, by worst-case load, and by round-trip time where places are known",
      ).argParser(integer(1, SITES_MAX)),
    )
    .option("--json", "as a JSON document, every combination in it")
    .addHelpText(
      "after",
      examples(
        ["anycastle sim what-if --world service.yaml", "capacities in the file are checked"],
        ["anycastle sim what-if --world service.yaml --lost 3 --json", "every combination, for scripts"],
        [
          "anycastle sim what-if --world service.yaml --prepend-sweep ny1=8",
          "what prepending moves, and what not",
        ],
        [
          "anycastle sim what-if --world service.yaml --best 3 --places places.csv",
          "which three sites to open",
        ],
      ),
    )
    .action(async (flags: WhatIfFlags, command: Command) => {
      const { showWhatIf } = await import("./show-what-if.ts");
      await showWhatIf(outputOf(command), flags);
    });
}

function sweep(text: string): NamedNumber {
  const [, name, digits] = /^([a-z0-9][a-z0-9-]{0,31})(?:=(\d{1,3}))?$/.exec(text) ?? [];
  const value = digits === undefined ? SWEEP_DEFAULT : Number(digits);
  if (name === undefined || value < 1 || value > PREPENDS_MAX) {
    throw new InvalidArgumentError(
      `It must be a site, or site=n with n from 1 to ${PREPENDS_MAX}, such as ny1=8.`,
    );
  }
  return { name, value };
}
