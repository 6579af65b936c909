/** The AS graphs that tests and benches measure on: they are not part of the project. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../tidy/project-files.ts";

/** Path of a file of the data folder: `$ANYCASTLE_DATA`, or a folder beside the project; undefined when it is not there. */
export function dataFile(name: string): string | undefined {
  const folder = process.env["ANYCASTLE_DATA"] ?? join(PROJECT_ROOT, "..", "shared", "data");
  const path = join(folder, name);
  return existsSync(path) ? path : undefined;
}

export const NO_DATA = "no AS graphs: set ANYCASTLE_DATA to a folder that has as-rel/20250901.as-rel.txt.gz";
