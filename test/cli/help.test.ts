import { CommanderError, type Command } from "commander";
import { expect, test } from "vitest";
import { createProgram } from "../../cli/program.ts";

function allPaths(command: Command, path: readonly string[] = []): string[][] {
  return [[...path], ...command.commands.flatMap((child) => allPaths(child, [...path, child.name()]))];
}

async function helpOf(path: readonly string[]): Promise<{ text: string; status: number }> {
  const program = await createProgram();
  let text = "";
  const writeOut = (part: string): void => {
    text += part;
  };
  const visit = (command: Command): void => {
    command.configureOutput({ writeOut, getOutHelpWidth: () => 100 });
    command.commands.forEach(visit);
  };
  visit(program);
  const ending: unknown = await program
    .parseAsync(["node", "anycastle", ...path, "--help"])
    .catch((error: unknown) => error);
  return { text, status: ending instanceof CommanderError ? ending.exitCode : -1 };
}

const paths = allPaths(await createProgram());

test("all commands of the contract are there", async () => {
  const names = (await createProgram()).commands.map((command) => command.name());
  for (const name of "demo status test kill revive drain reset events load gateway node sim doctor config version completion".split(
    " ",
  )) {
    expect(names).toContain(name);
  }
});

test.each(paths.map((path) => [path.join(" ") || "anycastle", path] as const))(
  "help of `%s` ends with 0 and shows two to four examples that start with the command",
  async (_name, path) => {
    const { text, status } = await helpOf(path);
    expect(status).toBe(0);
    expect(text).toContain("Usage: anycastle");
    const examples = text.split("\n").filter((line) => line.startsWith("  $ "));
    expect(examples.length).toBeGreaterThanOrEqual(2);
    expect(examples.length).toBeLessThanOrEqual(4);
  },
);

test("every command and option has a description", async () => {
  const undescribed: string[] = [];
  const visit = (command: Command, path: string): void => {
    if (command.description() === "") undescribed.push(path);
    for (const option of command.options)
      if (option.description === "") undescribed.push(`${path} ${option.flags}`);
    for (const argument of command.registeredArguments) {
      if (argument.description === "") undescribed.push(`${path} ${argument.name()}`);
    }
    for (const child of command.commands) visit(child, `${path} ${child.name()}`);
  };
  visit(await createProgram(), "anycastle");
  expect(undescribed).toEqual([]);
});
