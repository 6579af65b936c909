/**
 * `anycastle.yaml` -> configuration, or everything that is wrong with it at once, each with its place in the text.
 *
 *   text -> YAML (with positions) -> schema -> checks across fields -> GatewayConfig
 *
 * An error of one stage keeps the later stages from saying anything sensible, so the list ends with the first stage
 * that found one. Reads no file.
 */
import { LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import { messageOf } from "#core/errors.ts";
import { suggest } from "#core/suggest.ts";
import { gatewaySchema, parseGatewayConfig, type GatewayConfig } from "#gateway/config.ts";
import { positionAt, positionOf, type Position } from "./position.ts";
import { choicesAt, keysAt } from "./schema-words.ts";

export interface ConfigProblem extends Position {
  /** `sites.0.nodes.1.url`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
  /** A word that is near to what was written. */
  readonly didYouMean?: string;
}

export interface LoadedConfig {
  readonly config: GatewayConfig;
  /** As written, without what was filled in. */
  readonly written: unknown;
  readonly yaml: Document;
  readonly lines: LineCounter;
  readonly warnings: readonly ConfigProblem[];
}

export type ConfigResult =
  | ({ readonly ok: true } & LoadedConfig)
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** `overrides` are values of the command line, by top-level key; they win over what is written. */
export function loadConfig(text: string, overrides: Readonly<Record<string, unknown>> = {}): ConfigResult {
  const lines = new LineCounter();
  const yaml: Document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (yaml.errors.length > 0)
    return { ok: false, problems: yaml.errors.map((error) => syntaxProblem(error, lines)) };
  let written: unknown;
  try {
    written = yaml.toJS();
  } catch (error) {
    // An alias that multiplies itself.
    return { ok: false, problems: [{ line: 1, column: 1, path: "", message: messageOf(error) }] };
  }
  const document = isObject(written) ? { ...written, ...overrides } : written;
  const place = (path: readonly string[], part: "key" | "value"): Position =>
    positionOf(yaml, lines, path, part);
  const checked = gatewaySchema.safeParse(document);
  if (!checked.success) {
    return {
      ok: false,
      problems: sorted(
        withoutEchoes(checked.error.issues.flatMap((issue) => problemsOf(issue, document, place))),
      ),
    };
  }
  const parsed = parseGatewayConfig(document);
  const atPath = ({ path, message }: { path: string; message: string }): ConfigProblem => ({
    ...place(path.split("."), "value"),
    path,
    message,
  });
  if (!parsed.ok) return { ok: false, problems: sorted(parsed.issues.map(atPath)) };
  return { ok: true, config: parsed.config, written, yaml, lines, warnings: parsed.warnings.map(atPath) };
}

function syntaxProblem(error: { message: string; pos: [number, number] }, lines: LineCounter): ConfigProblem {
  return { ...positionAt(lines, error.pos[0]), path: "", message: error.message };
}

type Place = (path: readonly string[], part: "key" | "value") => Position;

function problemsOf(issue: z.core.$ZodIssue, document: unknown, place: Place): ConfigProblem[] {
  const path = issue.path.map(String);
  if (issue.code === "invalid_union") {
    const inner = nearestBranch(issue.errors).map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
    return inner.flatMap((one) => problemsOf(one, document, place));
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey([...path, key], place));
  }
  const problem = { ...place(path, "value"), path: path.join("."), message: sentenceOf(issue, document) };
  const given = valueAt(document, path);
  const near = typeof given === "string" ? suggest(given, choicesAt(path)) : undefined;
  return [near === undefined ? problem : { ...problem, didYouMean: near }];
}

function unknownKey(path: readonly string[], place: Place): ConfigProblem {
  const key = path.at(-1)!;
  const problem = { ...place(path, "key"), path: path.join("."), message: `unknown key "${key}"` };
  const near = suggest(key, keysAt(path.slice(0, -1)));
  return near === undefined ? problem : { ...problem, didYouMean: near };
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
function withoutEchoes(problems: readonly ConfigProblem[]): ConfigProblem[] {
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

function sorted(problems: ConfigProblem[]): ConfigProblem[] {
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}
