/**
 * One line of JSON for each request: what was asked, who answered, after which attempts. Requests that failed or needed more
 * than one attempt are always written, of the others a share, chosen by the request's id, so that all gateways on its way
 * choose alike.
 *
 * Writing never holds a request up: lines wait in memory up to `BYTES_MAX`, what comes above is dropped and counted. A
 * disk that is full or a file that has gone costs lines, nothing else; the file is opened again, and after a rotation by
 * `reopen`.
 */
import { createWriteStream, type WriteStream } from "node:fs";
import { after, wallClock, type Timer } from "#core/host/clock.ts";
import { hashText } from "#core/prng.ts";
import type { AttemptOutcome, RequestOutcome } from "./telemetry.ts";

const BYTES_MAX = 8 * 1024 * 1024;
const REOPEN_MS = 1_000;
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
}

export interface AccessLogOptions {
  /** `stdout`: standard output. */
  readonly file: string;
  /** From 0 to 1. */
  readonly sampleSuccess: number;
  readonly version: string;
}

export class AccessLog {
  readonly #options: AccessLogOptions;
  #stream: WriteStream | undefined;
  #timer: Timer | undefined;
  #isClosed = false;
  written = 0;
  dropped = 0;

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
    const line = `${lineOf(request, this.#options.version)}\n`;
    if (this.#options.file === "stdout") {
      this.#put(process.stdout, line);
      return;
    }
    if (this.#stream === undefined) this.dropped += 1;
    else this.#put(this.#stream, line);
  }

  /** The file was moved away: the next line goes to a new one of that name. */
  reopen(): void {
    if (this.#options.file === "stdout" || this.#isClosed) return;
    this.#stream?.end();
    this.#open();
  }

  /** What waits is written first. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    stream.once("close", resolve);
    stream.end();
    await promise;
  }

  #put(to: NodeJS.WritableStream & { readonly writableLength: number }, line: string): void {
    if (to.writableLength + line.length > BYTES_MAX) {
      this.dropped += 1;
      return;
    }
    to.write(line);
    this.written += 1;
  }

  #open(): void {
    if (this.#options.file === "stdout") return;
    const stream = createWriteStream(this.#options.file, { flags: "a", mode: 0o640 });
    this.#stream = stream;
    stream.on("error", () => {
      stream.destroy();
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      if (!this.#isClosed) this.#timer = after(REOPEN_MS, () => this.#open(), { unref: true });
    });
  }
}

/** JSON escapes control characters, so that nothing a client sends can begin a line of its own. */
function lineOf(request: LoggedRequest, version: string): string {
  const { outcome, attempts, failure } = request;
  return JSON.stringify({
    datetime: wallClock(),
    level: failure !== undefined ? "error" : attempts.length > 1 ? "warn" : "info",
    service: "anycastle-gateway",
    version,
    event_type: "request",
    request_id: request.requestId,
    message: `${request.method} ${request.status} ${outcome}`,
    response_time: round(request.durationMs),
    success: outcome === "ok" || outcome === "rescued",
    context: {
      client: request.client,
      vantage: request.vantage,
      method: request.method,
      path: request.path.slice(0, PATH_CHARS_MAX),
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
