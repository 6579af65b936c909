/**
 * The live table as a person has it: the demo in a pseudo terminal, keys typed, the picture read. One cast; the tests
 * build on each other in order, as the keys of one sitting do.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { cleanEnvironment, LAUNCHER, scratch } from "../cli/run-cli.ts";
import { Terminal, terminalCommand } from "./terminal.ts";

const { dir, remove } = scratch();
const hasTerminal = terminalCommand() !== undefined;
const NO_TERMINAL = "neither python3 (pty) nor script: no pseudo terminal";
const SHOW_CURSOR = "\u001b[?25h";
const HIDE_CURSOR = "\u001b[?25l";
const SECOND_PAGE = "\u001b[?1049h";
const FIRST_PAGE = "\u001b[?1049l";
const ESCAPE = "\u001b";

let terminal: Terminal;

beforeAll(async () => {
  if (!hasTerminal) return;
  const env: NodeJS.ProcessEnv = { ...cleanEnvironment(dir), TERM: "xterm-256color" };
  delete env["CI"]; // In a CI's log no cursor is moved.
  // Afterwards the state of the terminal is told, for the last test.
  const script = '"$@"; status=$?; stty -a; exit $status';
  const words = [process.execPath, LAUNCHER, "demo", "--nodes", "2", "--port", "0", "--control-port", "0"];
  terminal = new Terminal(script, words, { cwd: dir, env });
  await terminal.shows(/in service/);
}, 60_000);

afterAll(async () => {
  if (hasTerminal) {
    terminal.child.stdin!.end();
    terminal.child.kill("SIGHUP");
    await terminal.ended;
  }
  remove();
}, 30_000);

test("nine sites and fourteen cities stand in it", (context) => {
  if (!hasTerminal) return context.skip(NO_TERMINAL);
  for (const site of "ny1 la1 hgh1 ctu1 ams1 hkg1 szx1 syd1 wuh1".split(" ")) {
    expect(terminal.screen).toMatch(new RegExp(`\\d ${site} .* announced .* ${site}-1 healthy`));
  }
  expect(terminal.screen).toMatch(/New York +ny1 +3\.0/);
  expect(terminal.screen).toContain("1-9 arm a site");
});

test("a digit arms a site, again its nodes, Escape disarms", { timeout: 60_000 }, async (context) => {
  if (!hasTerminal) return context.skip(NO_TERMINAL);
  terminal.type("1");
  await terminal.shows(/> 1 ny1[\s\S]*Enter: kill ny1 /);
  terminal.type("1");
  expect(await terminal.shows(/Enter: kill ny1-1 /)).not.toContain("1-9 arm a site");
  terminal.type(ESCAPE);
  expect(await terminal.shows(/1-9 arm a site/)).not.toMatch(/^> /m);
});

test("Enter kills what is armed, and only that", { timeout: 60_000 }, async (context) => {
  if (!hasTerminal) return context.skip(NO_TERMINAL);
  terminal.type("\r");
  await terminal.shows(/arm a site first/);
  terminal.type("1\r");
  await terminal.shows(/kill ny1: done/);
  await terminal.shows(/1 ny1 .* withdrawn .*ny1-1 kill.*ny1-2 kill/);
  await terminal.shows(/New York +la1 /);
  expect(terminal.screen).toMatch(/2 la1 .* announced /);
});

test("`t` tests from all cities and fills in their times", { timeout: 60_000 }, async (context) => {
  if (!hasTerminal) return context.skip(NO_TERMINAL);
  terminal.type("t");
  await terminal.shows(/test from 14 cities: done/);
  const screen = await terminal.shows(/New York +la1 +\d+\.\d +\d+/);
  expect(screen.match(/ (?:ny1|la1|hgh1|ctu1|ams1|hkg1|szx1|syd1|wuh1) +\d+\.\d +\d+/g)).toHaveLength(14);
});

test("`r` brings everything back", { timeout: 60_000 }, async (context) => {
  if (!hasTerminal) return context.skip(NO_TERMINAL);
  terminal.type("r");
  await terminal.shows(/revive all: done/);
  await terminal.shows(/1 ny1 .* announced .*ny1-1 healthy .*ny1-2 healthy/);
  expect(await terminal.shows(/New York +ny1 /)).not.toMatch(/^. \d \w+ .*withdrawn/m);
});

test("`h` helps, and helps no more", { timeout: 60_000 }, async (context) => {
  if (!hasTerminal) return context.skip(NO_TERMINAL);
  terminal.type("h");
  expect(await terminal.shows(/arm a site; again: its first node/)).toContain("next way to fail");
  terminal.type("h");
  expect(await terminal.shows(/^(?![\s\S]*arm a site; again)/)).not.toContain("next way to fail");
});

test("`q` ends it with 0 and leaves the terminal as it was", { timeout: 60_000 }, async (context) => {
  if (!hasTerminal) return context.skip(NO_TERMINAL);
  terminal.type("q");
  expect(await terminal.ended).toBe(0);
  const { output } = terminal;
  expect(output).toContain("stopping, at most 8 s (Ctrl-C again: now)");
  expect(output.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(output.lastIndexOf(HIDE_CURSOR));
  expect(output.lastIndexOf(FIRST_PAGE)).toBeGreaterThan(output.lastIndexOf(SECOND_PAGE));
  // Lines and echo are the terminal's business again (stty).
  const settings = output.slice(output.lastIndexOf("speed "));
  expect(settings).toMatch(/[^-]icanon/);
  expect(settings).toMatch(/[^-]echo /);
});
