/** Starts a load run in a process of its own, hears it, and reads its result. It ends with whoever started it. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { EXIT, UserError } from "#core/errors.ts";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { ProcessEvent } from "#core/wire/events.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { loadSchema, type LoadInput } from "./load-document.ts";

const ENTRY = fileURLToPath(new URL("../../bin/cast.js", import.meta.url));
const STDERR_CHARS_MAX = 4_000;

export interface StartedLoad {
  readonly pid: number;
  /** Ends the plan; what was due until now counts. */
  stop(): void;
  readonly finished: Promise<{ readonly result: LoadResult; readonly logFile: string }>;
}

/** Throws `LOAD_INVALID` before anything is started. `finished` rejects with `LOAD_FAILED` when the process dies. */
export function startLoad(options: {
  readonly document: LoadInput;
  readonly onEvent: (event: ProcessEvent) => void;
}): StartedLoad {
  const parsed = loadSchema.safeParse(options.document);
  if (!parsed.success) {
    const text = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
    throw new UserError("LOAD_INVALID", text);
  }
  const { logFile, resultFile } = parsed.data;
  const child = spawn(process.execPath, [ENTRY, "load"], { stdio: ["pipe", "pipe", "pipe"] });
  const {
    promise: finished,
    resolve,
    reject,
  } = Promise.withResolvers<{ result: LoadResult; logFile: string }>();
  const reader = new NdjsonReader(
    (value) => options.onEvent(value as ProcessEvent),
    () => undefined,
  );
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => reader.push(chunk));
  child.stderr.on(
    "data",
    (chunk: Buffer) => (said = (said + chunk.toString("utf8")).slice(-STDERR_CHARS_MAX)),
  );
  child.stdin.on("error", () => undefined);
  child.once("error", reject);
  child.once("close", (code, signal) => {
    if (code !== 0) {
      reject(
        new UserError("LOAD_FAILED", `the load process ended with ${code ?? signal}: ${said.trim()}`, {
          exitCode: EXIT.failure,
        }),
      );
      return;
    }
    readFile(resultFile, "utf8").then(
      (text) => resolve({ result: JSON.parse(text) as LoadResult, logFile }),
      reject,
    );
  });
  finished.catch(() => undefined); // Whoever waits for it is told; nobody else needs to be.
  child.stdin.write(`${JSON.stringify({ process: "load", document: parsed.data })}\n`);
  return {
    pid: child.pid ?? 0,
    stop: () => {
      if (child.stdin.writable) child.stdin.write(`${JSON.stringify({ do: "stop" })}\n`);
    },
    finished,
  };
}
