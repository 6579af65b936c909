/** Runs the launcher as a person would: a process of its own, in a directory and with a runtime directory of its own. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const PROJECT_ROOT = dirname(dirname(import.meta.dirname));
export const LAUNCHER = join(PROJECT_ROOT, "bin", "anycastle.js");
/** Generous: on a busy machine a process alone takes a second to start. */
const RUN_MS_MAX = 60_000;

export interface CliRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory for one test file; `remove` it afterwards. */
export function scratch(): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), "anycastle-cli-"));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export function cleanEnvironment(dir: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: "1", CI: "1" };
  for (const name of Object.keys(env)) {
    if (name.startsWith("ANYCASTLE_") || name === "FORCE_COLOR" || name.startsWith("VITEST"))
      delete env[name];
  }
  return {
    ...env,
    ANYCASTLE_RUNTIME_DIR: join(dir, "runtime"),
    XDG_CONFIG_HOME: join(dir, "config-home"),
  };
}

export function anycastle(dir: string, ...args: readonly string[]): Promise<CliRun> {
  return run(process.execPath, [LAUNCHER, ...args], dir);
}

export function run(file: string, args: readonly string[], dir: string): Promise<CliRun> {
  return new Promise((resolve) => {
    const options = { cwd: dir, env: cleanEnvironment(dir), timeout: RUN_MS_MAX };
    const child = execFile(file, [...args], options, (_error, stdout, stderr) => {
      resolve({ status: child.exitCode, stdout, stderr });
    });
  });
}

/** A command that goes on until it is told to stop. */
export class LongRun {
  readonly child: ChildProcess;
  readonly ended: Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
  stdout = "";
  stderr = "";
  #wake: () => void = () => undefined;

  constructor(
    dir: string,
    args: readonly string[],
    node: string = process.execPath,
    launcher: string = LAUNCHER,
  ) {
    this.child = spawn(node, [launcher, ...args], {
      cwd: dir,
      env: cleanEnvironment(dir),
      stdio: ["ignore", "pipe", "pipe"],
    });
    // A test that fails before it has ended it must not leave it behind.
    process.once("exit", () => this.child.kill("SIGKILL"));
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      this.child.on("close", (status, signal) => {
        resolve({ status, signal });
        this.#wake();
      });
    });
  }

  /** Resolves once standard output or error has `text`; rejects when the process ends without it. */
  async said(text: string): Promise<void> {
    while (!this.stdout.includes(text) && !this.stderr.includes(text)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended without saying "${text}": ${this.stdout}${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
