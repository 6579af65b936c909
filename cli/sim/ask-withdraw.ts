/** The flags of `anycastle sim withdraw`. */
import { Option, type Command } from "commander";
import { TIMING_NAMES, type TimingName } from "#sim/propagation/timing-sets.ts";
import { choice, duration, examples, integer } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { addWeightOptions, type WeightFlags } from "./weight-options.ts";
import { addWorldOptions, type WorldFlags } from "./world-options.ts";

const SEEDS_MAX = 1_000;
const SEEDS_DEFAULT = 5;
const DETECTION_MS_MAX = 600_000;

export interface WithdrawFlags extends WorldFlags, WeightFlags {
  readonly lose: string;
  readonly timing?: TimingName;
  /** ms */
  readonly detection: number;
  readonly seeds: number;
  readonly record?: string;
  readonly html?: string;
  readonly json?: true;
}

export function addWithdraw(sim: Command): void {
  const withdraw = addWorldOptions(
    sim
      .command("withdraw")
      .description("a site goes: what its clients go through, moment by moment, until all have another"),
  );
  addWeightOptions(withdraw)
    .requiredOption("--lose <site>", "the site that goes")
    .addOption(
      choice("--timing <set>", "timers of the Internet; the world's own, or fitted-2011", TIMING_NAMES),
    )
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
    .option("--record <file>", "the first run as a recording, for `anycastle sim replay`")
    .option("--html <file>", "a report in one file: curve, map, shares before and after")
    .option("--json", "as a JSON document, the curves in it")
    .addHelpText(
      "after",
      examples(
        ["anycastle sim withdraw --world service.yaml --lose ny1 --detection 300ms", "with BFD"],
        [
          "anycastle sim withdraw --world service.yaml --lose ny1 --timing no-mrai --seeds 20",
          "if nobody had an MRAI",
        ],
        [
          "anycastle sim withdraw --world preset:nine-pops --lose ny1 --record lost.ndjson",
          "then `anycastle sim replay lost.ndjson`",
        ],
      ),
    )
    .action(async (flags: WithdrawFlags, command: Command) => {
      const { showWithdraw } = await import("./show-withdraw.ts");
      await showWithdraw(outputOf(command), flags);
    });
}
