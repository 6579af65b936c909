/** `anycastle drain`: takes a site or a node out of service without a client noticing. */
import type { Command } from "commander";
import { listOf, printAction } from "./actions.ts";
import { examples, siteOrNode } from "./arguments.ts";
import { outputOf } from "./output.ts";

export function addDrain(program: Command): void {
  program
    .command("drain")
    .description("take a site or a node out of service gently")
    .argument("<target>", "a site or a node: ny1, ny1-2", siteOrNode)
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      `\nIt announces GRACEFUL_SHUTDOWN, serves until the traffic has gone, withdraws, and gets no new requests.\n${examples(
        ["anycastle drain ams1", "move Amsterdam's clients elsewhere, losing nothing"],
        ["anycastle revive ams1", "take it back into service"],
      )}`,
    )
    .action(async (target: string, options: { json?: true }, command: Command) => {
      const { LabClient } = await import("#lab/client.ts");
      const output = outputOf(command);
      const client = LabClient.find();
      output.tell(`draining ${target}: waiting until its traffic has gone`);
      const reply = await client.drain({ target });
      const sentence = `drained ${listOf(reply.nodes)} (\`anycastle revive ${target}\` undoes it)`;
      printAction(output, options.json === true, "drain", reply, sentence);
    });
}
