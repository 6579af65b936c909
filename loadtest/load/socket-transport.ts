/**
 * Sends a plan's requests over TCP: `fresh` on a connection of its own, `keep-alive` on the vantage's last used idle
 * connection, or on a new one that then joins the pool.
 *
 * A connection whose close has been read is not used again. One that the server closes while a request is under way
 * has failed that request, although a browser would quietly repeat a GET: what the server did is what is measured.
 */
import { nowNs } from "#core/host/clock.ts";
import { ClientConnection, type ExchangeEnd } from "../http/client-connection.ts";
import { connectHost } from "../http/connect-host.ts";
import type { LoadDocument } from "./load-document.ts";
import type { SentRequest, Transport } from "./load-run.ts";
import type { PlannedRequest } from "./plan.ts";

/** Idle connections kept for a vantage; the oldest goes first. */
const IDLE_PER_VANTAGE_MAX = 256;

export class SocketTransport implements Transport {
  readonly #host: string;
  readonly #port: number;
  readonly #heads: readonly { readonly get: string; readonly post: string }[];
  readonly #runId: string;
  /** Per vantage, most recently used last. */
  readonly #idle: ClientConnection[][];

  /** `runId` makes the request keys of this run unlike those of any other. */
  constructor(document: LoadDocument, runId: string) {
    const url = new URL(document.url);
    this.#host = connectHost(url);
    this.#port = Number(url.port || 80);
    this.#heads = document.vantages.map(({ host }) => requestHeads(document, url, host));
    this.#runId = runId;
    this.#idle = document.vantages.map(() => []);
  }

  send(request: PlannedRequest, onEnd: (end: ExchangeEnd) => void): SentRequest {
    const reused = request.cohort === "keep-alive" ? this.#takeIdle(request.vantage) : undefined;
    const connection = reused ?? new ClientConnection(this.#host, this.#port);
    connection.exchange(this.#textOf(request), false, (end) => {
      if (request.cohort === "fresh") connection.close();
      else this.#keep(request.vantage, connection);
      onEnd(end);
    });
    return { isReused: reused !== undefined, abort: (error) => connection.abort(error) };
  }

  close(): void {
    for (const pool of this.#idle) for (const connection of pool.splice(0)) connection.close();
  }

  #takeIdle(vantage: number): ClientConnection | undefined {
    const pool = this.#idle[vantage]!;
    const atNs = nowNs();
    for (let connection = pool.pop(); connection !== undefined; connection = pool.pop()) {
      if (connection.isReusable(atNs)) return connection;
      connection.close();
    }
    return undefined;
  }

  #keep(vantage: number, connection: ClientConnection): void {
    if (!connection.isReusable(nowNs())) return connection.close();
    const pool = this.#idle[vantage]!;
    pool.push(connection);
    if (pool.length > IDLE_PER_VANTAGE_MAX) pool.shift()!.close();
  }

  #textOf(request: PlannedRequest): string {
    const head = this.#heads[request.vantage]!;
    if (request.method === "GET") return head.get;
    const key = `${this.#runId}-${request.index}`;
    return `${head.post}x-request-id: ${key}\r\ncontent-length: ${key.length}\r\n\r\n${key}`;
  }
}

function requestHeads(document: LoadDocument, url: URL, host: string): { get: string; post: string } {
  const common = `host: ${host}\r\nuser-agent: anycastle-load\r\naccept: */*\r\n`;
  return {
    get: `GET ${url.pathname}${url.search} HTTP/1.1\r\n${common}\r\n`,
    post: `POST ${document.postPath} HTTP/1.1\r\n${common}content-type: text/plain\r\n`,
  };
}
