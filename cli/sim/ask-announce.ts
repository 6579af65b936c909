/** The flags of `anycastle sim announce`. */
import { Option, type Command } from "commander";
import { duration, examples } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { addChangeOptions, type ChangeFlags } from "./change-options.ts";

const SEEDS_DEFAULT = 5;
const OVERLAP_MS_MAX = 24 * 3_600_000;

export interface AnnounceFlags extends ChangeFlags {
  readonly join: string;
  readonly insteadOf?: string;
  /** ms */
  readonly overlap?: number;
  readonly gap?: number;
}

export function addAnnounce(sim: Command): void {
  const announce = sim
    .command("announce")
    .description("a site joins, or takes the place of another: who comes to it, and when");
  addChangeOptions(announce, SEEDS_DEFAULT)
    .requiredOption("--join <site>", "the site of the world that is not there at first")
    .option("--instead-of <site>", "this one goes meanwhile: the service moves from it to the other")
    .addOption(
      new Option(
        "--overlap <time>",
        "both are there for so long before the old one is switched off; 0",
      ).argParser(duration(0, OVERLAP_MS_MAX)),
    )
    .addOption(
      new Option("--gap <time>", "the old one is switched off so long before the new one announces")
        .argParser(duration(0, OVERLAP_MS_MAX))
        .conflicts("overlap"),
    )
    .addHelpText(
      "after",
      examples(
        ["anycastle sim announce --world service.yaml --join hkg1", "who comes, and how soon"],
        [
          "anycastle sim announce --world service.yaml --join hkg1 --instead-of la1 --overlap 2m",
          "what a move costs its clients",
        ],
      ),
    )
    .action(async (flags: AnnounceFlags, command: Command) => {
      const { showAnnounce } = await import("./show-announce.ts");
      await showAnnounce(outputOf(command), flags);
    });
}
