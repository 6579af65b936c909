/** The flags of `anycastle sim catchment`. */
import type { Command } from "commander";
import { choice, examples } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { addWeightOptions, type WeightFlags } from "./weight-options.ts";
import { addWorldOptions, type WorldFlags } from "./world-options.ts";

export interface CatchmentFlags extends WorldFlags, WeightFlags {
  readonly ties: "lowest-asn" | "hot-potato";
  readonly places?: string;
  readonly html?: string;
  readonly json?: true;
}

export function addCatchment(sim: Command): void {
  const catchment = addWorldOptions(
    sim.command("catchment").description("which part of an Internet reaches which site"),
  );
  addPlaces(addWeightOptions(catchment))
    .addOption(
      choice(
        "--ties <rule>",
        "where equally good paths fall: to the nearest site (hot-potato) where an AS has a place, else to the lowest AS number",
        ["lowest-asn", "hot-potato"],
        "lowest-asn",
      ),
    )
    .option("--html <file>", "a report in one file: map, bars, table")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        [
          "anycastle sim catchment --graph as-rel.txt.gz --site ny1=13335 --site la1=54113",
          "two sites, by AS number",
        ],
        [
          "anycastle sim catchment --world service.yaml --weight cone",
          "a world file; big networks count for more",
        ],
        [
          "anycastle sim catchment --world service.yaml --ties hot-potato --places places.csv",
          "ties fall to the nearest site",
        ],
      ),
    )
    .action(async (flags: CatchmentFlags, command: Command) => {
      const { showCatchment } = await import("./show-catchment.ts");
      await showCatchment(outputOf(command), flags);
    });
}

export function addPlaces(command: Command): Command {
  return command.option(
    "--places <file>",
    "where ASes are: AS,latitude,longitude in each line; times to the sites follow from the distance",
  );
}
