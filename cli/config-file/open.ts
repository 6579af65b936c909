/** Reads the configuration file a command is to use, or says everything that is wrong with it and ends with status 2. */
import { EXIT } from "#core/errors.ts";
import type { Output } from "../output.ts";
import { ReportedError } from "../reported-error.ts";
import { readConfigText, type ConfigText } from "./find.ts";
import { loadConfig, type LoadedConfig } from "./load.ts";
import { showProblems } from "./show-problems.ts";

const PROBLEMS_SCHEMA = "anycastle.config-problems/v1";

export interface OpenedConfig extends LoadedConfig {
  readonly file: ConfigText;
}

export function openConfig(
  output: Output,
  options: {
    readonly file: string | undefined;
    readonly isJson: boolean;
    readonly overrides?: Readonly<Record<string, unknown>>;
  },
): OpenedConfig {
  const file = readConfigText(options.file);
  const result = loadConfig(file.text, options.overrides);
  if (result.ok) return { ...result, file };
  const { problems } = result;
  if (options.isJson)
    output.printJson({ schema: PROBLEMS_SCHEMA, file: file.path, isValid: false, problems });
  output.tell(showProblems(file, problems, output.paint));
  output.tell(`error: ${file.name} has ${problems.length === 1 ? "one error" : `${problems.length} errors`}`);
  throw new ReportedError(EXIT.usage);
}
