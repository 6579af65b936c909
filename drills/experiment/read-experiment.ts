/**
 * A Chaos Toolkit file -> `Experiment`, or everything that is wrong with it at once, each with its place.
 *
 *   text -> YAML or JSON (core/checked-text) -> plain values -> shape (chaos-toolkit-schema.ts, plan.ts)
 *        -> settings, activities, references, faults -> Experiment, deeply frozen
 *
 * Files are hostile: the text is bounded, nothing of it runs, and no message quotes a secret or a line that may hold
 * one. Pure: reads no file, no environment and no clock.
 */
import { problemsIn, sorted } from "#core/checked-text/check-text.ts";
import {
  DEPTH_MAX,
  readText,
  type Place,
  type ReadText,
  type SyntaxProblem,
  type TextProblem,
} from "#core/checked-text/read-text.ts";
import { experimentSchema, knownKeysSchema, type WrittenExperiment } from "./chaos-toolkit-schema.ts";
import type { Activity, Experiment } from "./experiment.ts";
import { nearMiss, type Issue } from "./issue.ts";
import { isList, isObject, withoutNegativeZero, type Json, type JsonObject } from "./json.ts";
import { EXTENSION_NAME, planSchema, type DrillPlan } from "./plan.ts";
import { readActivities } from "./read-activities.ts";
import { readConfiguration, readSecrets } from "./read-settings.ts";
import { inlineSecrets, Redactor } from "./redactor.ts";
import { namesIn } from "./template.ts";

export type ExperimentFormat = "yaml" | "json";

export type ExperimentResult =
  | { readonly ok: true; readonly experiment: Experiment; readonly warnings: readonly TextProblem[] }
  | { readonly ok: false; readonly problems: readonly TextProblem[] };

/** The largest experiment anybody wrote has some ten thousand characters. */
export const TEXT_LENGTH_MAX = 131_072;
const KEPT = ": it is kept, and not read";
const HYPOTHESIS = "steady-state-hypothesis";
const HYPOTHESIS_MISSING = `"${HYPOTHESIS}" is missing: say what should survive, {title: …, probes: [{…, tolerance: 200}]}`;
/** Of mistakes and warnings. */
const ISSUES_MAX = 200;
/** Of syntax errors, which breed, and of values that are no JSON, so many are told. */
const TOLD_MAX = 20;

/** JSON by the name of its file, as Chaos Toolkit decides it; everything else is YAML. */
export function formatOf(fileName: string): ExperimentFormat {
  return fileName.toLowerCase().endsWith(".json") ? "json" : "yaml";
}

export function readExperiment(text: string, format: ExperimentFormat): ExperimentResult {
  if (text.length > TEXT_LENGTH_MAX) {
    return refused(`the file has ${text.length} characters; ${TEXT_LENGTH_MAX} are read at most`);
  }
  if (format === "json" && !isJson(text)) return readBrokenJson(text);
  // YAML as PyYAML reads it, so that `chaos run` and we read the same values.
  const read = readText(text, format === "json" ? "json" : "yaml-1.1");
  if (!read.ok) return { ok: false, problems: sorted(read.problems.map(syntaxProblem)).slice(0, TOLD_MAX) };
  const strange = [...tagProblems(read), ...strangeValues(read.written, [], read.place)].slice(0, TOLD_MAX);
  if (strange.length > 0) return { ok: false, problems: sorted(strange) };
  const document = withoutNegativeZero(read.written as Json);
  const teller = new Teller(read.place, new Redactor(inlineSecrets(document)));
  return readDocument(document, teller);
}

function readDocument(document: Json, teller: Teller): ExperimentResult {
  const shape = experimentSchema.safeParse(document);
  const issues: Issue[] = [];
  const block = readPlan(document, teller, issues);
  if (!shape.success) {
    const problems = problemsIn(shape.error, experimentSchema, document, teller.place).map(inOurWords);
    const told = teller.all([...problems, ...block.problems], issues);
    return { ok: false, problems: withSlips(told, teller.all(unknownKeys(document, teller), [])) };
  }
  const warnings: Issue[] = [];
  const experiment = readShaped(shape.data, document as JsonObject, block.plan, issues, warnings);
  const problems = teller.all(block.problems, issues);
  const unknown = teller.all(unknownKeys(document, teller), []);
  if (experiment === undefined || problems.length > 0)
    return { ok: false, problems: withSlips(problems, unknown) };
  return { ok: true, experiment: frozen(experiment), warnings: teller.all(unknown, warnings) };
}

