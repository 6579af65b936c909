/** The flags of `anycastle sim drain-time`. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { DRAIN_WAYS, type DrainWay } from "#sim/change/drain-ways.ts";
import { PREPENDS_MAX } from "#sim/topology/limits.ts";
import { choice, examples, integer } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { addTimingOptions, type TimingFlags } from "./timing-options.ts";
import { addWeightOptions, type WeightFlags } from "./weight-options.ts";
import { addWorldOptions, type WorldFlags } from "./world-options.ts";

const SEEDS_DEFAULT = 20;
const DRAIN_PREPENDS = 3;

export interface DrainTimeFlags extends WorldFlags, WeightFlags, TimingFlags {
  readonly drain: string;
  /** Ratio. */
  readonly leave: number;
  readonly how: DrainWay;
  readonly prepends: number;
  readonly json?: true;
}

export function addDrainTime(sim: Command): void {
  const drain = addWorldOptions(
    sim
      .command("drain-time")
      .description("how long a site must wait until so many of its clients have gone elsewhere"),
  );
  addTimingOptions(addWeightOptions(drain), SEEDS_DEFAULT)
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
    .option("--json", "as a JSON document, the curves in it")
    .addHelpText(
      "after",
      examples(
        ["anycastle sim drain-time --world service.yaml --drain ny1", "until 99 % have left"],
        [
          "anycastle sim drain-time --world service.yaml --drain ny1 --how prepend --prepends 5",
          "how many would not go at all",
        ],
        [
          "anycastle sim drain-time --world service.yaml --drain ny1 --graceful-share 60%",
          "if 4 of 10 ASes do not honour the community",
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
