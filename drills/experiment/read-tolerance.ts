/** A tolerance as it is written -> `Tolerance`, checked as chaostoolkit-lib checks it before a run. */
import { messageOf } from "#core/errors.ts";
import { activitySchema } from "./chaos-toolkit-schema.ts";
import { nearMiss, type Issue } from "./issue.ts";
import { isList, isObject, type Json, type JsonObject } from "./json.ts";
import { parseJsonPath } from "./json-path.ts";
import { pythonRegex } from "./python-regex.ts";
import { readCall, type CallContext } from "./read-calls.ts";
import { namesIn } from "./template.ts";
import type { Tolerance } from "./tolerance.ts";

const FORMS =
  "expected a status, a text, true or false, a list, or {type: regex, jsonpath, range or probe, …}";
const TYPES = ["jsonpath", "probe", "range", "regex"];

export function readTolerance(
  written: Json,
  path: readonly string[],
  context: CallContext,
): Tolerance | undefined {
  const { issues } = context;
  if (typeof written === "string" || typeof written === "boolean") return { type: "scalar", value: written };
  if (typeof written === "number") return readNumber(written, path, issues);
  if (isList(written)) return { type: "list", values: written };
  if (!isObject(written)) {
    issues.push({ path, message: FORMS });
    return undefined;
  }
  const target = readTarget(written, path, issues);
  switch (written["type"]) {
    case "regex":
      return readRegex(written, target, path, issues);
    case "jsonpath":
      return readJsonPath(written, target, path, issues);
    case "range":
      return readRange(written, target, path, issues);
    case "probe":
      return readProbeTolerance(written, path, context);
    default: {
      const given = typeof written["type"] === "string" ? written["type"] : "";
      const place = given === "" ? path : [...path, "type"];
      issues.push(nearMiss(place, given === "" ? FORMS : `unknown tolerance; ${FORMS}`, given, TYPES));
      return undefined;
    }
  }
}

function readNumber(value: number, path: readonly string[], issues: Issue[]): Tolerance | undefined {
  if (Number.isInteger(value)) return { type: "scalar", value };
  const message = `a fraction is no tolerance: write {type: range, range: [${value}, ${value}]}`;
  issues.push({ path, message });
  return undefined;
}

type Target = { readonly target?: string };

function readTarget({ target }: JsonObject, path: readonly string[], issues: Issue[]): Target {
  if (target === undefined || target === null) return {};
  if (typeof target === "string") return { target };
  issues.push({
    path: [...path, "target"],
    message: "expected the name of a part: status, body, headers, stdout, stderr",
  });
  return {};
}

function readRegex(
  written: JsonObject,
  target: Target,
  path: readonly string[],
  issues: Issue[],
): Tolerance | undefined {
  const { pattern } = written;
  if (typeof pattern !== "string") {
    issues.push({ path: [...path, "pattern"], message: "expected a pattern as a text" });
    return undefined;
  }
  if (!isFitting(() => pythonRegex(pattern), pattern, [...path, "pattern"], issues)) return undefined;
  return { type: "regex", pattern, ...target };
}

function readJsonPath(
  written: JsonObject,
  target: Target,
  path: readonly string[],
  issues: Issue[],
): Tolerance | undefined {
  const text = written["path"];
  if (typeof text !== "string" || text.trim() === "") {
    issues.push({ path: [...path, "path"], message: 'expected a path such as "$.nodes[*].state"' });
    return undefined;
  }
  if (!isFitting(() => parseJsonPath(text), text, [...path, "path"], issues)) return undefined;
  const { count, expect } = written;
  return {
    type: "jsonpath",
    path: text,
    ...target,
    ...(count === undefined ? {} : { count }),
    ...(expect === undefined ? {} : { expect }),
  };
}

/** A text with templates in it can only be judged when they are known. */
function isFitting(parse: () => unknown, text: string, path: readonly string[], issues: Issue[]): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    if (namesIn(text).size > 0) return true;
    issues.push({ path, message: messageOf(error) });
    return false;
  }
}

function readRange(
  written: JsonObject,
  target: Target,
  path: readonly string[],
  issues: Issue[],
): Tolerance | undefined {
  const { range } = written;
  const [low, high] = isList(range) && range.length === 2 ? range.map(numberOf) : [];
  if (low === undefined || high === undefined) {
    issues.push({ path: [...path, "range"], message: "expected two numbers: [0, 0.5]" });
    return undefined;
  }
  return { type: "range", range: [low, high], ...target };
}

function numberOf(value: Json): number | undefined {
  if (typeof value === "boolean") return Number(value);
  return typeof value === "number" ? value : undefined;
}

function readProbeTolerance(
  written: JsonObject,
  path: readonly string[],
  context: CallContext,
): Tolerance | undefined {
  const { issues } = context;
  const checked = activitySchema.safeParse(written);
  if (!checked.success) {
    issues.push(
      ...checked.error.issues.map(({ path: at, message }) => ({
        path: [...path, ...at.map(String)],
        message,
      })),
    );
    return undefined;
  }
  const { name, provider } = checked.data;
  if (name === undefined || provider === undefined) {
    issues.push({ path, message: "a probe as a tolerance needs a name and a provider" });
    return undefined;
  }
  if (!isObject(provider.arguments as Json | undefined)) {
    // The reference code puts the value there, and fails where there is nothing to put it into.
    const message = 'a probe as a tolerance needs "arguments: {}", for the value';
    issues.push({ path: [...path, "provider"], message });
    return undefined;
  }
  const call = readCall(provider, [...path, "provider"], context);
  return call === undefined ? undefined : { type: "probe", name, call };
}
