/** The files of the project as a clean clone has them, read once. What installs, runs and editors leave behind is not looked at. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export const PROJECT_ROOT = dirname(dirname(import.meta.dirname));

const SKIPPED = new Set(["node_modules", ".git", "reports", "dist", "coverage"]);
const TEXT =
  /(?:\.(?:tsx?|js|json|jsonc|md|yaml|yml|css|html|svg|sh|conf|toml)|(?:^|\/)(?:LICENSE|NOTICE|run|\.npmrc|\.nvmrc|\.gitignore))$/;

export interface ProjectFile {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

export const PROJECT_FILES: readonly ProjectFile[] = filesBelow(PROJECT_ROOT).toSorted((a, b) =>
  a.path < b.path ? -1 : 1,
);

/** Code of the product, its tools and its tests. */
export const CODE_FILES = PROJECT_FILES.filter(({ path }) => /\.(?:tsx?|js)$/.test(path));

/** What people read. */
export const DOCUMENTS = PROJECT_FILES.filter(({ path }) => path.endsWith(".md"));

function filesBelow(directory: string): ProjectFile[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesBelow(path);
    const name = relative(PROJECT_ROOT, path).replaceAll("\\", "/");
    return TEXT.test(name) ? [{ path: name, text: readFileSync(path, "utf8") }] : [];
  });
}
