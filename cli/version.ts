/** `anycastle version`: of the product and of what it runs on. */
import type { Command } from "commander";
import { VERSION } from "#core/version.ts";
import { examples } from "./arguments.ts";
import { outputOf } from "./output.ts";

const VERSION_SCHEMA = "anycastle.version/v1";

export function addVersion(program: Command): void {
  program
    .command("version")
    .description("print the version")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle version", "for people"],
        ["anycastle version --json", "for scripts: also the versions of Node and what it runs on"],
      ),
    )
    .action((options: { json?: true }, command: Command) => {
      const output = outputOf(command);
      const node = process.versions.node;
      if (options.json !== true) return output.print(`anycastle ${VERSION} (Node ${node})`);
      const { platform, arch } = process;
      return output.printJson({ schema: VERSION_SCHEMA, version: VERSION, node, platform, arch });
    });
}
