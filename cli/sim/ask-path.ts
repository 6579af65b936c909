/** The flags of `anycastle sim path`. */
import { Option, type Command } from "commander";
import { AS_MAX } from "#sim/topology/limits.ts";
import { examples, integer } from "../arguments.ts";
import { outputOf } from "../output.ts";
import { addWorldOptions, type WorldFlags } from "./world-options.ts";

export interface PathFlags extends WorldFlags {
  readonly from: number;
  readonly json?: true;
}

export function addPath(sim: Command): void {
  addWorldOptions(sim.command("path").description("the path of one AS, and why each other offer lost"))
    .addOption(
      new Option("--from <AS>", "the AS that asks").argParser(integer(1, AS_MAX)).makeOptionMandatory(),
    )
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle sim path --world service.yaml --from 3320", "from Deutsche Telekom"],
        [
          "anycastle sim path --graph as-rel.txt.gz --site ny1=13335 --from 7922 --json",
          "one site, for scripts",
        ],
      ),
    )
    .action(async (flags: PathFlags, command: Command) => {
      const { showPath } = await import("./show-path.ts");
      await showPath(outputOf(command), flags);
    });
}
