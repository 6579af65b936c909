/** `anycastle page`: a one-time link that opens the page of the running lab so that it may act. */
import type { Command } from "commander";
import { examples } from "./arguments.ts";
import { outputOf } from "./output.ts";

export function addPage(program: Command): void {
  program
    .command("page")
    .description("a link to the page of the running lab that may break things, good once")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle page", "open what it prints in a browser; without it the page is for looking only"],
        ["anycastle page --json | jq -r .url", "the link alone, for scripts"],
      ),
    )
    .action(async (options: { json?: true }, command: Command) => {
      const { LabClient } = await import("#lab/client.ts");
      const output = outputOf(command);
      const reply = await LabClient.find().link();
      if (options.json === true) output.printJson(reply);
      else output.print(reply.url);
    });
}
