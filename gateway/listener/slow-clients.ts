/**
 * Clients that hold a connection, and a node behind it, by sending or reading next to nothing. Looked at once a second; a body
 * that dribbles is answered with 408, an answer that is not read is broken off.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ClientConnection } from "./client-connection.ts";
import { PaceWatch, type Pace } from "./pace.ts";

export interface SlowClientLimits {
  readonly body: Pace;
  readonly read: Pace;
}

export type SlowClient = "slow-body" | "slow-reader";

interface Watched {
  request: IncomingMessage;
  response: ServerResponse;
  body: PaceWatch;
  read: PaceWatch;
}

export class SlowClients {
  readonly #watched = new Map<ClientConnection, Watched>();

  /** A request has come; it is watched until its answer is out. */
  began(connection: ClientConnection, request: IncomingMessage, response: ServerResponse): void {
    const watched = { request, response, body: new PaceWatch(), read: new PaceWatch() };
    this.#watched.set(connection, watched);
    response.once("close", () => {
      if (this.#watched.get(connection) === watched) this.#watched.delete(connection);
    });
  }

  /** `cut`: tells whoever serves it. */
  look(
    nowMs: number,
    limits: SlowClientLimits,
    cut: (connection: ClientConnection, why: SlowClient) => void,
  ): void {
    for (const [connection, watched] of this.#watched) {
      const why = slownessOf(connection, watched, nowMs, limits);
      if (why === undefined) continue;
      this.#watched.delete(connection);
      cut(connection, why);
      if (why === "slow-body" && !watched.response.headersSent) refuse(watched.response, connection);
      else connection.reset();
    }
  }
}

function slownessOf(
  { socket }: ClientConnection,
  { body, read, request, response }: Watched,
  nowMs: number,
  limits: SlowClientLimits,
): SlowClient | undefined {
  const isSending = !request.complete && !request.isPaused();
  if (limits.body.bytesPerSecond > 0 && body.isTooSlow(socket.bytesRead, isSending, nowMs, limits.body)) {
    return "slow-body";
  }
  const sent = socket.bytesWritten - socket.writableLength;
  const isReading = response.writableNeedDrain || (response.writableEnded && !response.writableFinished);
  if (limits.read.bytesPerSecond > 0 && read.isTooSlow(sent, isReading, nowMs, limits.read))
    return "slow-reader";
  return undefined;
}

/** Closed when it has been told; it may still be sending. */
function refuse(response: ServerResponse, connection: ClientConnection): void {
  connection.isClosing = true;
  response.writeHead(408, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end("408 the request's body came too slowly\n", () => connection.socket.destroySoon());
}
