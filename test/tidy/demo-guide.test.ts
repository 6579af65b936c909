/** The guide of the show: every command, option, value and key in it exists. A wrong one would be found on stage. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FAULT_HOWS } from "#core/wire/faults.ts";
import { ENGLISH } from "#dashboard/words/english.ts";
import { readKeys } from "../../cli/demo/keys.ts";
import { createProgram } from "../../cli/program.ts";
import { PROJECT_ROOT } from "./project-files.ts";

const GUIDE = readFileSync(join(PROJECT_ROOT, "docs", "demo.md"), "utf8");
const STEPS = [...GUIDE.matchAll(/^\| (\d) \| ([\d:]+) \| (.+?) \|/gm)];

function commandsOf(text: string): string[][] {
  return [...text.matchAll(/npx anycastle ([^`#\n]+)/g)].map((match) => match[1]!.trim().split(/\s+/));
}

test("nine steps in ten minutes", () => {
  expect(STEPS.map((step) => step[1])).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  const minutes = STEPS.map((step) => Number(step[2]!.split(":")[0]));
  expect(minutes).toEqual(minutes.toSorted((a, b) => a - b));
  expect(minutes.at(-1)).toBeLessThan(10);
});

test("every command and option that it types exists", async () => {
  const commands = commandsOf(GUIDE);
  expect(commands.length).toBeGreaterThan(12);
  const program = await createProgram();
  for (const [name, ...words] of commands) {
    const command = program.commands.find((known) => known.name() === name);
    expect(command?.name()).toBe(name);
    const options = words.filter((word) => word.startsWith("--"));
    const known = command!.options.map(({ long }) => long);
    expect(options.filter((option) => !known.includes(option))).toEqual([]);
  }
});

test("every way to fail that it names is one, and all of them are named", () => {
  const named = [...GUIDE.matchAll(/--how ([a-z-]+)/g)].map((match) => match[1]!);
  expect([...new Set(named)].toSorted()).toEqual([...FAULT_HOWS].toSorted());
});

test("every key that a step presses does what the step says", () => {
  const pressed = STEPS.flatMap((step) => [...step[3]!.matchAll(/`([a-z0-9])`/g)].map((match) => match[1]!));
  expect(pressed.length).toBeGreaterThan(6);
  const meanings = pressed.map((key) => readKeys(key)[0]?.do);
  expect(meanings).toEqual(["test", "load", "arm", "cycle", "test", "arm", "revive", "test"]);
  expect(readKeys("\r")[0]?.do).toBe("fail");
});

test("every button that it reaches by key on the page is one that the page has, and Escape disarms there", () => {
  const { kill, table, counters } = ENGLISH;
  const rows = [...GUIDE.matchAll(/^\| (?:[\d, ]+|any) \| (?!\d+:)(.*(?:Tab|Enter).*?) \| (.*) \|$/gm)];
  expect(rows.length).toBe(8);
  const named = rows.flatMap(([row]) => [...row.matchAll(/\*\*(.+?)\*\*/g)].map((match) => match[1]!));
  const buttons = [table.run, counters.start, kill.arm, kill.confirm("kill", "ny1"), kill.revive("ny1")];
  expect(named.toSorted()).toEqual(buttons.toSorted());
  const source = readFileSync(join(PROJECT_ROOT, "dashboard", "parts", "kill-switch.tsx"), "utf8");
  expect(source).toContain('event.key === "Escape"');
});
