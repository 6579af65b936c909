/** `npm run generate`: writes the references that are made from the source. A test fails when they are stale. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { references } from "./reference.ts";

const projectRoot = dirname(import.meta.dirname);
for (const [path, text] of references()) {
  const file = join(projectRoot, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`${path}\n`);
}
