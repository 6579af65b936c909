/**
 * A program on one side of a link: started, listened to, and ended with the test. It is ended by the kernel too when
 * the test's own process is (`setpriv --pdeathsig`), so that no router outlives a run that was killed.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { sleep } from "#core/host/clock.ts";
import type { Link, Side } from "./namespaces.ts";

const LINES_MAX = 20_000;
const COMMAND_MS_MAX = 10_000;
/** Between two looks at a program that does not tell by itself. */
const LOOK_MS = 20;

export class Program {
  readonly process: ChildProcess;
  /** Standard output and standard error, the latest lines. */
  readonly lines: string[] = [];
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>;

  constructor(link: Link, side: Side, command: readonly string[], onLine?: (line: string) => void) {
    const words = ["--pdeathsig", "KILL", ...link.enter(side), ...command];
    this.process = spawn("setpriv", words, { stdio: ["pipe", "pipe", "pipe"] });
    this.process.stdin!.on("error", () => undefined); // It has ended; `exit` says so.
    this.exit = new Promise((resolve) => {
      this.process.once("exit", (code, signal) => resolve({ code, signal }));
      this.process.once("error", (error) => {
        this.lines.push(error.message);
        resolve({ code: 127, signal: null });
      });
    });
    createInterface(this.process.stdout!).on("line", (line) => {
      this.#keep(line);
      onLine?.(line);
    });
    createInterface(this.process.stderr!).on("line", (line) => this.#keep(line));
    onTestFinished(async () => {
      this.process.kill("SIGKILL");
      await this.exit;
    });
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  say(line: string): void {
    this.process.stdin!.write(`${line}\n`);
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  #keep(line: string): void {
    if (this.lines.length >= LINES_MAX) this.lines.shift();
    this.lines.push(line);
  }
}

const execute = promisify(execFile);

/** Standard output of a command that looks at a program. */
export async function ask(command: readonly string[]): Promise<string> {
  const [program = "", ...words] = command;
  return (await execute(program, words, { timeout: COMMAND_MS_MAX })).stdout;
}

/** Looks again and again until there is an answer; the time limit names what was waited for and what was seen last. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 15_000,
  seen: () => string = () => "",
): Promise<T> {
  const untilMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > untilMs) {
      throw new Error(`waited ${timeoutMs / 1000} s for ${what}\n${seen()}`);
    }
    await sleep(LOOK_MS);
  }
}
