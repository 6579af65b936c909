/**
 * A client's connection on a raw socket: one request at a time, and the moments that are measured. A connection whose
 * end has already been read is never used again; one that ends under a request is that request's failure, as a real
 * client would see it.
 */
import { connect, type Socket } from "node:net";
import { nowNs } from "#core/host/clock.ts";
import { codeOf } from "#core/errors.ts";
import { ResponseParser, type AnswerHead } from "./response-parser.ts";

export interface Answer {
  /** Null for a complete answer; else `refused`, `reset`, `timeout`, `truncated`, `no-http` … */
  readonly error: string | null;
  readonly head: AnswerHead | null;
  readonly connectNs: number | null;
  readonly firstByteNs: number | null;
  readonly endNs: number;
}

export class ClientConnection {
  readonly #socket: Socket;
  #parser: ResponseParser | undefined;
  #done: ((answer: Answer) => void) | undefined;
  #connectNs: number | null = null;
  #firstByteNs: number | null = null;
  #isConnected = false;
  #isGone = false;
  #used = 0;

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on("connect", () => {
      this.#isConnected = true;
      this.#connectNs = nowNs();
    });
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("end", () => this.#ended(undefined));
    this.#socket.on("error", (error) => this.#ended(codeOf(error) ?? "error"));
    this.#socket.on("close", () => this.#ended(undefined));
  }

  /** May carry one more request. */
  get isUsable(): boolean {
    return !this.#isGone && this.#done === undefined;
  }

  get isReused(): boolean {
    return this.#used > 1;
  }

  /** `done` is called exactly once. */
  send(method: string, request: string, done: (answer: Answer) => void): void {
    this.#used += 1;
    this.#parser = new ResponseParser(method);
    this.#firstByteNs = null;
    this.#done = done;
    this.#socket.write(request, "latin1");
  }

  /** The time of the request is over. */
  giveUp(reason: string): void {
    this.#finish(reason);
    this.close();
  }

  close(): void {
    this.#isGone = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const parser = this.#parser;
    if (parser === undefined || this.#done === undefined) return this.close(); // Bytes nobody asked for.
    this.#firstByteNs ??= nowNs();
    parser.push(chunk);
    if (parser.error !== undefined) {
      this.#finish(parser.error);
      return this.close();
    }
    if (!parser.isComplete) return;
    if (!parser.keepsAlive) this.#isGone = true;
    this.#finish(null);
    if (this.#isGone) this.#socket.end();
  }

  #ended(code: string | undefined): void {
    this.#isGone = true;
    this.#parser?.end();
    if (this.#done === undefined) return;
    if (this.#parser?.isComplete === true) return this.#finish(null);
    if (this.#firstByteNs !== null) return this.#finish("truncated");
    if (!this.#isConnected)
      return this.#finish(code === "ECONNREFUSED" ? "refused" : (code ?? "closed").toLowerCase());
    this.#finish(code === undefined ? "closed" : "reset");
  }

  #finish(error: string | null): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    done({
      error,
      head: this.#parser?.head ?? null,
      connectNs: this.#used === 1 ? this.#connectNs : null,
      firstByteNs: this.#firstByteNs,
      endNs: nowNs(),
    });
  }
}
