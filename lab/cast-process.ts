/**
 * One process of the cast as the lab holds it: started with its configuration on the first line of standard input,
 * commanded by the lines after it, heard through its standard output. What it says is bounded; its end is told once,
 * after the last thing it said, with the time at which it was seen.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { nowMs, nowNs } from "#core/host/clock.ts";
import { heapFlags } from "#core/host/heap.ts";
import { childEnvironment } from "#core/host/environment.ts";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { CastCommand, CastConfig } from "#core/wire/cast.ts";
import type { EventBody, ProcessEvent } from "#core/wire/events.ts";
import { LineBudget } from "./line-budget.ts";

const ENTRY = fileURLToPath(new URL("../bin/cast.js", import.meta.url));
/** A gateway that reports every failed request of the fastest load stays below this. */
const EVENTS_PER_S_MAX = 5_000;
const LOG_LINES_PER_S_MAX = 50;
const LOG_LINE_LENGTH_MAX = 500;
/** Commands are a few bytes each; a child this far behind does not read. */
const COMMAND_BYTES_MAX = 64 * 1024;

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
  /** Time it lived. */
  readonly upMs: number;
  /** Monotonic ns. */
  readonly atNs: number;
  /** The lab ended it (`end`). */
  readonly wasAsked: boolean;
}

export class CastProcess {
  readonly name: string;
  /** 0 when the system could not start it. */
  readonly pid: number;
  /** Resolves when the process has ended and its last event was heard. */
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #options: CastProcessOptions;
  readonly #events = new LineBudget(EVENTS_PER_S_MAX);
  readonly #log = new LineBudget(LOG_LINES_PER_S_MAX);
  #isRunning = true;
  #isReady = false;
  #isEndAsked = false;

  constructor(options: CastProcessOptions) {
    this.name = options.name;
    this.#options = options;
    const startedMs = nowMs();
    this.#child = spawn(process.execPath, [...heapFlags(options.role), ENTRY, options.role], {
      stdio: ["pipe", "pipe", "pipe"],
      env: childEnvironment(options.environment),
      // A Ctrl-C goes to the terminal's whole group, and Node dies of one until its program has asked for it. Only the
      // lab is to hear it. No child outlives the lab for that: its pipe closes, and the guardian kills.
      detached: true,
    });
    this.pid = this.#child.pid ?? 0;
    this.exited = this.#awaitEnd(startedMs);
    this.#listen();
    this.#write(options.config);
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** It has said that it can be used. */
  get isReady(): boolean {
    return this.#isReady && this.#isRunning;
  }

  send(command: CastCommand): void {
    this.#write(command);
  }

  /** A signal after which it lives on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    if (this.#isRunning) this.#child.kill(signal);
  }

  /** Ends it: its end is no reason to start it again. */
  end(signal: "SIGTERM" | "SIGKILL"): void {
    this.#isEndAsked = true;
    if (this.#isRunning) this.#child.kill(signal);
  }

  #awaitEnd(startedMs: number): Promise<ProcessExit> {
    const { promise, resolve } = Promise.withResolvers<ProcessExit>();
    let exit: ProcessExit | undefined;
    const seen = (code: number | null, signal: string | null): void => {
      this.#isRunning = false;
      const { pid } = this;
      exit ??= { pid, code, signal, upMs: nowMs() - startedMs, atNs: nowNs(), wasAsked: this.#isEndAsked };
    };
    const tell = (): void => {
      this.#options.onExit(exit!);
      resolve(exit!);
    };
    this.#child.once("exit", seen);
    // "close" comes when its pipes have been read empty: no event of it is heard after its end.
    this.#child.once("close", (code, signal) => {
      seen(code, signal);
      this.#tellLeftOut();
      tell();
    });
    this.#child.once("error", (error) => {
      if (this.pid !== 0) return;
      this.#logLine(`cannot be started: ${error.message}`);
      seen(null, null);
      tell();
    });
    return promise;
  }

  #listen(): void {
    const events = new NdjsonReader(
      (value) => this.#hear(value),
      (error) => this.#logLine(error.message),
    );
    this.#child.stdout!.on("data", (chunk: Buffer) => events.push(chunk));
    let rest = "";
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!.slice(0, LOG_LINE_LENGTH_MAX);
      for (const line of lines) this.#logLine(line);
    });
    this.#child.stderr!.once("end", () => this.#logLine(rest));
    // A child that has gone cannot be written to; its exit tells why.
    for (const stream of this.#child.stdio) stream?.on("error", () => undefined);
  }

  #hear(value: unknown): void {
    if (!isEvent(value)) return this.#logLine(`no event: ${JSON.stringify(value)}`);
    const { isAdmitted, leftOut } = this.#events.admit(nowMs());
    if (leftOut > 0) this.#tell({ kind: "events.dropped", process: this.name, count: leftOut });
    if (value.kind === "process.ready") this.#isReady = true;
    if (isAdmitted) this.#options.onEvent({ ...value, source: this.name });
  }

  #logLine(line: string): void {
    if (line === "") return;
    const { isAdmitted, leftOut } = this.#log.admit(nowMs());
    if (leftOut > 0) this.#tellLinesLeftOut(leftOut);
    if (isAdmitted) this.#tellLine(line.slice(0, LOG_LINE_LENGTH_MAX));
  }

  #tellLeftOut(): void {
    const count = this.#events.takeLeftOut();
    if (count > 0) this.#tell({ kind: "events.dropped", process: this.name, count });
    const lines = this.#log.takeLeftOut();
    if (lines > 0) this.#tellLinesLeftOut(lines);
  }

  #tellLinesLeftOut(count: number): void {
    this.#tellLine(`(${count} more lines left out)`);
  }

  #tellLine(line: string): void {
    this.#tell({ kind: "process.log", process: this.name, line });
  }

  #tell(body: EventBody): void {
    this.#options.onEvent({ atNs: nowNs(), source: this.name, ...body });
  }

  #write(value: CastConfig | CastCommand): void {
    const stdin = this.#child.stdin!;
    if (!this.#isRunning || !stdin.writable) return;
    if (stdin.writableLength > COMMAND_BYTES_MAX) return this.#tellLine("does not read its commands");
    stdin.write(`${JSON.stringify(value)}\n`);
  }
}

/** `exited with 0`, `ended by SIGKILL`. */
export function describeExit({ code, signal }: ProcessExit): string {
  return signal === null ? `exited with ${code}` : `ended by ${signal}`;
}

function isEvent(value: unknown): value is ProcessEvent {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    typeof value.kind === "string" &&
    "atNs" in value &&
    typeof value.atNs === "number"
  );
}
