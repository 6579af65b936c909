/**
 * Which words a schema knows at a path: the keys of an object, the values of a choice. For "did you
 * mean". Read from the JSON Schema, so that nothing here has to follow the schema by hand.
 */
import { z } from "zod";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** Keys that an object at `path` may have. */
export function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  return schemasAt(schema, path).flatMap((schema) => Object.keys(schema.properties ?? {}));
}

/** Words that a value at `path` may be. */
export function choicesAt(schema: z.ZodType, path: readonly string[]): string[] {
  return schemasAt(schema, path)
    .flatMap((schema) => schema.enum ?? (schema.const === undefined ? [] : [schema.const]))
    .filter((value) => typeof value === "string");
}

/** Made once: a file may have thousands of mistakes. */
const made = new WeakMap<z.ZodType, JsonSchema>();

function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const known = made.get(schema) ?? z.toJSONSchema(schema, { io: "input" });
  made.set(schema, known);
  return known;
}

function schemasAt(schema: z.ZodType, path: readonly string[]): JsonSchema[] {
  let found = [jsonSchemaOf(schema)].flatMap(branches);
  for (const segment of path) found = found.flatMap((one) => childrenOf(one, segment)).flatMap(branches);
  return found;
}

function childrenOf(schema: JsonSchema, segment: string): JsonSchema[] {
  const { items, additionalProperties } = schema;
  const named = schema.properties?.[segment];
  return [
    named,
    Array.isArray(items) ? undefined : items,
    named === undefined ? additionalProperties : undefined,
  ].filter((child) => typeof child === "object");
}

function branches(schema: JsonSchema): JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter(
    (branch) => typeof branch === "object",
  );
  return inner.length === 0 ? [schema] : inner.flatMap(branches);
}
