/** The flags of `anycastle sim leak`. */
import { Option, type Command } from "commander";
import { AS_MAX } from "#sim/topology/limits.ts";
import { duration, examples, integer } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { addChangeOptions, type ChangeFlags } from "./change-options.ts";

const SEEDS_DEFAULT = 3;
const FOR_MS_MAX = 24 * 3_600_000;
const FOR_MS = 600_000;

export interface LeakFlags extends ChangeFlags {
  readonly as: number;
  /** ms */
  readonly for: number;
}

export function addLeak(sim: Command): void {
  const leak = sim
    .command("leak")
    .description(
      "an AS tells its providers and peers what it should not: whom it draws in, and what that costs",
    );
  addChangeOptions(leak, SEEDS_DEFAULT)
    .addOption(
      new Option("--as <AS>", "who leaks what it has from providers and peers (RFC 7908)")
        .argParser(integer(1, AS_MAX))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--for <time>", "until somebody filters it")
        .argParser(duration(1, FOR_MS_MAX))
        .default(FOR_MS, "10m"),
    )
    .addHelpText(
      "after",
      examples(
        ["anycastle sim leak --world service.yaml --as 4000", "who goes through AS 4000 for ten minutes"],
        ["anycastle sim leak --world preset:nine-pops --as 64611 --for 2m --json", "for another program"],
      ),
    )
    .action(async (flags: LeakFlags, command: Command) => {
      const { showLeak } = await import("./show-leak.ts");
      await showLeak(outputOf(command), flags);
    });
}
