/** `anycastle config`: check the gateway's configuration file, show it completed, print its schema, write a first one. */
import type { Command } from "commander";
import { EXIT, UserError } from "#core/errors.ts";
import { examples } from "./arguments.ts";
import { outputOf } from "./output.ts";

const CONFIG_SCHEMA = "anycastle.config/v1";
const VALID_SCHEMA = "anycastle.config-problems/v1";

interface FileFlags {
  readonly config?: string;
  readonly json?: true;
}

export function addConfig(program: Command): void {
  const config = program
    .command("config")
    .description("check, show and begin a configuration file")
    .addHelpText(
      "after",
      examples(
        ["anycastle config init", "write an anycastle.yaml to start from"],
        ["anycastle config validate", "say everything that is wrong with it"],
        ["anycastle config print --sources", "the values in force and where each comes from"],
      ),
    );
  addValidate(config);
  addPrint(config);
  addSchema(config);
  addInit(config);
}

function addValidate(config: Command): void {
  config
    .command("validate")
    .description("say everything that is wrong with a configuration file")
    .option("-c, --config <file>", "the file; without it anycastle.yaml here, above, or of the user")
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      examples(
        ["anycastle config validate", "anycastle.yaml here or above"],
        ["anycastle config validate -c edge.yaml --json", "the same list for scripts"],
      ),
    )
    .action(async (options: FileFlags, command: Command) => {
      const { openConfig } = await import("./config-file/open.ts");
      const { showWarnings } = await import("./config-file/show-problems.ts");
      const output = outputOf(command);
      const isJson = options.json === true;
      const { file, warnings, config: valid } = openConfig(output, { file: options.config, isJson });
      if (warnings.length > 0) output.tell(showWarnings(file, warnings, output.paint));
      if (isJson) {
        return output.printJson({
          schema: VALID_SCHEMA,
          file: file.path,
          isValid: true,
          problems: [],
          warnings,
        });
      }
      const nodes = valid.sites.reduce((count, site) => count + site.nodes.length, 0);
      return output.print(`${file.name} is valid: sites ${valid.sites.length}, nodes ${nodes}`);
    });
}

function addPrint(config: Command): void {
  config
    .command("print")
    .description("show the configuration in force, defaults filled in")
    .option("-c, --config <file>", "the file; without it anycastle.yaml here, above, or of the user")
    .option("--sources", "say of each value where it comes from")
    .option("--json", "as a JSON document, sources included")
    .addHelpText(
      "after",
      examples(
        ["anycastle config print", "as YAML that can be saved again"],
        [
          "anycastle config print --sources",
          "with `# default`, `# profile …`, `# file:line` behind each value",
        ],
      ),
    )
    .action(async (options: FileFlags & { sources?: true }, command: Command) => {
      const { openConfig } = await import("./config-file/open.ts");
      const { completeConfig, completedYaml } = await import("./config-file/complete.ts");
      const output = outputOf(command);
      const opened = openConfig(output, { file: options.config, isJson: options.json === true });
      const completed = completeConfig(opened);
      if (options.json !== true) {
        output.tell(`from ${opened.file.name}`);
        return output.print(completedYaml(completed, options.sources === true).trimEnd());
      }
      const { document, sources } = completed;
      return output.printJson({
        schema: CONFIG_SCHEMA,
        file: opened.file.path,
        config: document,
        sources: Object.fromEntries(sources),
        warnings: opened.warnings,
      });
    });
}

function addSchema(config: Command): void {
  config
    .command("schema")
    .description("print the JSON Schema of the configuration file")
    .addHelpText(
      "after",
      examples(
        ["anycastle config schema > anycastle.schema.json", "for an editor"],
        ["anycastle config schema | jq .properties.health", "what can be said about health checks"],
      ),
    )
    .action(async (_options: object, command: Command) => {
      const { gatewayJsonSchema } = await import("./config-file/gateway-json-schema.ts");
      outputOf(command).printJson(gatewayJsonSchema());
    });
}

function addInit(config: Command): void {
  config
    .command("init")
    .description("write a commented configuration file to start from")
    .argument("[file]", "where to; an existing file is never overwritten", "anycastle.yaml")
    .addHelpText(
      "after",
      examples(
        ["anycastle config init", "./anycastle.yaml"],
        ["anycastle config init edge.yaml", "another name"],
      ),
    )
    .action(async (file: string, _options: object, command: Command) => {
      const { writeStarter } = await import("./config-file/write-starter.ts");
      const output = outputOf(command);
      const written = writeStarter(file);
      if (written === "exists") {
        throw new UserError("CONFIG_EXISTS", `${file} exists already and is left as it is`, {
          hint: `name another file, or remove it first; \`anycastle config validate -c ${file}\` checks it`,
          exitCode: EXIT.usage,
        });
      }
      output.print(`wrote ${file}: edit the sites in it, then type \`anycastle gateway -c ${file}\``);
    });
}
