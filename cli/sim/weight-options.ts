/** The flags that say what an AS counts for. They load nothing; `weights-of.ts` makes weights of them. */
import type { Command } from "commander";
import { choice } from "../arguments.ts";

export type WeightName = "count" | "cone";

export interface WeightFlags {
  readonly weight?: WeightName;
  readonly weightFile?: string;
}

export function addWeightOptions(command: Command): Command {
  return command
    .addOption(
      choice(
        "--weight <w>",
        "what an AS counts: one (count), or as many as its customer cone has; count unless the world names clients",
        ["count", "cone"],
      ),
    )
    .option("--weight-file <file>", "what each AS counts, from a file: AS,weight in each line");
}
