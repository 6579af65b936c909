/** The flags that every command about a change of the service has. They load nothing; `asked-change.ts` acts on them. */
import type { Command } from "commander";
import { observeOption } from "./observers-of.ts";
import { addTimingOptions, type TimingFlags } from "./timing-options.ts";
import { addWeightOptions, type WeightFlags } from "./weight-options.ts";
import { addWorldOptions, type WorldFlags } from "./world-options.ts";

export interface ChangeFlags extends WorldFlags, WeightFlags, TimingFlags {
  readonly observe?: readonly number[];
  readonly record?: string;
  readonly html?: string;
  readonly json?: true;
}

/** `seeds`: so many runs where the flag does not say. */
export function addChangeOptions(command: Command, seeds: number): Command {
  return addTimingOptions(addWeightOptions(addWorldOptions(command)), seeds)
    .addOption(observeOption())
    .option("--record <file>", "the first run as a recording, for `anycastle sim replay`")
    .option("--html <file>", "a report in one file: curve, map, shares before and after")
    .option("--json", "as a JSON document, the curves in it");
}
