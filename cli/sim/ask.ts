/** Questions to a whole Internet at rest: who reaches which site, what if some are gone, and why one AS goes where it goes. */
import { Option, type Command } from "commander";
import { choice, duration, examples, integer } from "../arguments.ts";
import { AS_MAX } from "#sim/topology/limits.ts";
import { TIMING_NAMES, type TimingName } from "#sim/propagation/timing-sets.ts";
import { outputOf } from "../output.ts";
import { addWorldOptions, type WorldFlags } from "./world-options.ts";

const LOST_MAX = 4;
const LOST_DEFAULT = 2;
const SEEDS_MAX = 1_000;
const SEEDS_DEFAULT = 5;
const DETECTION_MS_MAX = 600_000;

export type WeightName = "count" | "cone";

export interface CatchmentFlags extends WorldFlags {
  readonly weight: WeightName;
  readonly json?: true;
}

export interface WhatIfFlags extends CatchmentFlags {
  readonly lost: number;
}

export interface WithdrawFlags extends CatchmentFlags {
  readonly lose: string;
  readonly timing: TimingName;
  /** ms */
  readonly detection: number;
  readonly seeds: number;
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
      examples(
        ["anycastle sim what-if --world service.yaml", "capacities in the file are checked"],
        ["anycastle sim what-if --world service.yaml --lost 3 --json", "every combination, for scripts"],
      ),
    )
    .action(async (flags: WhatIfFlags, command: Command) => {
      const { showWhatIf } = await import("./show-what-if.ts");
      await showWhatIf(outputOf(command), flags);
    });
  const withdraw = addWorldOptions(
    sim
      .command("withdraw")
      .description("a site goes: what its clients go through, moment by moment, until all have another"),
  );
  addWeight(withdraw)
    .requiredOption("--lose <site>", "the site that goes")
    .addOption(choice("--timing <set>", "timers of the Internet", TIMING_NAMES, "fitted-2011"))
    .addOption(
      new Option(
        "--detection <time>",
        "from the failure to the withdrawal: 0 for an orderly one, 300ms with BFD, 90s with a hold timer",
      )
        .argParser(duration(0, DETECTION_MS_MAX))
        .default(0),
    )
    .addOption(
      new Option("--seeds <n>", "so many runs, each with its own delays")
        .argParser(integer(1, SEEDS_MAX))
        .default(SEEDS_DEFAULT),
    )
    .option("--json", "as a JSON document, the curves in it")
    .addHelpText(
      "after",
      examples(
        ["anycastle sim withdraw --world service.yaml --lose ny1 --detection 300ms", "with BFD"],
        [
          "anycastle sim withdraw --world service.yaml --lose ny1 --timing no-mrai --seeds 20",
          "if nobody had an MRAI",
        ],
      ),
    )
    .action(async (flags: WithdrawFlags, command: Command) => {
      const { showWithdraw } = await import("./show-withdraw.ts");
      await showWithdraw(outputOf(command), flags);
    });
  addWorldOptions(sim.command("path").description("the path of one AS, and why each other offer lost"))
    .addOption(
      new Option("--from <AS>", "the AS that asks").argParser(integer(1, AS_MAX)).makeOptionMandatory(),
    )
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle sim path --world service.yaml --from 3320", "from Deutsche Telekom"],
        [
          "anycastle sim path --graph as-rel.txt.gz --site ny1=13335 --from 7922 --json",
          "one site, for scripts",
        ],
      ),
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
