/** One command to its end, for `ProcessProvider`: a child of its own group, never through a shell, bounded in time and output. */
import { spawn } from "node:child_process";
import { after } from "#core/host/clock.ts";

export interface ProcessRun {
  readonly path: string;
  readonly words: readonly string[];
  readonly timeoutMs: number;
  /** For its standard input; absent: it has none. */
  readonly input?: string;
}

export interface ProcessEnd {
  /** Exit status; of a signal its number, negative, as Python tells it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class ProcessFailedError extends Error {
  readonly code = "PROCESS_FAILED";
}

/** Rejects with `ProcessFailedError`, or with the signal's reason. */
export type RunProcess = (run: ProcessRun, signal: AbortSignal) => Promise<ProcessEnd>;

const OUTPUT_BYTES_MAX = 1024 * 1024;
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

export const runProcess: RunProcess = ({ path, words, timeoutMs, input }, signal) => {
  const { promise, resolve, reject } = Promise.withResolvers<ProcessEnd>();
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  const child = spawn(path, words, { stdio: ["pipe", "pipe", "pipe"], detached: true, shell: false });
  // A program that does not read its input is no failure.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input ?? "");
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[], bytes: 0 };
  let failure: Error | undefined;
  /** With everything it started: a group outlives its leader. */
  const end = (why: Error): void => {
    failure ??= why;
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      child.kill("SIGKILL");
    }
  };
  const timer = after(timeoutMs, () =>
    end(new ProcessFailedError("process activity took too long to complete")),
  );
  const onAbort = (): void => end(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => {
      output.bytes += chunk.length;
      if (output.bytes > OUTPUT_BYTES_MAX)
        end(new ProcessFailedError(`it wrote more than ${OUTPUT_BYTES_MAX} bytes`));
      else output[name].push(chunk);
    });
  }
  child.on("error", (error) => {
    failure ??= new ProcessFailedError(`${path} cannot be run: ${error.message}`, { cause: error });
    if (child.pid === undefined) finish(null, null);
  });
  child.on("close", finish);
  function finish(code: number | null, killedBy: string | null): void {
    timer.cancel();
    signal.removeEventListener("abort", onAbort);
    if (failure !== undefined) return reject(failure);
    resolve({
      status: code ?? -(SIGNAL_NUMBERS[killedBy ?? ""] ?? 1),
      stdout: Buffer.concat(output.stdout).toString("utf8"),
      stderr: Buffer.concat(output.stderr).toString("utf8"),
    });
  }
  return promise;
};
