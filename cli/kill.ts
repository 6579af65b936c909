/** `anycastle kill`: makes a site or a node of the running lab fail, in one of the ways. */
import type { Command } from "commander";
import { FAULT_HOWS, FAULT_MEANING, type FaultHow } from "#core/wire/faults.ts";
import { listOf, printAction } from "./actions.ts";
import { examples, howOption, siteOrNode } from "./arguments.ts";
import { outputOf } from "./output.ts";

export function addKill(program: Command): void {
  program
    .command("kill")
    .description("make a site or a node fail")
    .argument("<target>", "a site (all its nodes at once) or a node: ny1, ny1-2", siteOrNode)
    .addOption(howOption())
    .option("--json", "as a JSON document")
    .addHelpText("after", () => {
      const ways = FAULT_HOWS.map((how) => `  ${how.padEnd(9)} ${FAULT_MEANING[how]}`).join("\n");
      return `\nWays:\n${ways}\n${examples(
        ["anycastle kill ny1", "SIGKILL both nodes of New York"],
        ["anycastle kill ny1-2 --how hang", "freeze one of them"],
        ["anycastle revive ny1", "undo it"],
      )}`;
    })
    .action(async (target: string, options: { how: FaultHow; json?: true }, command: Command) => {
      const { LabClient } = await import("#lab/client.ts");
      const reply = await LabClient.find().fail({ target, how: options.how });
      const sentence = `${options.how}: ${listOf(reply.nodes)} (\`anycastle revive ${target}\` undoes it)`;
      printAction(outputOf(command), options.json === true, "kill", reply, sentence);
    });
}
