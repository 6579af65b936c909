/** One HTTP exchange on the wire, for `HttpProvider`: undici, and a fake in tests and in virtual time. */
import { Agent, interceptors, request } from "undici";
import { codeOf, messageOf } from "#core/errors.ts";
import { after, type Timer } from "#core/host/clock.ts";

export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly connectMs: number;
  /** Until the header, and between two pieces of the body. */
  readonly readMs: number;
  readonly verifyTls: boolean;
}

export interface HttpReply {
  readonly status: number;
  /** Names as they were sent; repeated ones are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** `connect`: nothing was sent, so that trying again is safe. */
export class ExchangeError extends Error {
  readonly code = "EXCHANGE";
  readonly phase: "connect" | "timeout" | "exchange";

  constructor(phase: ExchangeError["phase"], message: string, cause: unknown) {
    super(message, { cause });
    this.phase = phase;
  }
}

export interface HttpTransport {
  /** Rejects with `ExchangeError`. */
  exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpReply>;
}

/** A probe reads a document, not a download. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** As requests. */
const REDIRECTS_MAX = 30;
const NOT_CONNECTED: ReadonlySet<string | undefined> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** A connection for each exchange, like Chaos Toolkit's: a probe must not hide behind a connection that was open before. */
export const undiciTransport: HttpTransport = {
  async exchange({ url, method, headers, body, connectMs, readMs, verifyTls }, signal) {
    const agent = new Agent({
      connect: { timeout: connectMs, rejectUnauthorized: verifyTls },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const silence = new SilenceLimit(connectMs + readMs);
    try {
      const reply = await request(url, {
        dispatcher: agent.compose(interceptors.redirect({ maxRedirections: REDIRECTS_MAX })),
        method,
        headers,
        body,
        signal: AbortSignal.any([signal, silence.signal]),
        responseHeaders: "raw",
      });
      return {
        status: reply.statusCode,
        headers: joined(reply.headers as unknown as readonly (string | Buffer)[]),
        body: await boundedBody(reply.body, () => silence.renew(readMs)),
      };
    } catch (error) {
      if (silence.signal.aborted) throw new ExchangeError("timeout", "no answer in time", error);
      const phase = NOT_CONNECTED.has(codeOf(error)) ? "connect" : "exchange";
      throw new ExchangeError(phase, messageOf(error), error);
    } finally {
      silence.end();
      await agent.destroy();
    }
  },
};

/** Undici's own limits look at a clock that ticks every half second; a probe of a drill waits 250 ms. */
class SilenceLimit {
  readonly #abort = new AbortController();
  #timer: Timer;

  constructor(ms: number) {
    this.#timer = this.#start(ms);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  renew(ms: number): void {
    this.#timer.cancel();
    this.#timer = this.#start(ms);
  }

  end(): void {
    this.#timer.cancel();
  }

  #start(ms: number): Timer {
    return after(ms, () => this.#abort.abort());
  }
}

async function boundedBody(body: AsyncIterable<Buffer>, onChunk: () => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  onChunk();
  for await (const chunk of body) {
    onChunk();
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`the body has more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Undici's raw form: name, value, name, value. */
function joined(raw: readonly (string | Buffer)[]): Record<string, string> {
  const headers = new Map<string, [string, string]>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name, value] = [String(raw[index]), String(raw[index + 1])];
    const known = headers.get(name.toLowerCase());
    headers.set(
      name.toLowerCase(),
      known === undefined ? [name, value] : [known[0], `${known[1]}, ${value}`],
    );
  }
  return Object.fromEntries(headers.values());
}
