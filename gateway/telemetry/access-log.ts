/**
 * One line of JSON for each request: what was asked, who answered, after which attempts. Requests that failed or needed more
 * than one attempt are always written, of the others a share, chosen by the request's id, so that all gateways on its way
 * choose alike.
 *
 * Writing never holds a request up: lines wait in memory up to `BYTES_MAX`, what comes above is dropped and counted, and a
 * line counts as written when the system has taken it. A disk that is full, a file that has gone or a reader that has
 * left costs lines, nothing else; the file is opened again, and after a rotation by `reopen`.
 */
import { createWriteStream } from "node:fs";
import { after, wallClock, type Timer } from "#core/host/clock.ts";
import { hashText } from "#core/prng.ts";
import { pathOf } from "../routing/path-of.ts";
import type { AttemptOutcome, RequestOutcome } from "./telemetry.ts";

const BYTES_MAX = 8 * 1024 * 1024;
const REOPEN_MS = 1_000;
/** How long the end of the gateway waits for a disk or a reader that takes nothing. */
const CLOSE_MS_MAX = 2_000;
const PATH_CHARS_MAX = 2_048;
const HASHES = 2 ** 32;

export interface LoggedAttempt {
  readonly node: string;
  readonly site: string;
  readonly outcome: AttemptOutcome;
  /** Until its head, or its end without one. */
  readonly ms: number;
  readonly isHedge: boolean;
}

export interface LoggedRequest {
  readonly requestId: string;
  readonly client: string;
  readonly vantage: string;
  readonly method: string;
  /** With its query, which is written only where that is asked for. */
  readonly path: string;
  /** 0: none was sent. */
  readonly status: number;
  readonly outcome: RequestOutcome;
  /** Why it failed; undefined: it did not. */
  readonly failure: string | undefined;
  readonly durationMs: number;
  /** Of the body, as sent to the client. */
  readonly bytes: number;
  readonly attempts: readonly LoggedAttempt[];
  /** Of requests that are traced. */
  readonly traceId?: string | undefined;
}

export interface AccessLogOptions {
  /** `stdout`: standard output. */
  readonly file: string;
  /** From 0 to 1. */
  readonly sampleSuccess: number;
  readonly isQueryLogged: boolean;
  readonly version: string;
  /** Counts on, whichever log a configuration has. */
  readonly lines: LineCount;
}

export interface LineCount {
  written: number;
  dropped: number;
}

type Sink = NodeJS.WritableStream & { readonly writableLength: number };

export class AccessLog {
  readonly #options: AccessLogOptions;
  /** Files that were told to end, until they have. */
  readonly #ending = new Set<Promise<void>>();
  /** undefined: the file cannot be written just now. */
  #sink: Sink | undefined;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#open();
  }

  wants({ outcome, attempts, requestId }: LoggedRequest): boolean {
    if (outcome !== "ok" || attempts.length > 1) return true;
    return hashText(requestId) < this.#options.sampleSuccess * HASHES;
  }

  write(request: LoggedRequest): void {
    if (!this.wants(request)) return;
    const line = `${lineOf(request, this.#options)}\n`;
    const sink = this.#sink;
    if (sink === undefined || sink.writableLength + Buffer.byteLength(line) > BYTES_MAX) {
      this.#options.lines.dropped += 1;
      return;
    }
    sink.write(line, this.#onWritten);
  }

  /** The file was moved away: the next line goes to a new one of that name. */
  reopen(): void {
    if (this.#sink === process.stdout || this.#isClosed) return;
    this.#endFile();
    this.#open();
  }

  /** What waits is written first, if anybody takes it within `CLOSE_MS_MAX`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#endFile();
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const timer = after(CLOSE_MS_MAX, resolve);
    await Promise.race([Promise.all(this.#ending), tooLong]);
    timer.cancel();
  }

  readonly #onWritten = (error?: Error | null): void => {
    const { lines } = this.#options;
    if (error === undefined || error === null) lines.written += 1;
    else lines.dropped += 1;
  };

  #open(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#options.file === "stdout") {
      // Who listens for its errors decides whether the process goes on; for the log they are lines that were dropped.
      this.#sink = process.stdout.on("error", ignore);
      return;
    }
    const stream = createWriteStream(this.#options.file, { flags: "a", mode: 0o640 });
    this.#sink = stream;
    stream.on("error", () => {
      if (this.#sink !== stream) return;
      this.#sink = undefined;
      if (!this.#isClosed) this.#timer = after(REOPEN_MS, () => this.#open(), { unref: true });
    });
  }

  #endFile(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    if (sink === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ending.add(promise);
    void promise.then(() => this.#ending.delete(promise));
    if (sink === process.stdout) {
      sink.write("", () => resolve());
      sink.removeListener("error", ignore);
      return;
    }
    sink.once("close", resolve);
    sink.end();
  }
}

function ignore(): void {
  // Told by the callback of each line.
}

/** JSON escapes control characters, so that nothing a client sends can begin a line of its own. */
function lineOf(request: LoggedRequest, { isQueryLogged, version }: AccessLogOptions): string {
  const { outcome, attempts, failure } = request;
  const path = isQueryLogged ? request.path : pathOf(request.path);
  return JSON.stringify({
    datetime: wallClock(),
    level: failure !== undefined ? "error" : attempts.length > 1 ? "warn" : "info",
    service: "anycastle-gateway",
    version,
    event_type: "request",
    request_id: request.requestId,
    ...(request.traceId === undefined ? {} : { trace_id: request.traceId }),
    message: `${request.method} ${request.status} ${outcome}`,
    response_time: round(request.durationMs),
    success: outcome === "ok" || outcome === "rescued",
    context: {
      client: request.client,
      vantage: request.vantage,
      method: request.method,
      path: path.slice(0, PATH_CHARS_MAX),
      status: request.status,
      outcome,
      bytes: request.bytes,
      ...(failure === undefined ? {} : { failure }),
      attempts: attempts.map(({ ms, isHedge, ...attempt }) => ({
        ...attempt,
        ms: round(ms),
        ...(isHedge ? { hedge: true } : {}),
      })),
    },
  });
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
