/** Reads an experiment, or says everything that is wrong with it and ends with status 2. */
import { closeSync, openSync, readSync } from "node:fs";
import { codeOf, EXIT, messageOf, UserError } from "#core/errors.ts";
import type { Experiment } from "#drills/experiment/experiment.ts";
import { formatOf, readExperiment, TEXT_LENGTH_MAX } from "#drills/experiment/read-experiment.ts";
import { showProblems, showWarnings } from "../config-file/show-problems.ts";
import type { Output } from "../output.ts";
import { ReportedError } from "../reported-error.ts";

const PROBLEMS_SCHEMA = "anycastle.experiment-problems/v1";
/** UTF-8 takes up to three bytes for what counts as one character here. */
const BYTES_MAX = 3 * TEXT_LENGTH_MAX;

export function openExperiment(output: Output, name: string, isJson: boolean): Experiment {
  const text = textOf(name);
  const result = readExperiment(text, formatOf(name));
  const file = { name, text };
  if (result.ok) {
    if (result.warnings.length > 0) output.tell(showWarnings(file, result.warnings, output.paint));
    return result.experiment;
  }
  const { problems } = result;
  if (isJson) output.printJson({ schema: PROBLEMS_SCHEMA, file: name, isValid: false, problems });
  output.tell(showProblems(file, problems, output.paint));
  output.tell(`error: ${name} has ${problems.length === 1 ? "one error" : `${problems.length} errors`}`);
  throw new ReportedError(EXIT.usage);
}

/** Of a pipe too, and no more of an endless device than could be an experiment. */
function textOf(name: string): string {
  try {
    const bytes = Buffer.alloc(BYTES_MAX + 1);
    const file = openSync(name, "r");
    let length = 0;
    try {
      for (let read = -1; read !== 0 && length <= BYTES_MAX; length += read) {
        read = readSync(file, bytes, length, bytes.length - length, null);
      }
    } finally {
      closeSync(file);
    }
    if (length <= BYTES_MAX) return bytes.toString("utf8", 0, length);
    throw new UserError(
      "EXPERIMENT_TOO_LARGE",
      `${name} has more than ${BYTES_MAX} bytes: that is no experiment`,
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = codeOf(error) === "ENOENT" ? "there is no such file" : messageOf(error);
    throw new UserError("EXPERIMENT_UNREADABLE", `${name} cannot be read: ${why}`, {
      hint: "name a Chaos Toolkit experiment, YAML or JSON",
      cause: error,
    });
  }
}
