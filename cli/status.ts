/** `anycastle status`: sites, nodes and cities of the running lab, as they are now. */
import type { Command } from "commander";
import { examples } from "./arguments.ts";
import { outputOf } from "./output.ts";

export function addStatus(program: Command): void {
  program
    .command("status")
    .description("sites, nodes and cities, as they are now")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle status", "two tables"],
        ["anycastle status --json | jq '.vantages'", "who serves whom, for scripts"],
      ),
    )
    .action(async (options: { json?: true }, command: Command) => {
      const { LabClient } = await import("#lab/client.ts");
      const { bfdLine, cityTable, siteTable, statusHead } = await import("./status-tables.ts");
      const { TextLine } = await import("./text-line.ts");
      const output = outputOf(command);
      const status = await LabClient.find().status();
      if (options.json === true) return output.printJson(status);
      const lines = [
        ...statusHead(status),
        new TextLine(),
        ...siteTable(status),
        bfdLine(status),
        new TextLine(),
        ...cityTable(status, { columns: 1 }),
      ];
      return output.print(lines.map((line) => line.render(output.paint)).join("\n"));
    });
}
