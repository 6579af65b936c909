/** Values as JSON has them. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** `Array.isArray` does not narrow readonly arrays away. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Python's readers know no whole number -0, and JSON would not write one. */
export function withoutNegativeZero(value: Json): Json {
  if (Object.is(value, -0)) return 0;
  if (isList(value)) return value.map(withoutNegativeZero);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withoutNegativeZero(each)]));
}
