/**
 * Where clients connect: node:http for parsing and framing, everything else ours. Node refuses bad framing before a
 * request is seen here; heads are judged by `readHead`, and whatever is refused gets its status, a closed connection,
 * and reaches no node. 100-continue is answered here, upgrades are refused.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { UserError, codeOf } from "#core/errors.ts";
import type { HostPort } from "../config.ts";
import { Exchange, type Engine } from "../forward/exchange.ts";
import type { VantageResolver } from "../routing/vantage.ts";
import { ClientConnection } from "./client-connection.ts";
import { readHead } from "./request-head.ts";

/** How late a head limit may be enforced. */
const LIMITS_CHECK_MS = 500;
const BACKLOG = 4096;

const connectionOf = new WeakMap<Socket, ClientConnection>();

export class Listener {
  readonly #engine: Engine;
  readonly #resolver: VantageResolver;
  readonly #server: Server;
  readonly #connections = new Set<ClientConnection>();

  constructor(engine: Engine, resolver: VantageResolver) {
    this.#engine = engine;
    this.#resolver = resolver;
    const { limits } = engine.config;
    this.#server = createServer(
      {
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        headersTimeout: limits.headTimeoutMs,
        requestTimeout: 0,
        connectionsCheckingInterval: LIMITS_CHECK_MS,
        maxHeaderSize: limits.headerBytesMax,
        noDelay: true,
      },
      (request, response) => this.#serve(request, response),
    );
    this.#server.on("connection", (socket) => this.#connected(socket));
    this.#server.on("checkContinue", (request, response) => {
      response.writeContinue();
      this.#serve(request, response);
    });
    this.#server.on("checkExpectation", (request, response) =>
      refuse(response, 417, "expectation not known"),
    );
    this.#server.on("upgrade", (_request, socket) => endRaw(socket as Socket, "501 Not Implemented"));
    this.#server.on("connect", (_request, socket) => endRaw(socket as Socket, "405 Method Not Allowed"));
    this.#server.on("clientError", (error: Error & { code?: string }, socket) =>
      refuseRaw(error, socket as Socket),
    );
  }

  /** The port that was bound. Rejects with `PORT_BUSY`. */
  async listen(address: HostPort): Promise<number> {
    return listenOn(this.#server, address, "the gateway");
  }

  get connections(): Iterable<ClientConnection> {
    return this.#connections;
  }

  /** No new connections; idle ones go now, the others after their answer. */
  stopAccepting(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  closeAll(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #connected(socket: Socket): void {
    const connection = new ClientConnection(socket);
    connectionOf.set(socket, connection);
    this.#connections.add(connection);
    socket.once("close", () => this.#connections.delete(connection));
    socket.on("error", () => undefined);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const connection = connectionOf.get(request.socket);
    if (connection === undefined) return void request.socket.destroy();
    const head = readHead(request, this.#engine.config.routing.vantageHeader);
    if (!head.ok) return refuse(response, head.status, head.reason);
    const vantage = this.#resolver.resolve(head.authority, head.vantageField);
    new Exchange(this.#engine, connection, head, vantage, request, response).start();
  }
}

export async function listenOn(server: Server, address: HostPort, what: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, resolve);
  try {
    await promise;
  } catch (error) {
    throw listenError(error, address, what);
  }
  server.off("error", reject);
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : address.port;
}

function listenError(error: unknown, { host, port }: HostPort, what: string): UserError {
  const where = `${host}:${port}`;
  if (codeOf(error) === "EADDRINUSE") {
    return new UserError("PORT_BUSY", `${what} cannot listen on ${where}: somebody else does`, {
      hint: "choose another port, or find the holder with `ss -ltnp`",
      cause: error,
    });
  }
  return new UserError("LISTEN_FAILED", `${what} cannot listen on ${where}: ${String(error)}`, {
    cause: error,
  });
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  const body = `${status} ${reason}\n`;
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": body.length,
    connection: "close",
  });
  response.end(body);
}

function refuseRaw(error: Error & { code?: string }, socket: Socket): void {
  if (socket.destroyed || !socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return endRaw(socket, "431 Request Header Fields Too Large");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return endRaw(socket, "408 Request Timeout");
    default:
      return endRaw(socket, "400 Bad Request");
  }
}

function endRaw(socket: Socket, status: string): void {
  socket.on("error", () => undefined);
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
