/** The flags of `anycastle sim generate`. */
import { InvalidArgumentError, type Command } from "commander";
import { GENERATED_MAX, GENERATED_MIN } from "#sim/topology/limits.ts";
import { examples, integer, seedOption } from "../arguments.ts";
import { outputOf } from "../output.ts";

export interface GenerateFlags {
  readonly seed?: number;
  readonly out?: string;
  readonly force?: true;
  readonly json?: true;
}

export function addGenerate(sim: Command): void {
  sim
    .command("generate")
    .description("an Internet by chance, as a file of AS relationships")
    .argument("<n>", `how many ASes, ${GENERATED_MIN} to ${GENERATED_MAX}`, count)
    .addOption(seedOption())
    .option("--out <file>", "into this file, compressed if it ends in .gz; without it to standard output")
    .option("--force", "over a file that is there")
    .option("--json", "with --out: what was written, as a JSON document")
    .addHelpText(
      "after",
      `\nThe same number and seed give the same file. Model: Elmokashfi, Kvalbein and Dovrolis, JSAC 28(8), 2010.\n${examples(
        ["anycastle sim generate 10000 --out internet.txt.gz", "for `--graph internet.txt.gz`"],
        ["anycastle sim generate 1000 --seed 7 | head", "to look at"],
      )}`,
    )
    .action(async (ases: number, flags: GenerateFlags, command: Command) => {
      const { runGenerate } = await import("./run-generate.ts");
      runGenerate(outputOf(command), ases, flags);
    });
}

function count(text: string): number {
  try {
    return integer(GENERATED_MIN, GENERATED_MAX)(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
