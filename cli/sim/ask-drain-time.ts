/** The flags of `anycastle sim drain-time`. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { DRAIN_WAYS, type DrainWay } from "#sim/anycast/drain-ways.ts";
import { TIMING_NAMES, type TimingName } from "#sim/propagation/timing-sets.ts";
import { PREPENDS_MAX } from "#sim/topology/limits.ts";
import { choice, examples, integer } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { addWeightOptions, type WeightFlags } from "./weight-options.ts";
import { addWorldOptions, type WorldFlags } from "./world-options.ts";

const SEEDS_MAX = 1_000;
const SEEDS_DEFAULT = 20;
const DRAIN_PREPENDS = 3;

export interface DrainTimeFlags extends WorldFlags, WeightFlags {
  readonly drain: string;
  /** Ratio. */
  readonly leave: number;
  readonly how: DrainWay;
  readonly prepends: number;
  readonly timing?: TimingName;
  readonly seeds: number;
  readonly json?: true;
}

export function addDrainTime(sim: Command): void {
  const drain = addWorldOptions(
    sim
      .command("drain-time")
      .description("how long a site must wait until so many of its clients have gone elsewhere"),
  );
  addWeightOptions(drain)
    .requiredOption("--drain <site>", "the site that is drained; it serves whoever still comes")
    .addOption(
      new Option("--leave <share>", "until this share has left: 99%, 99.9%")
        .argParser(share)
        .default(0.99, "99%"),
    )
    .addOption(
      choice(
        "--how <way>",
        "it announces with GRACEFUL_SHUTDOWN (RFC 8326), with more prepends, or not at all",
        DRAIN_WAYS,
        "graceful-shutdown",
      ),
    )
    .addOption(
      new Option("--prepends <n>", "with --how prepend: so many times more")
        .argParser(integer(1, PREPENDS_MAX))
        .default(DRAIN_PREPENDS),
    )
    .addOption(
      choice("--timing <set>", "timers of the Internet; the world's own, or fitted-2011", TIMING_NAMES),
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
        ["anycastle sim drain-time --world service.yaml --drain ny1", "until 99 % have left"],
        [
          "anycastle sim drain-time --world service.yaml --drain ny1 --how prepend --prepends 5",
          "how many would not go at all",
        ],
      ),
    )
    .action(async (flags: DrainTimeFlags, command: Command) => {
      const { showDrainTime } = await import("./show-drain-time.ts");
      await showDrainTime(outputOf(command), flags);
    });
}

function share(text: string): number {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,6})?)\s?%$/.exec(text) ?? [];
  const percent = Number(digits);
  if (digits !== undefined && percent > 0 && percent <= 100) return percent / 100;
  throw new InvalidArgumentError("It must be a share such as 99% or 99.9%, above 0 and at most 100.");
}
