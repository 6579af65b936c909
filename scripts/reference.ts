/**
 * The generated references of the gateway's configuration: the JSON Schema that editors read, and the table that
 * people read, both from the one schema in `gateway/config.ts`; the gateway's admin API as OpenAPI; and the outline of the
 * land, for reports that are made where no map library is installed. `scripts/generate.ts` writes them; a test compares.
 */
import type { z } from "zod";
import { gatewayJsonSchema } from "../cli/config-file/gateway-json-schema.ts";
import { VERSION } from "#core/version.ts";
import { OPERATION_LINES, openApiOf } from "#gateway/admin/openapi.ts";
import { landPath } from "./land-path.ts";

/** Words for people, where JSON Schema's own mislead. */
const WORDS: Readonly<Record<string, string>> = {
  integer: "whole number",
  object: "map",
  array: "list",
  boolean: "true or false",
};

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** Path from the project's root -> text. */
export function references(): ReadonlyMap<string, string> {
  const schema = gatewayJsonSchema();
  return new Map([
    ["schema/anycastle.schema.json", `${JSON.stringify(schema, undefined, 2)}\n`],
    ["docs/configuration.md", configurationPage(schema)],
    ["docs/gateway-api.json", `${JSON.stringify(openApiOf(OPERATION_LINES, VERSION), undefined, 2)}\n`],
    ["cli/sim/report/land.svg", `<path class="land" d="${landPath()}"/>\n`],
  ]);
}

function configurationPage(schema: JsonSchema): string {
  return [
    "# Configuration of the gateway",
    "",
    "Generated from the schema by `npm run generate`; do not edit. Unknown keys are errors. `[]` stands for each entry of a list,",
    "`<name>` for each key of a map. A value without a default is optional unless it is marked required; where the text names a",
    "profile, the default depends on it.",
    "",
    "| key | value | default | meaning |",
    "|---|---|---|---|",
    ...rowsOf(schema, "", false),
    "",
  ].join("\n");
}

function rowsOf(schema: JsonSchema, path: string, isRequired: boolean): string[] {
  const isNamed =
    path !== "" &&
    (schema.description !== undefined || (schema.properties === undefined && !hasKeysBelow(schema)));
  const own = isNamed ? [rowOf(schema, path, isRequired)] : [];
  const required = new Set(schema.required ?? []);
  const children = Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    rowsOf(objectOf(child), path === "" ? name : `${path}.${name}`, required.has(name)),
  );
  const { items, additionalProperties } = schema;
  if (typeof items === "object" && !Array.isArray(items) && hasKeys(items)) {
    children.push(...rowsBelow(items, `${path}[]`));
  }
  if (typeof additionalProperties === "object") {
    children.push(...rowsOf(additionalProperties, `${path}.<name>`, false));
  }
  for (const branch of branchesOf(schema)) if (hasKeys(branch)) children.push(...rowsBelow(branch, path));
  return [...own, ...children];
}

/** Rows of what a list or a choice holds; the list or choice has its own row already. */
function rowsBelow(schema: JsonSchema, path: string): string[] {
  const { description: _, ...rest } = schema;
  return rowsOf(rest, path, false);
}

function rowOf(schema: JsonSchema, path: string, isRequired: boolean): string {
  const fallback = schema.default;
  const isPlain = fallback !== undefined && (typeof fallback !== "object" || Array.isArray(fallback));
  const shown = isPlain ? `\`${JSON.stringify(fallback)}\`` : isRequired ? "required" : "";
  const cells = [`\`${path}\``, typeOf(schema), shown, schema.description ?? ""];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  const branches = branchesOf(schema);
  if (branches.length > 0) return [...new Set(branches.map(typeOf))].join(" or ");
  const { minimum, maximum, type } = schema;
  const range = minimum === undefined && maximum === undefined ? "" : ` ${minimum ?? ""}..${maximum ?? ""}`;
  return `${typeof type === "string" ? (WORDS[type] ?? type) : "any"}${range}`;
}

function branchesOf(schema: JsonSchema): JsonSchema[] {
  return [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].map(objectOf);
}

function hasKeys(schema: JsonSchema): boolean {
  return (
    schema.properties !== undefined ||
    typeof schema.additionalProperties === "object" ||
    branchesOf(schema).length > 0
  );
}

/** A list of objects: its entries have rows of their own. */
function hasKeysBelow(schema: JsonSchema): boolean {
  const { items } = schema;
  return typeof items === "object" && !Array.isArray(items) && hasKeys(items);
}

/** JSON Schema writes "anything" as `true`. */
function objectOf(schema: JsonSchema | boolean): JsonSchema {
  return typeof schema === "boolean" ? {} : schema;
}
