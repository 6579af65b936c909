/**
 * JSON values as Python compares and prints them, because that is what decides a tolerance in Chaos Toolkit: `True == 1`,
 * strings by code point, lists element by element, and an order between unlike types is an error, not a "no".
 *
 * What JSON loses is lost here too: `1.0` and `1` are one number.
 */
import { isList, isObject, type Json } from "./json.ts";

/** `<=` between types that have no order. Chaos Toolkit ends the run with it. */
export class NoOrderError extends Error {
  readonly code = "NO_ORDER";
}

export function equals(a: Json, b: Json): boolean {
  const [left, right] = [asNumber(a), asNumber(b)];
  if (left !== undefined || right !== undefined) return left === right;
  if (isList(a) || isList(b)) {
    return isList(a) && isList(b) && a.length === b.length && a.every((one, index) => equals(one, b[index]!));
  }
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equals(a[key]!, b[key]!))
  );
}

/** Negative, 0 or positive; throws `NoOrderError`. */
export function compare(a: Json, b: Json): number {
  const [left, right] = [asNumber(a), asNumber(b)];
  if (left !== undefined && right !== undefined) return left - right;
  if (typeof a === "string" && typeof b === "string") return compareTexts(a, b);
  if (!isList(a) || !isList(b))
    throw new NoOrderError(`there is no order between ${kindOf(a)} and ${kindOf(b)}`);
  const index = a.findIndex((one, index) => index >= b.length || !equals(one, b[index]!));
  if (index === -1) return a.length - b.length;
  return index >= b.length ? 1 : compare(a[index]!, b[index]!);
}

/** `bool(value)`. */
export function isTruthy(value: Json): boolean {
  if (isList(value)) return value.length > 0;
  if (isObject(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** `str(value)` of scalars; lists and maps as JSON, since Python's own form is read by nobody. */
export function pythonText(value: Json): string {
  if (typeof value === "string") return value;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

export function kindOf(value: Json): string {
  if (value === null) return "null";
  if (isList(value)) return "a list";
  return typeof value === "object" ? "a map" : `a ${typeof value}`;
}

function asNumber(value: Json): number | undefined {
  if (typeof value === "boolean") return Number(value);
  return typeof value === "number" ? value : undefined;
}

function compareTexts(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  const index = left.findIndex((char, index) => char !== right[index]);
  if (index === -1) return left.length - right.length;
  if (index >= right.length) return 1;
  return left[index]!.codePointAt(0)! - right[index]!.codePointAt(0)!;
}
