/**
 * The simulator's document, typed line by line: every `anycastle sim` command in it that needs no graph of the reader's
 * and ends by itself runs, in a folder with the files that the document shows. A block that begins with a comment of one
 * word is such a file, and the word its name.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROJECT_ROOT } from "../tidy/project-files.ts";
import { anycastle, scratch } from "./run-cli.ts";

const COMMANDS_MIN = 8;

const { dir, remove } = scratch();
afterAll(remove);

const GUIDE = readFileSync(join(PROJECT_ROOT, "docs", "simulator.md"), "utf8");
const BLOCKS = [...GUIDE.matchAll(/^```[a-z]*\n([\s\S]*?)^```/gm)].map((match) => match[1]!);
const COMMANDS = BLOCKS.flatMap((block) => block.split("\n"))
  .filter(
    (line) => line.startsWith("anycastle sim ") && !line.includes("as-rel") && !line.endsWith(" --page"),
  )
  .map((line) => ({
    line,
    words: line
      .replace(/\s+#.*$/, "")
      .split(/\s+/)
      .slice(1),
  }));

beforeAll(() => {
  for (const block of BLOCKS) {
    const [, name] = /^# ([a-z][a-z-]*\.(?:yaml|csv))\n/.exec(block) ?? [];
    if (name !== undefined) writeFileSync(join(dir, name), block);
  }
});

test("the document shows commands", () => expect(COMMANDS.length).toBeGreaterThanOrEqual(COMMANDS_MIN));

test.for(COMMANDS)("$line", { timeout: 60_000 }, async ({ words }) => {
  const { status, stdout, stderr } = await anycastle(dir, ...words);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(stdout.length).toBeGreaterThan(0);
});
