/** What every command pays for before it does anything: the words of all commands, and nothing of what only some need. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { LAUNCHER, run, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

/** Writes down the package of every module that is loaded from one, and what is ours by its path. */
const HOOK = `
import { registerHooks } from "node:module";
import { appendFileSync } from "node:fs";
registerHooks({
  load(url, context, next) {
    const name = /\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url);
    appendFileSync("loaded", (name === null ? "own " + url : name[1]) + "\\n");
    return next(url, context);
  },
});
`;

/** What the launcher loads for these words. */
async function loadedBy(...words: string[]): Promise<string[]> {
  writeFileSync(join(dir, "hook.mjs"), HOOK);
  writeFileSync(join(dir, "loaded"), "");
  const hook = pathToFileURL(join(dir, "hook.mjs")).href;
  const { status } = await run(process.execPath, ["--import", hook, LAUNCHER, ...words], dir);
  expect(status).toBe(0);
  return readFileSync(join(dir, "loaded"), "utf8").trim().split("\n");
}

test("`version` and `--help` load the argument parser and no other package", async () => {
  for (const word of ["version", "--help"]) {
    const loaded = (await loadedBy(word)).map((line) => line.split(" ")[0]!);
    expect([...new Set(loaded)].toSorted((a, b) => a.localeCompare(b))).toEqual(["commander", "own"]);
  }
});

test("a command loads its own words and no other command's; `--help` loads all", async () => {
  const commandsIn = (lines: readonly string[]): string[] =>
    ["gateway", "demo", "sim", "load"].filter((name) =>
      lines.some((line) => line.endsWith(`/cli/${name}.ts`)),
    );
  expect(commandsIn(await loadedBy("gateway", "--help"))).toEqual(["gateway"]);
  expect(commandsIn(await loadedBy("--help"))).toEqual(["gateway", "demo", "sim", "load"]);
});
