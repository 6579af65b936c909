/** The project tests its own source: what must not be written, and what each file must say about itself. */
import { expect, test } from "vitest";
import { CODE_FILES, PROJECT_FILES } from "./project-files.ts";

/** Fewer than these means that the walk looked in the wrong place, not that the project shrank. */
const CODE_FILES_MIN = 100;
const PROJECT_FILES_MIN = 120;

const OWN_PATH = "test/tidy/source.test.ts";

/** Lines that match, as `path:line: text`. */
function linesLike(pattern: RegExp, files: typeof PROJECT_FILES): string[] {
  return files.flatMap(({ path, text }) => {
    if (path === OWN_PATH) return [];
    return text
      .split("\n")
      .map((line, index) => `${path}:${index + 1}: ${line.trim()}`)
      .filter((line) => pattern.test(line));
  });
}

test("the walk sees the project", () => {
  expect(CODE_FILES.length).toBeGreaterThan(CODE_FILES_MIN);
  expect(PROJECT_FILES.length).toBeGreaterThan(PROJECT_FILES_MIN);
  expect(CODE_FILES.some(({ path }) => path === "bin/anycastle.js")).toBe(true);
  expect(CODE_FILES.some(({ path }) => path.startsWith("gateway/"))).toBe(true);
  expect(CODE_FILES.some(({ path }) => path === "dashboard/parts/page.tsx")).toBe(true);
});

test("nothing is left for later in a comment", () => {
  expect(
    linesLike(/\b(?:TODO|FIXME|XXX|HACK)\b|not yet implemented|not implemented yet/, CODE_FILES),
  ).toEqual([]);
});

test("nothing stands in for the real thing", () => {
  expect(linesLike(/\b(?:stub|stubbed|dummy|lorem ipsum)\b/i, CODE_FILES)).toEqual([]);
});

test("no path of somebody's machine is written down", () => {
  expect(linesLike(/(?<![\w.~-])\/(?:work|tmp|root|home|Users)\/[\w.-]/, PROJECT_FILES)).toEqual([]);
});

test("no package registry is named: any mirror can serve the project", () => {
  expect(linesLike(/registry\.(?:npmjs|yarnpkg|npmmirror)|"resolved":/, PROJECT_FILES)).toEqual([]);
});

test("no focused test, no skip without a reason", () => {
  const tests = CODE_FILES.filter(({ path }) => path.startsWith("test/"));
  expect(linesLike(/\b(?:test|it|describe)\.(?:only|skip|todo)\b/, tests)).toEqual([]);
});

test("every source file says what it is", () => {
  const sources = CODE_FILES.filter(({ path }) => !path.endsWith(".test.ts"));
  const silent = sources.filter(({ text }) => !/^(?:#![^\n]*\n)?\s*(?:\/\*\*|\/\/)/.test(text));
  expect(silent.map(({ path }) => path)).toEqual([]);
});

test("names of files are ideas in kebab-case", () => {
  const odd = CODE_FILES.filter(
    ({ path }) =>
      !/^[a-z0-9-]+(?:\.(?:test|config|d|[a-z0-9]+\.config))?\.(?:tsx?|js)$/.test(path.split("/").at(-1)!),
  );
  expect(odd.map(({ path }) => path)).toEqual([]);
});
