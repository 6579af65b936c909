/** The flags of `anycastle sim compare`. */
import { Option, type Command } from "commander";
import type { Detection } from "#sim/change/detection.ts";
import { PRESET_PREFIX, WAYS_TO_SERVE } from "#sim/load/preset-names.ts";
import { TIMING_NAMES, type TimingName } from "#sim/propagation/timing-sets.ts";
import { choice, examples, integer, seedOption } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { detectionOf } from "./detection-of.ts";

const SEEDS_MAX = 1_000;
const SEEDS_DEFAULT = 50;
export const DEATHS = ["site", "server"] as const;

export interface CompareFlags {
  readonly lose: string;
  readonly kill: (typeof DEATHS)[number];
  readonly world: readonly string[];
  readonly detection?: Detection;
  readonly timing?: TimingName;
  readonly seeds: number;
  readonly seed?: number;
  readonly html?: string;
  readonly json?: true;
}

export function addCompare(sim: Command): void {
  const presets = WAYS_TO_SERVE.map((name) => PRESET_PREFIX + name);
  sim
    .command("compare")
    .description(
      "one death on several ways to serve: one server, a load balancer, an edge by DNS, an edge by anycast",
    )
    .requiredOption("--lose <site>", "where it happens; a site that all of the worlds have")
    .addOption(choice("--kill <what>", "the whole site, or one of its servers", DEATHS, "site"))
    .option("--world <file...>", "worlds to compare, files or built-in ones", presets)
    .addOption(
      new Option(
        "--detection <how>",
        "how an edge by anycast finds a dead site, instead of its world's checks: bfd:3x300ms, hold:90s, check:5s/1s/3, 300ms",
      ).argParser(detectionOf),
    )
    .addOption(
      choice("--timing <set>", "timers of the Internet; each world's own, or fitted-2011", TIMING_NAMES),
    )
    .addOption(
      new Option("--seeds <n>", "so many runs, each with its own delays, checks and resolvers")
        .argParser(integer(1, SEEDS_MAX))
        .default(SEEDS_DEFAULT),
    )
    .addOption(seedOption())
    .option("--html <file>", "a report in one file")
    .option("--json", "as a JSON document, every run in it")
    .addHelpText(
      "after",
      examples(
        ["anycastle sim compare --lose ny1", "New York dies, on four ways to serve"],
        ["anycastle sim compare --lose ny1 --kill server", "only one of its servers"],
        ["anycastle sim compare --lose ny1 --detection bfd:3x100ms", "if the edge's routers speak BFD"],
      ),
    )
    .action(async (flags: CompareFlags, command: Command) => {
      const { showCompare } = await import("./show-compare.ts");
      await showCompare(outputOf(command), flags);
    });
}
