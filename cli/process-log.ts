/**
 * What a process that runs by itself says of itself while it runs, on standard error: sentences, or with `--log-format json` a
 * document a line (`core/log-record.ts`). Events are told to it too: its level follows from how bad the story is, an event that
 * has no story for people is `debug`, and its fields are merged in, its kind as `event_type`.
 */
import { UserError } from "#core/errors.ts";
import { nowNs, wallClock } from "#core/host/clock.ts";
import { codePlace, errorPlace } from "#core/host/code-place.ts";
import type { EventSink } from "#core/host/event-channel.ts";
import { isLogged, logLine, type CodePlace, type LogFormat, type LogLevel } from "#core/log-record.ts";
import type { EventBody } from "#core/wire/events.ts";
import { storyOf, type Story } from "./event-line.ts";
import type { Output } from "./output.ts";
import { ReportedError } from "./reported-error.ts";

export interface LogFlags {
  readonly logFormat: LogFormat;
  readonly logLevel: LogLevel;
}

type Extra = Readonly<Record<string, unknown>>;

/** The JSON kind. */
export class ProcessLog implements EventSink {
  readonly #tell: (line: string) => void;
  readonly #least: LogLevel;

  constructor(tell: (line: string) => void, least: LogLevel) {
    this.#tell = tell;
    this.#least = least;
  }

  say(level: LogLevel, message: string, extra: Extra = {}): void {
    if (isLogged(level, this.#least)) this.#write(level, message, codePlace(import.meta.url), extra);
  }

  /** What ends the process; its place is where it was thrown. */
  failed(error: UserError): void {
    const { code, message, hint } = error;
    const extra = { event_type: "error", error_type: code, ...(hint === undefined ? {} : { hint }) };
    this.#write("error", message, errorPlace(error), extra);
  }

  emit(body: EventBody, atNs: number = nowNs()): void {
    const { kind, ...fields } = body;
    const story = storyOf(body);
    this.say(levelOf(story), story?.text ?? kind, { event_type: kind, atNs, ...fields });
  }

  #write(level: LogLevel, message: string, place: CodePlace, extra: Extra): void {
    this.#tell(logLine({ timestamp: wallClock(), level, message, ...place }, extra));
  }
}

function levelOf(story: Story | undefined): LogLevel {
  if (story === undefined) return "debug";
  if (story.style === "red") return "error";
  return story.style === "yellow" ? "warning" : "info";
}

/**
 * Runs what goes on until it is told to stop. `log` is there where records are wanted; then what `run` tells are records too, and
 * the error that ends it is the last of them.
 */
export async function withLog(
  output: Output,
  { logFormat, logLevel }: LogFlags,
  run: (output: Output, log: ProcessLog | undefined) => Promise<number>,
): Promise<number> {
  if (logFormat === "text") return await run(output, undefined);
  const log = new ProcessLog(output.tell, logLevel);
  try {
    return await run({ ...output, tell: (text) => log.say("info", text) }, log);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    log.failed(error);
    throw new ReportedError(error.exitCode);
  }
}

/** For a part whose every word is about what is wrong. */
export function tellingErrors(output: Output, log: ProcessLog | undefined): Output {
  return log === undefined ? output : { ...output, tell: (text) => log.say("error", text) };
}
