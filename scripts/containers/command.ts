/** Commands of the container run: their output as text, a time limit each, and an error that shows what was said. */
import { spawn } from "node:child_process";

/** Of what a command has said, an error shows the end. */
const SHOWN_CHARS_MAX = 4000;
const COLLECTED_CHARS_MAX = 4_000_000;

export interface CommandEnd {
  /** 124: the time limit ended it; 127: it could not be started. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly timeoutMs: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Never rejects. */
export function attempt(command: readonly string[], options: CommandOptions): Promise<CommandEnd> {
  const [program = "", ...args] = command;
  const { timeoutMs, cwd } = options;
  return new Promise((resolve) => {
    const env = { ...process.env, ...options.env };
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const said = { stdout: "", stderr: "" };
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      if (child.pid !== undefined) endGroup(child.pid);
    }, timeoutMs);
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        if (said[name].length < COLLECTED_CHARS_MAX) said[name] += text;
      });
    }
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ status: 127, stdout: "", stderr: error.message });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      if (isLate) said.stderr += `\nnot finished within ${timeoutMs / 1000} s`;
      resolve({ status: isLate ? 124 : (code ?? 1), ...said });
    });
  });
}

/** Standard output, trimmed; rejects when the command does not end with 0. */
export async function succeed(command: readonly string[], options: CommandOptions): Promise<string> {
  const { status, stdout, stderr } = await attempt(command, options);
  if (status === 0) return stdout.trim();
  const said = `${stdout}\n${stderr}`.trim().slice(-SHOWN_CHARS_MAX);
  throw new Error(`\`${command.join(" ").slice(0, 200)}\` ended with ${status}:\n${said}`);
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended between the timer and the signal.
  }
}
