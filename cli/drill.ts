/** `anycastle drill`: experiments, which are Chaos Toolkit files: what is wrong with one, and what others can be given of it. */
import type { Command } from "commander";
import { choice, examples } from "./arguments.ts";
import { outputOf } from "./output.ts";

const EXPORT_FORMATS = ["chaos-toolkit", "chaos-mesh", "litmus"] as const;

type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportFlags {
  readonly to: ExportFormat;
  readonly namespace: string;
  readonly serviceAccount: string;
}

export function addDrill(program: Command): void {
  const drill = program
    .command("drill")
    .description("experiments: check one, export one")
    .helpCommand(false)
    .addHelpText(
      "after",
      examples(
        ["anycastle drill check experiment.yaml", "what is wrong with it, each with its place"],
        ["anycastle drill export experiment.yaml --to litmus", "manifests for a cluster"],
      ),
    );
  drill
    .command("check")
    .description("say what is wrong with an experiment, and what it would break")
    .argument("<file>", "a Chaos Toolkit experiment, YAML or JSON")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle drill check experiment.yaml", "ends with 2 if something is wrong"],
        ["anycastle drill check experiment.json --json", "for a script"],
      ),
    )
    .action(async (file: string, options: { json?: true }, command: Command) => {
      const { runCheck } = await import("./drill/run-drill.ts");
      runCheck(outputOf(command), file, options.json === true);
    });
  drill
    .command("export")
    .description("write an experiment for others, on standard output")
    .argument("<file>", "a Chaos Toolkit experiment, YAML or JSON")
    .addOption(choice("--to <format>", "for whom", EXPORT_FORMATS, "chaos-mesh"))
    .option("--service-account <name>", "litmus: of the pods that run the experiment", "litmus-admin")
    .option("--namespace <name>", "of the pods that are hit, and of the manifests", "default")
    .addHelpText(
      "after",
      `\nWhat has no counterpart there is left out, and said at the head of the text.\n${examples(
        ["anycastle drill export experiment.yaml", "Chaos Mesh 2.x manifests"],
        [
          "anycastle drill export experiment.yaml --to chaos-toolkit",
          "the file as `chaos run` should have it",
        ],
      )}`,
    )
    .action(async (file: string, flags: ExportFlags, command: Command) => {
      const { runExport } = await import("./drill/run-drill.ts");
      runExport(outputOf(command), file, flags);
    });
}
