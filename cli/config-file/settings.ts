/**
 * The settings of a process that is started by itself: options and environment, over a file, over defaults, checked by
 * one schema. All that is wrong is told at once: with its place where the file says it, with the option's name where an
 * option says it or could have said it.
 */
import type { z } from "zod";
import { checkDocument, checkText } from "#core/checked-text/check-text.ts";
import type { TextProblem } from "#core/checked-text/read-text.ts";
import { EXIT, UserError } from "#core/errors.ts";
import type { Output } from "../output.ts";
import { ReportedError } from "../reported-error.ts";
import { readConfigText, type ConfigText } from "./find.ts";
import { showProblems } from "./show-problems.ts";

const PROBLEMS_SCHEMA = "anycastle.config-problems/v1";

export interface GivenSetting {
  /** `--bgp-router`. */
  readonly flag: string;
  /** Where the document has it: `bgp.router`. */
  readonly path: string;
  /** Undefined: not given on the command line or in the environment. */
  readonly value: string | number | undefined;
}

export interface OpenedSettings<T> {
  readonly value: T;
  /** Undefined: none was named. */
  readonly file: ConfigText | undefined;
}

export function openSettings<T>(
  output: Output,
  options: {
    /** The command, for a hint: `anycastle node`. */
    readonly command: string;
    readonly file: string | undefined;
    readonly schema: z.ZodType<T>;
    readonly given: readonly GivenSetting[];
  },
): OpenedSettings<T> {
  const { command, schema, given } = options;
  const overrides = nested(given);
  const file = options.file === undefined ? undefined : readConfigText(options.file);
  const result =
    file === undefined ? checkDocument(overrides, schema) : checkText(file.text, schema, overrides);
  if (result.ok) return { value: result.value, file };
  const ofOptions = result.problems.filter(({ path }) => file === undefined || isGiven(given, path));
  const inFile = result.problems.filter((problem) => !ofOptions.includes(problem));
  if (inFile.length === 0) {
    throw new UserError("SETTINGS_INVALID", ofOptions.map((problem) => sentence(problem, given)).join("; "), {
      hint: `\`${command} --help\` shows what it takes; \`-c FILE\` takes it from a file`,
    });
  }
  for (const problem of ofOptions) output.tell(sentence(problem, given));
  output.tell(showProblems(file!, inFile, output.paint));
  const count = result.problems.length;
  output.tell(`error: ${file!.name} has ${count === 1 ? "one error" : `${count} errors`}`);
  if (process.argv.includes("--json"))
    output.printJson({
      schema: PROBLEMS_SCHEMA,
      file: file!.path,
      isValid: false,
      problems: result.problems,
    });
  throw new ReportedError(EXIT.usage);
}

function nested(given: readonly GivenSetting[]): Record<string, unknown> {
  const document: Record<string, unknown> = {};
  for (const { path, value } of given) {
    if (value === undefined) continue;
    const keys = path.split(".");
    let map = document;
    for (const key of keys.slice(0, -1)) map = (map[key] ??= {}) as Record<string, unknown>;
    map[keys.at(-1)!] = value;
  }
  return document;
}

function isGiven(given: readonly GivenSetting[], path: string): boolean {
  return given.some((setting) => setting.path === path && setting.value !== undefined);
}

function sentence({ path, message }: TextProblem, given: readonly GivenSetting[]): string {
  const setting = given.find((one) => one.path === path);
  if (setting === undefined) return path === "" ? message : `${path}: ${message}`;
  if (setting.value !== undefined) return `${setting.flag} "${setting.value}": ${message}`;
  return message.includes("is missing") && !message.includes(":")
    ? `${setting.flag} is missing`
    : `${setting.flag}: ${message}`;
}
