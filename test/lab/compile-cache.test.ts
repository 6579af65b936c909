/** Whether a start is cold: by the code that would be run, not by the version alone. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CompileCache } from "#lab/compile-cache.ts";

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), "anycastle-cache-test-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("a marker of other sources, or of none, makes nothing warm", () => {
  const dir = join(root, "1.0.0");
  CompileCache.open("1.0.0", root);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, `warm-${process.version}`), "");
  writeFileSync(join(dir, `warm-${process.version}-0123456789abcdef`), "");
  expect(CompileCache.open("1.0.0", root).isWarm).toBe(false);
});

test("markers of updates long past are dropped, the newest stay", () => {
  const dir = join(root, "1.0.0");
  const cache = CompileCache.open("1.0.0", root);
  for (let count = 0; count < 50; count++) {
    const path = join(dir, `warm-${process.version}-${String(count).padStart(16, "0")}`);
    writeFileSync(path, "");
    utimesSync(path, 1_000 + count, 1_000 + count);
  }
  cache.markWarm();
  const left = readdirSync(dir).filter((name) => name.startsWith("warm-"));
  expect(left).toHaveLength(32);
  expect(left).toContain(`warm-${process.version}-${"49".padStart(16, "0")}`);
  expect(cache.isWarm).toBe(true);
});