function inOurWords(problem: TextProblem): TextProblem {
  const { path, message } = problem;
  if (path === HYPOTHESIS && isMissing(problem)) return { ...problem, message: HYPOTHESIS_MISSING };
  return path.endsWith(".provider.type")
    ? { ...problem, message: `unsupported provider: ${message}` }
    : problem;
}

function isMissing({ message }: TextProblem): boolean {
  return message.includes(" is missing");
}

/** A key that is nearly the one that is missing was meant to be it: one slip, one problem. */
function withSlips(problems: readonly TextProblem[], unknown: readonly TextProblem[]): TextProblem[] {
  const missing = new Set(problems.filter(isMissing).map(({ path }) => path));
  const meant = (slip: TextProblem): string =>
    [...slip.path.split(".").slice(0, -1), slip.didYouMean].join(".");
  const slips = unknown
    .filter((slip) => missing.has(meant(slip)))
    .map((slip) => ({ ...slip, message: slip.message.replace(KEPT, "") }));
  const explained = new Set(slips.map(meant));
  return sorted([...problems.filter((one) => !isMissing(one) || !explained.has(one.path)), ...slips]);
}

function readShaped(
  written: WrittenExperiment,
  document: JsonObject,
  plan: DrillPlan | undefined,
  issues: Issue[],
  warnings: Issue[],
): Experiment | undefined {
  const configuration = readConfiguration((written.configuration ?? {}) as JsonObject, issues, warnings);
  const secrets = readSecrets((written.secrets ?? {}) as Record<string, JsonObject>, issues, warnings);
  const activities = readActivities(written, {
    constants: (name) => {
      const setting = configuration.get(name);
      return setting?.from === "file" ? setting.value : undefined;
    },
    ttlMs: plan?.foreignTtl,
    issues,
    warnings,
  });
  for (const [path, controls] of [
    [["controls"], written.controls],
    [[HYPOTHESIS, "controls"], written[HYPOTHESIS].controls],
  ] as const) {
    if (controls !== undefined)
      warnings.push({ path, message: "controls are Python and are not run", part: "key" });
  }
  const known = new Set([
    ...configuration.keys(),
    ...[...secrets.values()].flatMap((one) => [...one.keys()]),
  ]);
  warnings.push(
    ...unknownTemplates(
      [...activities.hypothesis.probes, ...activities.method, ...activities.rollbacks],
      known,
    ),
  );
  if (plan === undefined) return undefined;
  checkPlan(
    plan,
    document,
    written[HYPOTHESIS].probes.map(({ name, ref }) => name ?? ref ?? ""),
    issues,
  );
  return {
    title: written.title,
    description: written.description,
    tags: written.tags ?? [],
    contributions: new Map(Object.entries(written.contributions ?? {})),
    configuration,
    secrets,
    ...activities,
    rollbackStrategy: written.runtime?.rollbacks?.strategy ?? "default",
    hypothesisStrategy: written.runtime?.hypothesis?.strategy ?? "default",
    plan,
    document,
  };
}

interface ReadPlan {
  readonly plan?: DrillPlan;
  readonly problems: readonly TextProblem[];
}

