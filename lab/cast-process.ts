/**
 * One process of the cast as the lab holds it: started with its configuration on the first line of standard input,
 * commanded by the lines after it, heard through its standard output. Its end is told once, with what was known of it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { nowMs, nowNs } from "#core/host/clock.ts";
import { childEnvironment } from "#core/host/environment.ts";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { CastCommand, CastConfig } from "#core/wire/cast.ts";
import type { EventBody, ProcessEvent } from "#core/wire/events.ts";

const ENTRY = fileURLToPath(new URL("../bin/cast.js", import.meta.url));
/** Lines of a child's standard error that become events, a second; more are counted and left out. */
const LOG_LINES_PER_S_MAX = 50;
const LOG_LINE_LENGTH_MAX = 500;

export interface CastProcessOptions {
  readonly name: string;
  readonly role: CastConfig["process"];
  readonly config: CastConfig;
  readonly environment: Readonly<Record<string, string>>;
  readonly onEvent: (event: ProcessEvent) => void;
  readonly onExit: (exit: ProcessExit) => void;
}

export interface ProcessExit {
  readonly pid: number;
  readonly code: number | null;
  readonly signal: string | null;
  readonly upMs: number;
}

export class CastProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves with a sentence when the process has ended. */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  #isRunning = true;

  constructor(options: CastProcessOptions) {
    this.name = options.name;
    const startedMs = nowMs();
    this.#child = spawn(process.execPath, [ENTRY, options.role], {
      stdio: ["pipe", "pipe", "pipe"],
      env: childEnvironment(options.environment),
    });
    this.pid = this.#child.pid ?? 0;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.exited = promise;
    let isTold = false;
    const ended = (code: number | null, signal: string | null): void => {
      if (isTold) return;
      isTold = true;
      this.#isRunning = false;
      options.onExit({ pid: this.pid, code, signal, upMs: nowMs() - startedMs });
      resolve(signal === null ? `exited with ${code}` : `ended by ${signal}`);
    };
    this.#child.once("exit", ended);
    this.#child.once("error", () => ended(null, "a failed start"));
    this.#listen(options);
    this.#write(options.config);
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  send(command: CastCommand): void {
    this.#write(command);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#isRunning) this.#child.kill(signal);
  }

  #listen({ name, onEvent }: CastProcessOptions): void {
    const log = (line: string): void => {
      const body: EventBody = {
        kind: "process.log",
        process: name,
        line: line.slice(0, LOG_LINE_LENGTH_MAX),
      };
      onEvent({ atNs: nowNs(), source: name, ...body });
    };
    const events = new NdjsonReader(
      (value) => {
        if (isEvent(value)) onEvent(value);
        else log(`no event: ${JSON.stringify(value)}`);
      },
      (error) => log(error.message),
    );
    this.#child.stdout!.on("data", (chunk: Buffer) => events.push(chunk));
    const lines = new LogLines(log);
    this.#child.stderr!.on("data", (chunk: Buffer) => lines.push(chunk.toString("utf8")));
    // A child that has gone cannot be written to; its exit tells why.
    for (const stream of this.#child.stdio) stream?.on("error", () => undefined);
  }

  #write(value: CastConfig | CastCommand): void {
    if (this.#isRunning) this.#child.stdin!.write(`${JSON.stringify(value)}\n`);
  }
}

/** Whole lines out of chunks, at most so many a second. */
class LogLines {
  readonly #tell: (line: string) => void;
  #rest = "";
  #windowMs = 0;
  #inWindow = 0;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, LOG_LINE_LENGTH_MAX);
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const atMs = nowMs();
    if (atMs - this.#windowMs > 1000) {
      if (this.#inWindow > LOG_LINES_PER_S_MAX) {
        this.#tell(`(${this.#inWindow - LOG_LINES_PER_S_MAX} more lines left out)`);
      }
      this.#windowMs = atMs;
      this.#inWindow = 0;
    }
    this.#inWindow += 1;
    if (this.#inWindow <= LOG_LINES_PER_S_MAX && line !== "") this.#tell(line);
  }
}

function isEvent(value: unknown): value is ProcessEvent {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    typeof value.kind === "string" &&
    "atNs" in value &&
    typeof value.atNs === "number" &&
    "source" in value
  );
}
