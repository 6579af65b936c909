/**
 * One client connection and the one request on it: raw socket, own parser, each moment stamped when it is seen. Built
 * for measuring: no pool, no retry, no redirect, nothing between the caller and what the server did.
 *
 * Why a request failed, by name: `refused`, `reset`, `unreachable`, `no-connection` (this host ran out of ports or
 * descriptors), `closed` (the server closed before the first byte), `truncated` (after it), `malformed`, whatever the
 * caller gave up with (`timeout`), or the system's own code in lower case.
 */
import { connect, type Socket } from "node:net";
import { invariant } from "#core/assert.ts";
import { codeOf } from "#core/errors.ts";
import { nowNs } from "#core/host/clock.ts";
import { ResponseParser } from "./response-parser.ts";

/** Without a hint from the server an idle connection is left alone after this: Node's servers close theirs at 5 s. */
const IDLE_MS_MAX = 4_000;
/** Left between the server's idle limit and ours, so that a request does not meet its close halfway. */
const IDLE_MARGIN_MS = 1_000;
const NS_PER_MS = 1e6;

export interface ExchangeEnd {
  /** When the connection stood; null when it stood before this request. */
  readonly connectNs: number | null;
  readonly firstByteNs: number | null;
  readonly endNs: number;
  readonly status: number | null;
  readonly site: string | null;
  readonly node: string | null;
  /** Status line and fields as they came; null without an answer. */
  readonly head: string | null;
  /** Null for a complete response, whatever its status. */
  readonly error: string | null;
}

export class ClientConnection {
  readonly #socket: Socket;
  readonly #parser = new ResponseParser();
  #onEnd: ((end: ExchangeEnd) => void) | undefined;
  #connectNs: number | null = null;
  #firstByteNs: number | null = null;
  #isGone = false;
  #idleUntilNs = 0;

  /** Begins to connect at once. */
  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on("connect", () => {
      this.#connectNs = nowNs();
    });
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("end", () => this.#receiveEnd());
    this.#socket.on("error", (error) => this.#fail(failureOf(error)));
    this.#socket.on("close", () => this.#fail("closed"));
  }

  /** Another request may be sent on it: the server agreed, has not closed it, and will not for a while. */
  isReusable(atNs: number): boolean {
    return !this.#isGone && this.#onEnd === undefined && atNs < this.#idleUntilNs;
  }

  /** `text` is the whole request, one byte a character. `onEnd` is called once, later, never from within this call. */
  exchange(text: string, isHead: boolean, onEnd: (end: ExchangeEnd) => void): void {
    invariant(this.#onEnd === undefined && !this.#isGone, "the connection is busy or gone");
    this.#parser.begin(isHead);
    this.#connectNs = null;
    this.#firstByteNs = null;
    this.#onEnd = onEnd;
    this.#socket.write(text, "latin1");
  }

  /** Gives the request up, if one is on its way, and closes. */
  abort(error: string): void {
    this.#fail(error);
  }

  close(): void {
    this.#isGone = true;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#onEnd === undefined) return this.close(); // Nobody asked: a 408, or a server that is confused.
    const atNs = nowNs();
    this.#firstByteNs ??= atNs;
    this.#parser.push(chunk);
    if (this.#parser.isComplete) this.#finish(null, atNs);
    else if (this.#parser.isBroken) this.#fail("malformed");
  }

  #receiveEnd(): void {
    this.#parser.close();
    if (this.#onEnd !== undefined && this.#parser.isComplete) this.#finish(null, nowNs());
    this.#fail(this.#firstByteNs === null ? "closed" : "truncated");
  }

  #fail(error: string): void {
    this.close();
    this.#finish(error, nowNs());
  }

  #finish(error: string | null, atNs: number): void {
    const onEnd = this.#onEnd;
    if (onEnd === undefined) return;
    this.#onEnd = undefined;
    const parser = this.#parser;
    if (error === null && parser.isKeepAlive && !parser.hasExcess) {
      const limitMs = parser.keepAliveMs === null ? IDLE_MS_MAX : parser.keepAliveMs - IDLE_MARGIN_MS;
      this.#idleUntilNs = atNs + limitMs * NS_PER_MS;
    } else {
      this.close();
    }
    onEnd({
      connectNs: this.#connectNs,
      firstByteNs: this.#firstByteNs,
      endNs: atNs,
      status: parser.status === 0 ? null : parser.status,
      site: parser.site,
      node: parser.node,
      head: parser.head,
      error,
    });
  }
}

function failureOf(error: Error): string {
  const code = codeOf(error) ?? "error";
  switch (code) {
    case "ECONNREFUSED":
      return "refused";
    case "ECONNRESET":
    case "ECONNABORTED":
    case "EPIPE":
      return "reset";
    case "ETIMEDOUT":
      return "timeout";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "unreachable";
    case "EADDRNOTAVAIL":
    case "EMFILE":
    case "ENFILE":
    case "ENOBUFS":
      return "no-connection";
    default:
      return code.toLowerCase();
  }
}
