/**
 * Writes the starter configuration, never over a file that is there. Its first line names the schema where this
 * installation has it: relative inside the project, absolute elsewhere.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { codeOf, messageOf, UserError } from "#core/errors.ts";
import { starterConfig } from "./starter.ts";

const PROJECT_ROOT = dirname(dirname(import.meta.dirname));
export const SCHEMA_FILE = join(PROJECT_ROOT, "schema", "anycastle.schema.json");

export function writeStarter(file: string): "written" | "exists" {
  const path = resolve(file);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, starterConfig(schemaReference(path)), { flag: "wx" });
    return "written";
  } catch (error) {
    if (codeOf(error) === "EEXIST") return "exists";
    throw new UserError("CONFIG_UNWRITABLE", `${file} cannot be written: ${messageOf(error)}`, {
      hint: "name a file in a directory that is yours",
      cause: error,
    });
  }
}

function schemaReference(path: string): string {
  const isInside = !relative(PROJECT_ROOT, path).startsWith("..");
  if (!isInside) return SCHEMA_FILE;
  const reference = relative(dirname(path), SCHEMA_FILE);
  return reference.startsWith(".") ? reference : `./${reference}`;
}
