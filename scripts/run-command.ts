/**
 * Runs one tool to its end within a time limit: its own process group, no standard input, and the whole group killed
 * when the limit is reached, so that a check that hangs ends as a failure that names itself.
 *
 * Output is either shown as it comes or collected up to a bound.
 */
import { spawn } from "node:child_process";

/** Characters kept of a collected output; a linter that reports more than this has said enough. */
const COLLECTED_CHARS_MAX = 32_000_000;

export interface CommandResult {
  /** Exit status; 124 when the time limit ended it, 127 when it could not be started. */
  readonly status: number;
  /** Standard output when collected, else empty. */
  readonly output: string;
}

export interface CommandOptions {
  readonly timeoutMs: number;
  readonly cwd?: string;
  /** Collect standard output instead of showing it. */
  readonly isCollected?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

export function runCommand(command: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const [program = "", ...args] = command;
  const isCollected = options.isCollected ?? false;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", isCollected ? "pipe" : "inherit", "inherit"],
      detached: true,
    });
    let output = "";
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      if (child.pid !== undefined) killGroup(child.pid);
    }, options.timeoutMs);
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      if (output.length < COLLECTED_CHARS_MAX) output += chunk;
    });
    child.on("error", (error) => {
      clearTimeout(timer);
      process.stderr.write(`${program}: ${error.message}\n`);
      resolve({ status: 127, output });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      if (isLate)
        process.stderr.write(`${program}: not finished within ${options.timeoutMs / 1000} s, ended\n`);
      resolve({ status: isLate ? 124 : (code ?? 1), output });
    });
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group ended between the timer and the signal.
  }
}
