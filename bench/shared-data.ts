/** The AS graphs that benches and tests measure on: they are not part of the project. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { environmentValue } from "#core/host/environment.ts";

const PROJECT_ROOT = dirname(import.meta.dirname);

/** Path of a file of the data folder: `$ANYCASTLE_DATA`, or beside the project; undefined when it is not there. */
export function dataFile(name: string): string | undefined {
  const folder = environmentValue("ANYCASTLE_DATA") ?? join(PROJECT_ROOT, "..", "shared", "data");
  const path = join(folder, name);
  return existsSync(path) ? path : undefined;
}

export const GRAPH_2025 = "as-rel/20250901.as-rel.txt.gz";
export const NO_DATA = `no AS graphs: set ANYCASTLE_DATA to a folder that has ${GRAPH_2025}`;
