/** `anycastle revive`: undoes faults and drains; the nodes come back into service by proving themselves. */
import type { Command } from "commander";
import { listOf, printAction } from "./actions.ts";
import { examples, siteOrNode } from "./arguments.ts";
import { outputOf } from "./output.ts";

export function addRevive(program: Command): void {
  program
    .command("revive")
    .description("undo what was done to a site or a node")
    .argument("<target>", "a site or a node: ny1, ny1-2", siteOrNode)
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle revive ny1", "New York comes back, once it has proven itself"],
        ["anycastle revive ny1-2", "one node of it"],
      ),
    )
    .action(async (target: string, options: { json?: true }, command: Command) => {
      const { LabClient } = await import("#lab/client.ts");
      const reply = await LabClient.find().revive({ target });
      const sentence = `revived ${listOf(reply.nodes)}: announced again once proven healthy`;
      printAction(outputOf(command), options.json === true, "revive", reply, sentence);
    });
}
