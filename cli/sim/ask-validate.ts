/** The flags of `anycastle sim validate`. */
import { Option, type Command } from "commander";
import { ANYCAST_RUNS_EACH, BEACON_RUNS } from "#sim/truth/published-runs.ts";
import { examples, integer } from "../arguments.ts";
import { outputOf } from "../output.ts";

const SEEDS_MAX = 1_000;

export interface ValidateFlags {
  readonly graph?: readonly string[];
  readonly graphDir?: string;
  readonly seeds?: number;
  readonly quick?: true;
  readonly strict?: true;
  readonly json?: true;
}

export function addValidate(sim: Command): void {
  sim
    .command("validate")
    .description("whether the simulator may be believed: laws, windows and end states, each with its source")
    .option(
      "--graph <file...>",
      "also on these AS graphs of CAIDA (.txt, .gz, .bz2); of known snapshots the published catchments are compared",
    )
    .option("--graph-dir <folder>", "also on every such graph in a folder")
    .addOption(
      new Option(
        "--seeds <n>",
        `runs of each published measurement; ${BEACON_RUNS}, and ${ANYCAST_RUNS_EACH} for each site`,
      ).argParser(integer(1, SEEDS_MAX)),
    )
    .option("--quick", "fewer orders, graphs and seeds")
    .option("--strict", "a published band that is missed is a failure too")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      `\nExit status: 0, or 99 when a law is broken or a recorded figure has left its interval.\n${examples(
        ["anycastle sim validate", "everything that needs no graph of yours"],
        [
          "anycastle sim validate --quick --graph 20250901.as-rel.txt.bz2",
          "on the Internet of September 2025 too",
        ],
      )}`,
    )
    .action(async (flags: ValidateFlags, command: Command) => {
      const { showValidate } = await import("./show-validate.ts");
      process.exitCode = await showValidate(outputOf(command), flags);
    });
}
