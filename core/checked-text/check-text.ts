/**
 * A YAML text against a schema: the checked value, or everything that is wrong with it at once, each with its place in
 * the text.
 *
 *   text -> YAML (`read-text.ts`) -> schema -> value
 *
 * An error of one stage keeps the later stages from saying anything sensible, so the list ends with the first stage
 * that found one. Reads no file.
 */
import type { z } from "zod";
import { suggest } from "../suggest.ts";
import { readText, type Place, type ReadText, type TextProblem } from "./read-text.ts";
import { choicesAt, keysAt } from "./schema-words.ts";

export interface CheckedText<T> extends ReadText {
  readonly value: T;
  /** What was checked: as written, with the overrides in it. `written` is without what was filled in. */
  readonly document: unknown;
}

export type TextResult<T> =
  | ({ readonly ok: true } & CheckedText<T>)
  | {
      readonly ok: false;
      readonly problems: readonly TextProblem[];
      /** What the schema refused, for checks that can do with a part of it; absent when the text could not be read. */
      readonly refused?: Pick<CheckedText<T>, "document" | "place">;
    };

/** `overrides` are values of the command line, nested as in the document; they win over what is written. */
export function checkText<T>(
  text: string,
  schema: z.ZodType<T>,
  overrides: Readonly<Record<string, unknown>> = {},
): TextResult<T> {
  const read = readText(text, "yaml-1.2");
  if (!read.ok) return { ok: false, problems: read.problems.map(({ code: _code, ...problem }) => problem) };
  const { written, yaml, lines, place } = read;
  const document = merged(written, overrides);
  const checked = schema.safeParse(document);
  if (checked.success) return { ok: true, value: checked.data, document, written, yaml, lines, place };
  const problems = problemsIn(checked.error, schema, document, place);
  return { ok: false, problems, refused: { document, place } };
}

/** A document that has no text: all positions are 1:1. */
export function checkDocument<T>(
  document: unknown,
  schema: z.ZodType<T>,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: TextProblem[] } {
  const checked = schema.safeParse(document);
  if (checked.success) return { ok: true, value: checked.data };
  const nowhere: Place = () => ({ line: 1, column: 1 });
  return { ok: false, problems: problemsIn(checked.error, schema, document, nowhere) };
}

/** Nobody mends more mistakes before the next look, and a hostile file has any number of them. */
const ISSUES_MAX = 200;

/** All that `schema` refused in `document`, in the order of the text. */
export function problemsIn(
  error: z.ZodError,
  schema: z.ZodType,
  document: unknown,
  place: Place,
): TextProblem[] {
  const found = error.issues
    .slice(0, ISSUES_MAX)
    .flatMap((issue) => problemsOf(issue, schema, document, place));
  return sorted(withoutEchoes(found));
}

/** `value` with `overrides` laid over it, map by map. What is no map cannot be laid over and stays for the schema. */
function merged(value: unknown, overrides: Readonly<Record<string, unknown>>): unknown {
  const isEmpty = value === null || value === undefined;
  if (isEmpty && Object.keys(overrides).length > 0) return overrides;
  if (!isObject(value)) return value;
  const result: Record<string, unknown> = { ...value };
  for (const [key, override] of Object.entries(overrides)) {
    result[key] = isObject(override) ? merged(result[key] ?? {}, override) : override;
  }
  return result;
}

function problemsOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  document: unknown,
  place: Place,
): TextProblem[] {
  const path = issue.path.map(String);
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const inner = nearestBranch(issue.errors).map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
    return inner.flatMap((one) => problemsOf(one, schema, document, place));
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, ISSUES_MAX).map((key) => unknownKey(schema, [...path, key], place));
  }
  const given = valueAt(document, path);
  const sentence =
    isChoiceOfShapes(issue) && given !== undefined
      ? choiceSentence(schema, path)
      : sentenceOf(issue, document);
  const problem = { ...place(path, "value"), path: path.join("."), message: sentence };
  const near = typeof given === "string" ? suggest(given, choicesAt(schema, path)) : undefined;
  return [near === undefined || near === given ? problem : { ...problem, didYouMean: near }];
}

function unknownKey(schema: z.ZodType, path: readonly string[], place: Place): TextProblem {
  const key = path.at(-1)!;
  const problem = { ...place(path, "key"), path: path.join("."), message: `unknown key "${key}"` };
  const near = suggest(key, keysAt(schema, path.slice(0, -1)));
  return near === undefined ? problem : { ...problem, didYouMean: near };
}

/** A union that is told apart by one of its keys (`type`), with a word there that none of its branches has. */
function isChoiceOfShapes(issue: z.core.$ZodIssue): boolean {
  return issue.code === "invalid_union" && issue.errors.length === 0;
}

function choiceSentence(schema: z.ZodType, path: readonly string[]): string {
  const choices = choicesAt(schema, path).map((choice) => `"${choice}"`);
  return `expected ${choices.length > 1 ? "one of " : ""}${choices.join(", ")}`;
}

/** zod's own words, but for what is missing: it calls that `undefined`, which nobody has written. */
function sentenceOf(issue: z.core.$ZodIssue, document: unknown): string {
  const path = issue.path.map(String);
  if (path.length === 0 && (document === null || document === undefined)) return "the file is empty";
  if (valueAt(document, path) !== undefined || path.length === 0) return issue.message;
  return `"${path.at(-1)}" is missing`;
}

/** A value of another type is farther off than one of the right type; the wrong word is farthest. */
const WRONGNESS: Readonly<Record<string, number>> = { invalid_type: 1, invalid_value: 2 };

/**
 * Of the branches of a union the one that was probably meant. A branch that looked inside what is there knew the key;
 * of the others, one that found the right type and did not like the value says more than one that wanted another type.
 */
function nearestBranch(errors: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] {
  const weighed = errors.map((issues) => ({
    issues,
    depth: Math.max(...issues.map(({ path }) => path.length)),
    wrongness: Math.max(...issues.map(({ code }) => WRONGNESS[code] ?? 0)),
  }));
  weighed.sort((a, b) => b.depth - a.depth || a.wrongness - b.wrongness || a.issues.length - b.issues.length);
  return weighed[0]?.issues ?? [];
}

/** A missing key beside an unknown one that is nearly it: one slip, one problem. */
function withoutEchoes(problems: readonly TextProblem[]): TextProblem[] {
  const meant = new Set(
    problems
      .filter(({ didYouMean, message }) => didYouMean !== undefined && message.startsWith("unknown key"))
      .map(({ path, didYouMean }) => [...path.split(".").slice(0, -1), didYouMean].join(".")),
  );
  return problems.filter(({ path, message }) => !(message.endsWith(" is missing") && meant.has(path)));
}

function valueAt(document: unknown, path: readonly string[]): unknown {
  let value: unknown = document;
  for (const segment of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function sorted(problems: TextProblem[]): TextProblem[] {
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}
