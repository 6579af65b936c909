/** `anycastle doctor`: is this machine fit for the demo, and what is missing for the rest. */
import type { Command } from "commander";
import { EXIT } from "#core/errors.ts";
import { examples } from "./arguments.ts";
import { outputOf, type Style } from "./output.ts";

const DOCTOR_SCHEMA = "anycastle.doctor/v1";

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("check what this machine has and lacks")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      `\nExit status 1 when something that the demo needs is missing.\n${examples(
        ["anycastle doctor", "a line for each thing, and what to do about it"],
        ["anycastle doctor --json", "for a bug report"],
      )}`,
    )
    .action(async (options: { json?: true }, command: Command) => {
      const { examine } = await import("./doctor/examine.ts");
      const output = outputOf(command);
      const findings = await examine();
      const isFit = findings.every(({ state }) => state !== "bad");
      if (options.json === true) output.printJson({ schema: DOCTOR_SCHEMA, isFit, findings });
      else {
        for (const { name, state, detail, hint } of findings) {
          output.print(`${output.paint(STYLE[state], MARK[state])} ${name.padEnd(18)} ${detail}`);
          if (hint !== undefined) output.print(`  ${" ".repeat(18)} ${hint}`);
        }
        output.print(isFit ? "fit for the demo" : "not fit for the demo: see the lines marked ✗");
      }
      if (!isFit) process.exitCode = EXIT.failure;
    });
}

const MARK = { good: "✓", doubtful: "!", bad: "✗", absent: "-" } as const;
const STYLE: Readonly<Record<keyof typeof MARK, Style>> = {
  good: "green",
  doubtful: "yellow",
  bad: "red",
  absent: "dim",
};
