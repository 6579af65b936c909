/**
 * Starts a load run in a process of its own and hands its result back, for the command line and for scenarios. The
 * child dies with its parent: its standard input ends.
 */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { NdjsonReader } from "#core/host/ndjson.ts";
import { heapFlags } from "#core/host/heap.ts";
import type { CastCommand, LoadConfig } from "#core/wire/cast.ts";
import type { ProcessEvent } from "#core/wire/events.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { parseLoadDocument, type LoadDocumentInput } from "./load-document.ts";

const ENTRY = fileURLToPath(new URL("../../bin/cast.js", import.meta.url));
/** The end of the child's log that is shown when it fails. */
const LOG_CHARS_MAX = 8 * 1024;

export interface LoadStart {
  readonly document: LoadDocumentInput;
  /** Everything the child reports, as it happens. */
  readonly onEvent?: (event: ProcessEvent) => void;
}

export interface RunningLoad {
  readonly pid: number | undefined;
  /** Rejects with a `UserError` when the child ends without a result. */
  readonly finished: Promise<{ readonly result: LoadResult; readonly logFile: string }>;
  /** Ends the plan: what was due until now counts, and is waited for. */
  stop(): void;
}

/** Throws a `UserError` that lists every fault of the document before anything is started. */
export function startLoad(start: LoadStart): RunningLoad {
  const document = parseLoadDocument(start.document);
  const child = spawn(process.execPath, [...heapFlags("load"), ENTRY, "load"], {
    stdio: ["pipe", "pipe", "pipe"],
    // In no terminal's group: a Ctrl-C is for whoever started it, who then ends it gently.
    detached: true,
  });
  const send = (line: LoadConfig | CastCommand): void => {
    if (child.stdin.writable) child.stdin.write(`${JSON.stringify(line)}\n`);
  };
  child.stdin.on("error", () => undefined); // It has ended; its exit says why.
  readEvents(child, start.onEvent);
  const finished = outcomeOf(child, document);
  finished.catch(() => undefined); // Whoever awaits it later still gets the rejection.
  send({ process: "load", document });
  let isStopped = false;
  return {
    pid: child.pid,
    finished,
    stop() {
      if (!isStopped) send({ do: "stop" });
      isStopped = true;
    },
  };
}

type LoadChild = ChildProcessByStdio<Writable, Readable, Readable>;

function readEvents(child: LoadChild, onEvent: LoadStart["onEvent"]): void {
  const reader = new NdjsonReader(
    (value) => onEvent?.(value as ProcessEvent),
    () => undefined, // Standard output carries events only; anything else is not ours to judge.
  );
  child.stdout.on("data", (chunk: Buffer) => reader.push(chunk));
}

async function outcomeOf(
  child: LoadChild,
  files: { readonly resultFile: string; readonly logFile: string },
): Promise<{ result: LoadResult; logFile: string }> {
  let log = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => {
    log = (log + text).slice(-LOG_CHARS_MAX);
  });
  const ending = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(messageOf(error)));
    child.once("close", (code, signal) => resolve(code === 0 ? undefined : `exit ${signal ?? code}`));
  });
  child.stdin.destroy();
  if (ending !== undefined) {
    throw new UserError("LOAD_FAILED", `the load process ended without a result (${ending}): ${log.trim()}`, {
      exitCode: EXIT.failure,
    });
  }
  const text = await readFile(files.resultFile, "utf8");
  return { result: JSON.parse(text) as LoadResult, logFile: files.logFile };
}
