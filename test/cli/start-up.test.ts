/** What every command pays for before it does anything: the words of all commands, and nothing of what only some need. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { LAUNCHER, run, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

/** Writes down the package of every module that is loaded from one. */
const HOOK = `
import { registerHooks } from "node:module";
import { appendFileSync } from "node:fs";
registerHooks({
  load(url, context, next) {
    const name = /\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url);
    appendFileSync("loaded", (name === null ? "own" : name[1]) + "\\n");
    return next(url, context);
  },
});
`;

test("`version` and `--help` load the argument parser and no other package", async () => {
  writeFileSync(join(dir, "hook.mjs"), HOOK);
  for (const word of ["version", "--help"]) {
    writeFileSync(join(dir, "loaded"), "");
    const hook = pathToFileURL(join(dir, "hook.mjs")).href;
    const { status } = await run(process.execPath, ["--import", hook, LAUNCHER, word], dir);
    expect(status).toBe(0);
    const loaded = readFileSync(join(dir, "loaded"), "utf8").trim().split("\n");
    expect([...new Set(loaded)].sort()).toEqual(["commander", "own"]);
  }
});
