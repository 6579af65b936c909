/** Questions to a whole Internet at rest: who reaches which site, what if some are gone, and why one AS goes where it goes. */
import { Option, type Command } from "commander";
import { choice, examples, integer } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { addWorldOptions, type WorldFlags } from "./world-options.ts";

const LOST_MAX = 4;
const LOST_DEFAULT = 2;
const AS_MAX = 0xffff_ffff;

export type WeightName = "count" | "cone";

export interface CatchmentFlags extends WorldFlags {
  readonly weight: WeightName;
  readonly json?: true;
}

export interface WhatIfFlags extends CatchmentFlags {
  readonly lost: number;
}

export interface PathFlags extends WorldFlags {
  readonly from: number;
  readonly json?: true;
}

export function addQuestions(sim: Command): void {
  const catchment = addWorldOptions(
    sim.command("catchment").description("which part of an Internet reaches which site"),
  );
  addWeight(catchment)
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        [
          "anycastle sim catchment --graph as-rel.txt.gz --site ny1=13335 --site la1=54113",
          "two sites, by AS number",
        ],
        [
          "anycastle sim catchment --world service.yaml --weight cone",
          "a world file; big networks count for more",
        ],
      ),
    )
    .action(async (flags: CatchmentFlags, command: Command) => {
      const { showCatchment } = await import("./show-catchment.ts");
      await showCatchment(outputOf(command), flags);
    });
  const whatIf = addWorldOptions(
    sim
      .command("what-if")
      .description("every combination of sites up and down: load, worst losses, overloads"),
  );
  addWeight(whatIf)
    .addOption(
      new Option("--lost <n>", "losses of up to so many sites are told")
        .argParser(integer(1, LOST_MAX))
        .default(LOST_DEFAULT),
    )
    .option("--json", "as a JSON document, every combination in it")
    .addHelpText(
      "after",
      examples(["anycastle sim what-if --world service.yaml", "capacities in the file are checked"]),
    )
    .action(async (flags: WhatIfFlags, command: Command) => {
      const { showWhatIf } = await import("./show-what-if.ts");
      await showWhatIf(outputOf(command), flags);
    });
  addWorldOptions(sim.command("path").description("the path of one AS, and why each other offer lost"))
    .addOption(
      new Option("--from <AS>", "the AS that asks").argParser(integer(1, AS_MAX)).makeOptionMandatory(),
    )
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(["anycastle sim path --world service.yaml --from 3320", "from Deutsche Telekom"]),
    )
    .action(async (flags: PathFlags, command: Command) => {
      const { showPath } = await import("./show-path.ts");
      await showPath(outputOf(command), flags);
    });
}

function addWeight(command: Command): Command {
  return command.addOption(
    choice(
      "--weight <w>",
      "what an AS counts: one, or as many as its customer cone has",
      ["count", "cone"],
      "count",
    ),
  );
}