/** A file without our block is one of somebody else: it gets the narrowest plan. */
function readPlan(document: Json, teller: Teller, issues: Issue[]): ReadPlan {
  const extensions = isObject(document) ? document["extensions"] : undefined;
  const list = isList(extensions) ? extensions : [];
  const indices = list.flatMap((one, index) =>
    isObject(one) && one["name"] === EXTENSION_NAME ? [index] : [],
  );
  const [index, second] = indices;
  if (second !== undefined) {
    issues.push({
      path: ["extensions", String(second)],
      message: `the extension "${EXTENSION_NAME}" stands twice: make one of them`,
    });
  }
  const prefix = index === undefined ? [] : ["extensions", String(index)];
  const block = index === undefined ? { name: EXTENSION_NAME } : list[index]!;
  const checked = planSchema.safeParse(block);
  if (checked.success) return { plan: checked.data, problems: [] };
  const place: Place = (path, part) => teller.place([...prefix, ...path], part);
  const problems = problemsIn(checked.error, planSchema, block, place);
  return {
    problems: problems.map((one) => ({
      ...one,
      path: [...prefix, one.path].filter((part) => part !== "").join("."),
    })),
  };
}

function checkPlan(plan: DrillPlan, document: JsonObject, names: readonly string[], issues: Issue[]): void {
  const index = (document["extensions"] as readonly JsonObject[] | undefined)?.findIndex(
    ({ name }) => name === EXTENSION_NAME,
  );
  const prefix = ["extensions", String(index)];
  const message = "there is no such probe in the hypothesis";
  for (const name of Object.keys(plan.probes)) {
    if (!names.includes(name))
      issues.push({ ...nearMiss([...prefix, "probes", name], message, name, names), part: "key" });
  }
  for (const [position, condition] of plan.stopConditions.entries()) {
    if (condition.source !== "probe" || names.includes(condition.ref)) continue;
    issues.push(
      nearMiss([...prefix, "stopConditions", String(position), "ref"], message, condition.ref, names),
    );
  }
}

/** What the specification lets others write and nobody here reads: a warning, because it may be a slip. */
function unknownKeys(document: Json, teller: Teller): TextProblem[] {
  const strict = knownKeysSchema.safeParse(document);
  if (strict.success) return [];
  return problemsIn(strict.error, knownKeysSchema, document, teller.place)
    .filter(({ message }) => message.startsWith("unknown key"))
    .map((one) => ({ ...one, message: `${one.message}${KEPT}` }));
}

function unknownTemplates(activities: readonly Activity[], known: ReadonlySet<string>): Issue[] {
  return activities.flatMap(({ document, path }) =>
    [...namesIn(document)]
      .filter((name) => !known.has(name))
      .map((name) => {
        const message = `nothing in configuration or secrets is called ${name}: Chaos Toolkit sends it as it stands`;
        return nearMiss(path.split("."), message, name, known);
      }),
  );
}

/** Issues with their places, in the order of the text, each once, and without anything secret in them. */
class Teller {
  readonly place: Place;
  readonly #redactor: Redactor;

  constructor(place: Place, redactor: Redactor) {
    this.place = place;
    this.#redactor = redactor;
  }

  all(problems: readonly TextProblem[], issues: readonly Issue[]): TextProblem[] {
    const told = new Map<string, TextProblem>();
    for (const problem of [
      ...problems,
      ...issues.slice(0, ISSUES_MAX).map((issue) => this.#problemOf(issue)),
    ]) {
      const clean = this.#clean(problem);
      told.set(`${clean.line}:${clean.column}:${clean.path}:${clean.message}`, clean);
    }
    return sorted([...told.values()]);
  }

  #problemOf({ path, message, didYouMean, part }: Issue): TextProblem {
    const problem = { ...this.place(path, part ?? "value"), path: path.join("."), message };
    return didYouMean === undefined ? problem : { ...problem, didYouMean };
  }

  #clean(problem: TextProblem): TextProblem {
    const { path, message, didYouMean, line, column } = problem;
    const isSecret = path === "secrets" || path.startsWith("secrets.") ? ({ isSecret: true } as const) : {};
    return {
      line,
      column,
      path: this.#redactor.text(path),
      message: this.#redactor.text(message),
      ...(didYouMean === undefined ? {} : { didYouMean: this.#redactor.text(didYouMean) }),
      ...isSecret,
    };
  }
}

function refused(message: string): ExperimentResult {
  return { ok: false, problems: [{ line: 1, column: 1, path: "", message }] };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    // A text nested too deep is JSON; it is told as what it is by whoever looks for places.
    return error instanceof RangeError;
  }
}

