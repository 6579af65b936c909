import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completionScript } from "../../cli/completion/script.ts";
import { createProgram } from "../../cli/program.ts";
import { run, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

beforeAll(async () => {
  for (const shell of ["bash", "zsh", "fish"] as const) {
    writeFileSync(join(dir, shell), completionScript(shell, await createProgram()));
  }
});

test("the scripts are good bash and zsh", async () => {
  // What the zsh script uses of the language is bash too; a real zsh judges where there is one.
  const hasZsh = (await run("sh", ["-c", "command -v zsh"], dir)).status === 0;
  for (const [shell, script] of [
    ["bash", "bash"],
    [hasZsh ? "zsh" : "bash", "zsh"],
  ] as const) {
    expect(await run(shell, ["-n", join(dir, script)], dir)).toEqual({ status: 0, stdout: "", stderr: "" });
  }
});

test("the script for fish is one `complete` a line, with every quote closed", async () => {
  const quoted = String.raw`'(?:[^'\\]|'\\'')*'`;
  const line = new RegExp(
    `^complete -c anycastle (?:-f|-n ${quoted} (?:-a ${quoted}|(?:-[ls] [\\w-]+ ?)+(?: ?-x| ?-rF)?(?: ?-a ${quoted})?) ?-d ${quoted})$`,
  );
  const lines = completionScript("fish", await createProgram())
    .trimEnd()
    .split("\n")
    .slice(1);
  expect(lines.length).toBeGreaterThan(50);
  expect(lines.filter((text) => !line.test(text))).toEqual([]);
});

/** What bash offers after the words typed so far; the last one is being typed. */
async function check(typed: string, ...expected: readonly string[]): Promise<void> {
  const words = typed.split(" ");
  const script = `source ./bash; COMP_WORDS=("$@"); COMP_CWORD=${words.length - 1}; _anycastle; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run("bash", ["-c", script, "bash", ...words], dir);
  expect(stdout.split("\n").filter((word) => word !== "")).toEqual(expected);
}

test("bash completes commands, subcommands, sites, options and their values", async () => {
  await check("anycastle ev", "events");
  await check("anycastle config v", "validate");
  await check("anycastle kill h", "hgh1", "hkg1");
  await check("anycastle kill ny1 --h", "--how", "--help");
  await check("anycastle kill ny1 --how h", "hang");
  await check("anycastle demo --target a", "ams1");
  await check("anycastle completion f", "fish");
});

test("every command is in every script", async () => {
  const names = (await createProgram()).commands.map((command) => command.name());
  for (const shell of ["bash", "zsh", "fish"] as const) {
    const script = completionScript(shell, await createProgram());
    for (const name of names) expect(script).toContain(name);
  }
});
