/**
 * Is a probe's value within its tolerance? Decided as `within_tolerance` of chaostoolkit-lib 1.44 does, surprises
 * included, because a drill must not pass here and fail there. The tests run both side by side.
 *
 * What makes that code raise (an order between a text and a number, a target of something that is no map) is
 * `unusable`: it counts as not met, and the report tells it apart from a value that was simply out of tolerance.
 */
import { runInNewContext } from "node:vm";
import { messageOf } from "#core/errors.ts";
import { compareWithDouble, decimalOf, type Decimal } from "./decimal.ts";
import { matchJsonPath, parseJsonPath } from "./json-path.ts";
import { isList, isObject, type Json } from "./json.ts";
import { pythonRegex } from "./python-regex.ts";
import { compare, equals, isTruthy, kindOf } from "./python-value.ts";
import { substitute, type Lookup } from "./template.ts";
import type { Tolerance } from "./tolerance.ts";

export type Verdict =
  | { readonly is: "met" }
  | { readonly is: "missed" }
  | { readonly is: "unusable"; readonly why: string };

/** A pattern that backtracks for ever is stopped: in real time, because nothing else stops it. */
const PATTERN_MS_MAX = 200;

class UnusableError extends Error {
  readonly code = "UNUSABLE";
}

export interface JudgeOptions {
  /** Values of `${name}`. */
  readonly lookup: Lookup;
  /** Runs the call of a `probe` tolerance with the value as its argument `value`; rejects when it fails. */
  readonly ask: (tolerance: Tolerance & { type: "probe" }, value: Json) => Promise<Json>;
}

export async function judgeTolerance(
  tolerance: Tolerance,
  value: Json,
  options: JudgeOptions,
): Promise<Verdict> {
  if (tolerance.type !== "probe") return judgeValue(tolerance, value, options.lookup);
  try {
    return { is: isTruthy(await options.ask(tolerance, value)) ? "met" : "missed" };
  } catch {
    return { is: "missed" };
  }
}

/** All but `probe`, which needs somebody to ask. */
export function judgeValue(
  tolerance: Exclude<Tolerance, { type: "probe" }>,
  value: Json,
  lookup: Lookup = () => undefined,
): Verdict {
  try {
    return { is: isMet(tolerance, value, lookup) ? "met" : "missed" };
  } catch (error) {
    return { is: "unusable", why: messageOf(error) };
  }
}

function isMet(tolerance: Exclude<Tolerance, { type: "probe" }>, value: Json, lookup: Lookup): boolean {
  switch (tolerance.type) {
    case "scalar":
      return isScalarMet(tolerance.value, value, lookup);
    case "list":
      return isListMet(tolerance.values, value);
    case "regex":
      return isRegexMet(tolerance, value, lookup);
    case "jsonpath":
      return isJsonPathMet(tolerance, value, lookup);
    case "range":
      return isRangeMet(tolerance.range, targeted(value, tolerance.target));
  }
}

/** Only texts are templates; what comes out may be of another type, and is judged as that. */
function isScalarMet(wanted: string | number | boolean, value: Json, lookup: Lookup): boolean {
  const tolerance = typeof wanted === "string" ? substitute(wanted, lookup) : wanted;
  if (isList(tolerance)) return isListMet(tolerance, value);
  if (isObject(tolerance)) throw new UnusableError("the tolerance stands for a map");
  // A fraction is no type that Chaos Toolkit judges: never met.
  if (typeof tolerance === "number" && !Number.isInteger(tolerance)) return false;
  // Python dispatches whole numbers to the status, truth values and texts to the value itself.
  if (typeof tolerance === "number" && isObject(value) && Object.hasOwn(value, "status")) {
    return equals(value["status"]!, tolerance);
  }
  return equals(value, tolerance);
}

function isListMet(values: readonly Json[], value: Json): boolean {
  if (isObject(value) && Object.hasOwn(value, "status")) {
    return values.some((one) => equals(one, value["status"]!));
  }
  if (values.length !== 2) return values.some((one) => equals(one, value));
  return compare(values[0]!, value) <= 0 && compare(value, values[1]!) <= 0;
}

function isRegexMet(
  { pattern, target }: Tolerance & { type: "regex" },
  value: Json,
  lookup: Lookup,
): boolean {
  const source = substitute(pattern, lookup);
  if (typeof source !== "string") throw new UnusableError("the pattern is no text");
  const regex = pythonRegex(source);
  const subject = targeted(value, target);
  if (typeof subject !== "string") {
    throw new UnusableError(`a pattern needs a text, the value is ${kindOf(subject)}`);
  }
  return runInNewContext("regex.test(subject)", { regex, subject }, { timeout: PATTERN_MS_MAX }) as boolean;
}

function isJsonPathMet(tolerance: Tolerance & { type: "jsonpath" }, value: Json, lookup: Lookup): boolean {
  const text = substitute(tolerance.path, lookup);
  if (typeof text !== "string") throw new UnusableError("the path is no text");
  const found = matchJsonPath(parseJsonPath(text), decoded(targeted(value, tolerance.target)));
  if (tolerance.expect !== undefined) {
    const expected = substitute(tolerance.expect, lookup);
    return equals(found, isList(expected) ? expected : [expected]);
  }
  const { count } = tolerance;
  return count === undefined || count === null ? found.length > 0 : equals(found.length, count);
}

/** A text that is JSON is what it says. */
function decoded(value: Json): Json {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}

function isRangeMet([low, high]: readonly [number, number], value: Json): boolean {
  if (typeof value === "object")
    throw new UnusableError(`a range needs a number, the value is ${kindOf(value)}`);
  if (typeof value === "string") {
    if (/^\s*[+-]?s?nan\d*\s*$/i.test(value)) throw new UnusableError("NaN has no order");
    const decimal = decimalOf(value);
    return decimal !== undefined && isBetween(decimal, low, high);
  }
  const number = Number(value);
  return low <= number && number <= high;
}

function isBetween(decimal: Decimal, low: number, high: number): boolean {
  return compareWithDouble(decimal, low) >= 0 && compareWithDouble(decimal, high) <= 0;
}

/** A target that the map does not have is the map itself. */
function targeted(value: Json, target: string | undefined): Json {
  if (target === undefined || target === "") return value;
  if (!isObject(value))
    throw new UnusableError(`"target: ${target}" needs a map, the value is ${kindOf(value)}`);
  return Object.hasOwn(value, target) ? value[target]! : value;
}