/** V8 says where JSON breaks off, and quotes what stands there; only the place is told. */
function readBrokenJson(text: string): ExperimentResult {
  let offset = 0;
  try {
    JSON.parse(text);
  } catch (error) {
    const said = /at position (\d+)/.exec((error as Error).message);
    // For a short text V8 says the position of its end only.
    offset = said === null ? 0 : Number(said[1]);
    if ((error as Error).message.includes("end of JSON")) offset = text.length;
  }
  const before = text.slice(0, offset).split("\n");
  const place = { line: before.length, column: before.at(-1)!.length + 1 };
  const message = "this is no JSON: name the file .yaml if it is YAML";
  return { ok: false, problems: [{ ...place, path: "", message, isSecret: true }] };
}

/** In our words, since the parser's own may quote a line, and a line may hold a secret. */
function syntaxProblem({ line, column, code }: SyntaxProblem): TextProblem {
  return { line, column, path: "", message: SYNTAX[code] ?? "this is no YAML", isSecret: true };
}

const SYNTAX: Readonly<Partial<Record<SyntaxProblem["code"], string>>> = {
  ALIASES: "its aliases multiply or contain each other: write the values out",
  BAD_ALIAS: "an alias without its anchor: write the value out",
  BAD_DQ_ESCAPE: "an escape in double quotes that YAML does not know: use single quotes, or two backslashes",
  BAD_INDENT: "the indentation does not fit what stands above",
  BAD_SCALAR_START: "a plain text cannot begin with this character: quote it",
  BLOCK_AS_IMPLICIT_KEY: "a key or a colon where none can be: quote texts that hold a colon",
  DUPLICATE_KEY: "this key stands twice in its map: remove one",
  MISSING_CHAR: "a character is missing: a colon, a quote or a bracket",
  MULTILINE_IMPLICIT_KEY: "a key that goes over more than one line: quote texts that hold a colon",
  MULTIPLE_DOCS: 'more than one document in the file: a drill is one, without "---" in between',
  NON_STRING_KEY: "a key is a text: quote it",
  TAB_AS_INDENT: "tabs cannot indent: use spaces",
  TAG_RESOLVE_FAILED: "a tag that PyYAML refuses: write a plain value",
  TOO_DEEP: `nested more than ${DEPTH_MAX} levels deep`,
};

/** PyYAML refuses tags that it does not know; the parser here only warns. */
function tagProblems({ yaml, lines }: ReadText): TextProblem[] {
  return yaml.warnings
    .filter(({ code }) => code === "TAG_RESOLVE_FAILED")
    .map(({ code, pos }) => {
      const { line, col } = lines.linePos(pos[0]);
      return syntaxProblem({
        line: Math.max(1, line),
        column: Math.max(1, col),
        path: "",
        message: "",
        code,
      });
    });
}

/** Dates, binary, sets, NaN: YAML has them, JSON and therefore a journal does not. */
function strangeValues(value: unknown, path: readonly string[], place: Place): TextProblem[] {
  if (value === null || typeof value === "string" || typeof value === "boolean") return [];
  if (typeof value === "number" && Number.isFinite(value)) return [];
  if (Array.isArray(value))
    return value.flatMap((one, index) => strangeValues(one, [...path, String(index)], place));
  if (typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    return [strange(path, place)];
  return Object.entries(value).flatMap(([key, one]) => {
    const here = [...path, key];
    return key === "__proto__" ? [strange(here, place)] : strangeValues(one, here, place);
  });
}

function strange(path: readonly string[], place: Place): TextProblem {
  const isSecret = path[0] === "secrets" ? ({ isSecret: true } as const) : {};
  return {
    ...place(path, "value"),
    path: path.join("."),
    message: "JSON has no such value: quote it",
    ...isSecret,
  };
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const one of value instanceof Map ? value.values() : Object.values(value)) frozen(one);
  return value;
}
