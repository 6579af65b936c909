/**
 * Clients that hold a connection, and a node behind it, by sending or reading next to nothing. A body that dribbles is answered
 * with 408, an answer that is not read is broken off.
 *
 * Reading is looked at in two steps. While the kernel takes what is written nothing is asked; a client for which it has not for a
 * moment is judged by what its side acknowledges over the grace, since a buffer of megabytes hides a slow but steady reader.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ClientConnection } from "./client-connection.ts";
import { descriptorOf } from "./listen.ts";
import { PaceWatch, type Pace } from "./pace.ts";

export interface SlowClientLimits {
  readonly body: Pace;
  readonly read: Pace;
}

export type SlowClient = "slow-body" | "slow-reader";

/** Bytes that the kernel holds unacknowledged, by descriptor. */
export type Untaken = (descriptors: readonly number[]) => ReadonlyMap<number, number>;

/** So much of the grace is the moment. */
const MOMENT_PARTS = 20;

/** Of a connection, for as long as that lives: most requests end without anybody having looked, and must cost next to nothing. */
interface Watched {
  request: IncomingMessage;
  response: ServerResponse;
  /** Nobody has looked at this request yet. */
  isNew: boolean;
  readonly body: PaceWatch;
  readonly accepted: PaceWatch;
  readonly taken: PaceWatch;
  /** Since when what is acknowledged counts; -1: it does not. */
  suspectSinceMs: number;
}

export class SlowClients {
  readonly #watched = new Map<ClientConnection, Watched>();
  readonly #untaken: Untaken;

  constructor(untaken: Untaken) {
    this.#untaken = untaken;
  }

  /** A request has come; it is watched until its answer is out and its body is in. */
  began(connection: ClientConnection, request: IncomingMessage, response: ServerResponse): void {
    const watched = this.#watched.get(connection);
    if (watched === undefined) return this.#watch(connection, request, response);
    watched.request = request;
    watched.response = response;
    watched.isNew = true;
  }

  #watch(connection: ClientConnection, request: IncomingMessage, response: ServerResponse): void {
    this.#watched.set(connection, {
      request,
      response,
      isNew: false,
      body: new PaceWatch(),
      accepted: new PaceWatch(),
      taken: new PaceWatch(),
      suspectSinceMs: -1,
    });
    connection.socket.once("close", () => this.#watched.delete(connection));
  }

  /** `cut`: tells whoever serves it. */
  look(
    nowMs: number,
    limits: SlowClientLimits,
    cut: (connection: ClientConnection, why: SlowClient) => void,
  ): void {
    const suspects: [ClientConnection, Watched][] = [];
    for (const [connection, watched] of this.#watched) {
      if (isOver(watched)) continue;
      if (watched.isNew) beginAnew(watched);
      if (isBodySlow(connection.socket, watched, nowMs, limits.body)) {
        this.#cut(connection, watched, "slow-body", cut);
      } else if (isSuspect(connection.socket, watched, nowMs, limits.read)) {
        suspects.push([connection, watched]);
      }
    }
    if (suspects.length === 0) return;
    const untaken = this.#untaken(suspects.flatMap(([{ socket }]) => descriptorOf(socket) ?? []));
    for (const [connection, watched] of suspects) {
      const held = untaken.get(descriptorOf(connection.socket) ?? -1) ?? 0;
      if (isReaderSlow(acceptedOf(connection.socket) - held, watched, nowMs, limits.read)) {
        this.#cut(connection, watched, "slow-reader", cut);
      }
    }
  }

  #cut(
    connection: ClientConnection,
    { response }: Watched,
    why: SlowClient,
    cut: (connection: ClientConnection, why: SlowClient) => void,
  ): void {
    this.#watched.delete(connection);
    cut(connection, why);
    if (why === "slow-body" && !response.headersSent) refuse(response, connection);
    else connection.reset();
  }
}

function isOver({ request, response }: Watched): boolean {
  return response.closed && (request.complete || request.closed);
}

function beginAnew(watched: Watched): void {
  watched.isNew = false;
  watched.suspectSinceMs = -1;
  for (const pace of [watched.body, watched.accepted, watched.taken]) pace.beginAnew();
}

function isBodySlow(socket: Socket, { body, request }: Watched, nowMs: number, pace: Pace): boolean {
  const isSending = !request.complete && !request.isPaused();
  return pace.bytesPerSecond > 0 && body.isTooSlow(socket.bytesRead, isSending, nowMs, pace);
}

/** Whether the kernel is to be asked: when it has taken too little for a moment, and when the grace from then is over. */
function isSuspect(socket: Socket, watched: Watched, nowMs: number, pace: Pace): boolean {
  const { accepted, response } = watched;
  const isReading = response.writableNeedDrain || (response.writableEnded && !response.writableFinished);
  const moment = { bytesPerSecond: pace.bytesPerSecond, graceMs: pace.graceMs / MOMENT_PARTS };
  const isSlow = accepted.isTooSlow(acceptedOf(socket), isReading, nowMs, moment);
  if (!isReading) watched.suspectSinceMs = -1;
  if (pace.bytesPerSecond === 0 || !isReading) return false;
  if (watched.suspectSinceMs !== -1) return nowMs - watched.suspectSinceMs >= pace.graceMs;
  if (!isSlow) return false;
  watched.suspectSinceMs = nowMs;
  watched.taken.beginAnew();
  return true;
}

/** Who has kept the pace is trusted again. */
function isReaderSlow(takenBytes: number, watched: Watched, nowMs: number, pace: Pace): boolean {
  if (watched.taken.isTooSlow(takenBytes, true, nowMs, pace)) return true;
  if (nowMs > watched.suspectSinceMs) watched.suspectSinceMs = -1;
  return false;
}

function acceptedOf(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength;
}

/** Closed when it has been told; it may still be sending. */
function refuse(response: ServerResponse, connection: ClientConnection): void {
  connection.isClosing = true;
  response.writeHead(408, {
    "content-type": "text/plain; charset=utf-8",
    "x-gateway-failure": "slow-body",
    connection: "close",
  });
  response.end("408 the request's body came too slowly\n", () => connection.socket.destroySoon());
}
