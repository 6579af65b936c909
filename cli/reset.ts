/** `anycastle reset`: everything in the lab back as at the start. */
import type { Command } from "commander";
import { listOf, printAction } from "./actions.ts";
import { examples } from "./arguments.ts";
import { outputOf } from "./output.ts";

export function addReset(program: Command): void {
  program
    .command("reset")
    .description("everything back as at the start")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle reset", "undo every fault and drain, wait until all sites are back"],
        ["anycastle reset && anycastle test", "then ask from all cities"],
      ),
    )
    .action(async (options: { json?: true }, command: Command) => {
      const { LabClient } = await import("#lab/client.ts");
      const output = outputOf(command);
      const client = LabClient.find();
      output.tell("waiting until every node is back");
      const reply = await client.reset();
      const sentence =
        reply.nodes.length === 0
          ? "nothing was down: all sites are in service"
          : `back: ${listOf(reply.nodes)}; all sites are in service`;
      printAction(output, options.json === true, "reset", reply, sentence);
    });
}
