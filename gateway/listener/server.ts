/**
 * Where clients connect: node:http for parsing and framing, everything else ours. Node refuses bad framing before a
 * request is seen here; heads are judged by `readHead`; whatever is refused gets its status and a closed connection,
 * and reaches no node. 100-continue is answered here, and only for a head that was accepted.
 *
 * A client that ends its half of the connection is taken for gone (as by nginx): a client that left looks the same.
 * An Upgrade to WebSocket becomes a tunnel, or is refused with 501 where `webSocket` is off; any other one is ignored
 * (RFC 9110 §7.8).
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { Server as TcpServer, Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { after, checkPhase, every, type Timer } from "#core/host/clock.ts";
import { untakenBytes } from "#core/host/untaken-bytes.ts";
import type { Refusal } from "../admission/admission.ts";
import type { WaitingLine } from "../admission/waiting-line.ts";
import type { HostPort } from "../config.ts";
import type { ClientResponse } from "../forward/client-response.ts";
import { subsetName, subsetsFor } from "../forward/chosen-subset.ts";
import { Exchange, type Engine } from "../forward/exchange.ts";
import type { VantageResolver } from "../routing/vantage.ts";
import type { NodeTls, ServedCertificates, TlsMaterial } from "../tls/tls-material.ts";
import type { Tunnels } from "../upgrade/tunnels.ts";
import { ClientConnection } from "./client-connection.ts";
import { descriptorOf, listenOn, stopListening } from "./listen.ts";
import { adoptSource, createProxyFront } from "./proxy-front.ts";
import { readHead } from "./request-head.ts";
import { nameServer } from "./server-field.ts";
import { SlowClients } from "./slow-clients.ts";
import { TrustedPeers } from "./trusted-peers.ts";
import { lineTimes, standInLine, type LineRefusal, type WaitingRequest } from "./waiting-request.ts";

const METHODS_OFFERED = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, QUERY";
/** Clients that dribble are cut off so late at most. */
const PACE_LOOK_MS = 250;
/** How late a head limit may be enforced. */
const LIMITS_CHECK_MS = 500;
/** A refused client may take this long to read why. Closing at once would reset the connection under the answer. */
const LINGER_MS = 1_000;

/** Of the loop, while somebody connects in each of them. */
const TURNS_MAX = 1_000;

/** Whoever is turned away from a line is told to come again when it will be empty, but not never. */
const RETRY_AFTER_MAX_S = 60;

const COUNTED_AS = {
  full: "overload",
  waited: "overload",
  late: "late",
  displaced: "displaced",
} as const satisfies Readonly<Record<LineRefusal, string>>;

interface TurnedAway {
  readonly status: 429 | 503;
  readonly reason: Refusal["reason"] | (typeof COUNTED_AS)[LineRefusal];
  readonly text: string;
  /** `retry-after` and `x-gateway-failure`, and what else there is to say. */
  readonly fields: Readonly<Record<string, string>>;
}

/** What Node's parser, or its watch over slow heads, has to say. */
type ParserError = Error & { readonly code?: string; readonly reason?: string };

/** What requests are given to. */
export interface ListenerTarget {
  readonly engine: Engine;
  readonly resolver: VantageResolver;
  readonly tls: TlsMaterial;
}

export class Listener {
  #engine: Engine;
  #resolver: VantageResolver;
  #vantageHeader: string | undefined;
  #served: ServedCertificates | undefined;
  #nodeTls: NodeTls | undefined;
  #headRules: { readonly trusted?: TrustedPeers };
  readonly #tunnels: Tunnels;
  readonly #server: Server;
  /** Listens in its place where connections begin with a PROXY header. */
  readonly #front: TcpServer | undefined;
  readonly #slow = new SlowClients(untakenBytes);
  readonly #slowTimer: Timer;
  /** Connections and requests so far. */
  arrivals = 0;
  readonly #connections = new Map<Socket, ClientConnection>();
  /** By address; as many entries as there are clients with connections. */
  readonly #connectionsOf = new Map<string, number>();

  constructor({ engine, resolver, tls }: ListenerTarget, tunnels: Tunnels) {
    this.#engine = engine;
    this.#resolver = resolver;
    this.#served = tls.served;
    this.#nodeTls = tls.node;
    this.#headRules = rulesOf(engine);
    this.#tunnels = tunnels;
    const { limits, routing } = engine.config;
    this.#vantageHeader = routing.vantageHeader;
    this.#server = this.#create(
      {
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        headersTimeout: limits.headTimeoutMs,
        // The total timeout bounds a slow body; a long upload that goes on is not cut.
        requestTimeout: 0,
        connectionsCheckingInterval: LIMITS_CHECK_MS,
        maxHeaderSize: limits.headerBytesMax,
        // Judged by `readHead`: Node would answer by itself, and go on to serve what stands behind the request.
        requireHostHeader: false,
        noDelay: true,
        // Any other upgrade is ignored, and the request is one like others (RFC 9110 §7.8).
        shouldUpgradeCallback: (request) => this.#isTunnel(request),
      },
      (request, response) => this.#serve(request, response, false),
    );
    // With TLS the connection that requests come on is the one behind the handshake.
    this.#server.on(this.#served === undefined ? "connection" : "secureConnection", (socket: Socket) =>
      this.#connected(socket),
    );
    this.#server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
    this.#server.on("upgrade", (request, _socket, rest) => this.#upgrade(request, rest));
    this.#server.on("checkContinue", (request, response) => this.#serve(request, response, true));
    this.#server.on("checkExpectation", (request, response) => {
      this.#name(response);
      this.#refuse(request, response, 417, "the expectation is not known");
    });
    this.#server.on("connect", (_request, socket) => {
      this.#engine.telemetry.requestRefused("CONNECT", 405);
      this.#endRaw(socket as Socket, 405, "Method Not Allowed");
    });
    this.#server.on("clientError", (error: ParserError, socket) =>
      this.#brokenRequest(error, socket as Socket),
    );
    this.#slowTimer = every(PACE_LOOK_MS, () => this.#lookAtPace(), { unref: true });
    this.#front = engine.config.proxyProtocol ? this.#createFront() : undefined;
  }

  #lookAtPace(): void {
    const { clock, config, telemetry } = this.#engine;
    const { bodyRateMin, rateGraceMs: graceMs, readRateMin } = config.limits;
    const body = { bytesPerSecond: bodyRateMin, graceMs };
    const read = { bytesPerSecond: readRateMin, graceMs };
    this.#slow.look(clock.nowMs(), { body, read }, (connection, why) => {
      telemetry.turnedAway(why);
      for (const open of connection.open) open.clientGone();
    });
  }

  #createFront(): TcpServer {
    return createProxyFront({
      clock: this.#engine.clock,
      timeoutMs: () => this.#engine.config.limits.headTimeoutMs,
      isTrusted: (address) => this.#headRules.trusted?.has(address) === true,
      onRefused: () => this.#engine.telemetry.turnedAway("proxy-header"),
      isSecure: this.#served !== undefined,
      server: this.#server,
    });
  }

  #create(
    options: ServerOptions,
    onRequest: (request: IncomingMessage, response: ServerResponse) => void,
  ): Server {
    const { tls, limits } = this.#engine.config;
    if (tls === undefined) return createServer(options, onRequest);
    const secure = {
      ...options,
      minVersion: tls.minVersion,
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: limits.headTimeoutMs,
      // Asked for every name, so that a certificate that was read again is in force with the next connection.
      SNICallback: (name: string, done: (error: Error | null, context: SecureContext) => void): void =>
        done(null, this.#served!.contextFor(name)),
    };
    const server = createSecureServer(secure, onRequest);
    this.#renew(server);
    return server;
  }

  /** For clients that name nobody. */
  #renew(server: Server): void {
    const { tls } = this.#engine.config;
    if (tls === undefined || this.#served === undefined) return;
    const { cert, key } = this.#served.first;
    (server as SecureServer).setSecureContext({ cert, key, minVersion: tls.minVersion });
  }

  /** The port that was bound. `descriptor`: one that listens already. Rejects with `PORT_BUSY`. */
  async listen(address: HostPort, descriptor?: number): Promise<number> {
    const port = await listenOn(this.#front ?? this.#server, address, "the gateway", descriptor);
    // It watches the time of its connections' heads from then on.
    if (this.#front !== undefined) this.#server.emit("listening");
    return port;
  }

  get descriptor(): number | undefined {
    return descriptorOf(this.#front ?? this.#server);
  }

  /** Connections that were accepted and have not closed; those too that are still in a handshake or before their PROXY header. */
  acceptedCount(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    (this.#front ?? this.#server).getConnections((_error, count) => resolve(count));
    return promise;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get connections(): Iterable<ClientConnection> {
    return this.#connections.values();
  }

  /** From the next request on; those that are open stay where they are. */
  use({ engine, resolver, tls }: ListenerTarget): void {
    const { limits, routing } = engine.config;
    this.#engine = engine;
    this.#resolver = resolver;
    this.#vantageHeader = routing.vantageHeader;
    this.#served = tls.served;
    this.#nodeTls = tls.node;
    this.#headRules = rulesOf(engine);
    this.#renew(this.#server);
    this.#server.keepAliveTimeout = limits.keepAliveTimeoutMs;
    this.#server.headersTimeout = limits.headTimeoutMs;
    for (const connection of this.#connections.values()) connection.forgetWay();
  }

  /**
   * No new connections; idle ones go now, the others after their answer. The kernel resets those that nobody has accepted,
   * and a turn of the loop accepts one: it closes behind a turn in which none came, in the loop's check phase.
   */
  async stopAccepting(): Promise<void> {
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      const { arrivals } = this;
      await checkPhase();
      if (arrivals === this.arrivals) break;
    }
    this.#front?.close();
    this.#server.close();
  }

  /** Another process accepts from the same queue from now on. Connections stay, idle ones too, until they have asked once more. */
  yieldSocket(): void {
    stopListening(this.#front ?? this.#server);
  }

  /** Resolves when the last connection is gone. */
  async closeAll(): Promise<void> {
    this.#slowTimer.cancel();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#front?.close();
    // Calls back with an error when the server is not listening, which is as good.
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  #connected(socket: Socket): void {
    this.arrivals += 1;
    socket.on("error", () => undefined);
    if (this.#front !== undefined) adoptSource(socket);
    const connection = new ClientConnection(socket);
    const { connectionsMax, connectionsPerClientMax } = this.#engine.config.admission;
    const ofClient = 1 + (this.#connectionsOf.get(connection.address) ?? 0);
    const isFull = connectionsMax > 0 && this.#connections.size >= connectionsMax;
    if (isFull || (connectionsPerClientMax > 0 && ofClient > connectionsPerClientMax)) {
      this.#engine.telemetry.turnedAway("connections");
      socket.destroy();
      return;
    }
    this.#connections.set(socket, connection);
    this.#connectionsOf.set(connection.address, ofClient);
    socket.once("close", () => {
      this.#connections.delete(socket);
      this.#parted(connection.address);
      for (const open of connection.open) open.clientGone();
    });
  }

  #parted(address: string): void {
    const left = (this.#connectionsOf.get(address) ?? 1) - 1;
    if (left === 0) this.#connectionsOf.delete(address);
    else this.#connectionsOf.set(address, left);
  }

  #serve(request: IncomingMessage, response: ServerResponse, isContinueAsked: boolean): void {
    this.arrivals += 1;
    const connection = this.#connections.get(request.socket);
    // Node parses all that has arrived, also behind a request that was refused or said `close`.
    if (connection === undefined || connection.isClosing) return;
    this.#name(response);
    const head = readHead(request, this.#vantageHeader, this.#headRules);
    if (!head.ok) return this.#refuse(request, response, head.status, head.reason);
    if (head.isLastHop) return this.#tellOptions(request, response);
    const engine = this.#engine;
    const { admission, clock, line } = engine;
    const { bodyBytesMax } = engine.config.admission;
    if (bodyBytesMax > 0 && head.bodyBytes > bodyBytesMax) {
      engine.telemetry.turnedAway("body");
      const reason = `the body has more than ${bodyBytesMax} bytes`;
      return this.#refuse(request, response, 413, reason, { "x-gateway-failure": "body-too-large" });
    }
    if (engine.phase.isDraining) response.shouldKeepAlive = false;
    const refusal = admission.isOn ? admission.judge(head.client, clock.nowMs()) : undefined;
    if (refusal !== undefined) return this.#limitRate(request, response, refusal);
    const pattern = engine.paths?.of(head.method, head.authority, head.path);
    const pathRefusal = pattern === undefined ? undefined : admission.judgePath(pattern.id, clock.nowMs());
    if (pathRefusal !== undefined) return this.#limitRate(request, response, pathRefusal);
    if (!response.shouldKeepAlive) connection.isClosing = true;
    if (isContinueAsked && head.bodyBytes !== 0) tellToContinue(response);
    const vantage = this.#resolver.resolve(head.authority, head.vantageField);
    this.#slow.began(connection, request, response);
    const forward = (answered: ClientResponse): void => {
      const exchange = new Exchange(engine, connection, head, vantage, request, answered, pattern);
      if (line === undefined) exchange.start();
      else this.#standInLine(line, exchange, connection, request, response, answered);
    };
    const isKept = pattern?.isCached !== false || (head.method !== "GET" && head.method !== "HEAD");
    if (engine.cache === undefined || !isKept) forward(response);
    else {
      const subset = subsetName(engine, subsetsFor(engine, pattern, head));
      engine.cache.serve({ engine, connection, head, vantage, subset, response }, forward);
    }
  }

  #isTunnel({ method, headers, httpVersion }: IncomingMessage): boolean {
    return (
      this.#engine.config.webSocket.isEnabled &&
      this.#engine.config.routing.mode !== "anycast-only" &&
      method === "GET" &&
      httpVersion === "1.1" &&
      headers.upgrade?.toLowerCase() === "websocket"
    );
  }

  #upgrade(request: IncomingMessage, rest: Buffer): void {
    this.arrivals += 1;
    const connection = this.#connections.get(request.socket);
    if (connection === undefined || connection.isClosing) return;
    const head = readHead(request, this.#vantageHeader, { isTunnel: true, ...this.#headRules });
    connection.isClosing = true;
    if (!head.ok || head.bodyBytes !== 0 || connection.open.size > 0) {
      this.#engine.telemetry.requestRefused("GET", 400);
      return this.#endRaw(connection.socket, 400, "Bad Request");
    }
    const engine = this.#engine;
    const refusal = engine.admission.isOn
      ? engine.admission.judge(head.client, engine.clock.nowMs())
      : undefined;
    if (refusal !== undefined) {
      engine.telemetry.requestRefused("GET", 429);
      engine.telemetry.turnedAway(refusal.reason);
      return this.#endRaw(connection.socket, 429, "Too Many Requests", rateLimitedFields(refusal));
    }
    const vantage = this.#resolver.resolve(head.authority, head.vantageField);
    this.#tunnels.begin({ engine, connection, head, vantage, request, rest, tls: this.#nodeTls });
  }

  #standInLine(
    line: WaitingLine<WaitingRequest>,
    exchange: Exchange,
    connection: ClientConnection,
    request: IncomingMessage,
    response: ServerResponse,
    answered: ClientResponse,
  ): void {
    const { clock, config, deadlines, telemetry } = this.#engine;
    const nowMs = clock.nowMs();
    const { headMs } = line;
    standInLine({
      line,
      deadlines,
      connection,
      vantage: exchange.vantage,
      arrival: { tier: exchange.tier, ...lineTimes(config, { nowMs, totalMs: exchange.totalMs, headMs }) },
      nowMs,
      begin: () => exchange.start(),
      turnAway: (why) => {
        // Too old is better than nothing, and costs no node anything.
        const given = answered.answerInstead?.();
        if (given !== undefined) {
          telemetry.turnedAway(COUNTED_AS[why]);
          return exchange.givenUnbegun(given);
        }
        const retryAfterS = Math.ceil(line.drainMs(clock.nowMs()) / 1_000);
        this.#turnAway(request, response, {
          status: 503,
          reason: COUNTED_AS[why],
          text: "too many requests are under way",
          fields: {
            "retry-after": String(Math.max(1, Math.min(retryAfterS, RETRY_AFTER_MAX_S))),
            "x-gateway-failure": `overloaded; cause=${why}`,
          },
        });
      },
    });
  }

  /** RFC 9110 §9.3.7: what the gateway itself offers. */
  #tellOptions(request: IncomingMessage, response: ServerResponse): void {
    this.#engine.telemetry.requestRefused("OPTIONS", 200);
    request.resume();
    response.writeHead(200, { allow: METHODS_OFFERED, "content-length": 0 }).end();
  }

  #limitRate(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    const { reason } = refusal;
    const fields = rateLimitedFields(refusal);
    this.#turnAway(request, response, { status: 429, reason, text: "too many requests", fields });
  }

  /** Not now. The connection stays, unless a body is still to come on it. */
  #turnAway(request: IncomingMessage, response: ServerResponse, refusal: TurnedAway): void {
    const { fields, reason, status, text } = refusal;
    this.#engine.telemetry.requestRefused(request.method ?? "", status);
    this.#engine.telemetry.turnedAway(reason);
    const body = `${status} ${text}\n`;
    const hasBody = !request.complete;
    const connection = this.#connections.get(request.socket);
    if (hasBody && connection !== undefined) connection.isClosing = true;
    response.writeHead(status, {
      "content-type": "text/plain; charset=utf-8",
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
      ...fields,
      ...(hasBody ? { connection: "close" } : {}),
    });
    response.end(body);
  }

  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    reason: string,
    fields: Readonly<Record<string, string>> = {},
  ): void {
    const connection = this.#connections.get(request.socket);
    if (connection !== undefined) connection.isClosing = true;
    this.#engine.telemetry.requestRefused(request.method ?? "", status);
    const body = `${status} ${reason}\n`;
    response.writeHead(status, {
      "content-type": "text/plain; charset=utf-8",
      "content-length": Buffer.byteLength(body),
      connection: "close",
      ...fields,
      ...(status === 405 ? { allow: METHODS_OFFERED } : {}),
    });
    response.end(body);
  }

  /** Node's parser gave up. Behind an answer that is under way nothing may be written: it would become part of it. */
  #brokenRequest(error: ParserError, socket: Socket): void {
    const connection = this.#connections.get(socket);
    const isAnswering = connection !== undefined && connection.open.size > 0;
    // What stands behind a last request is nobody's, but one that ends within its body has been left by its client.
    const isLeft = isAnswering && error.code === "HPE_INVALID_EOF_STATE";
    if (connection?.isClosing && !isLeft) return;
    if (isAnswering || !socket.writable || error.code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    if (connection !== undefined) connection.isClosing = true;
    const { status, phrase, limit } = refusalOf(error);
    this.#engine.telemetry.requestRefused("", status);
    if (limit === undefined) return this.#endRaw(socket, status, phrase);
    this.#engine.telemetry.turnedAway(limit);
    this.#endRaw(socket, status, phrase, {
      "x-gateway-failure": limit === "head" ? "head-too-large" : limit,
    });
  }

  #name(response: ServerResponse): void {
    const { serverField } = this.#engine.config;
    if (serverField !== undefined) nameServer(response, serverField);
  }

  /** Where there is no response that could be written to. */
  #endRaw(
    socket: Socket,
    status: number,
    phrase: string,
    fields: Readonly<Record<string, string>> = {},
  ): void {
    const { serverField } = this.#engine.config;
    endRaw(socket, status, phrase, serverField === undefined ? fields : { ...fields, server: serverField });
  }
}

/** Of a response that waits for the one before it Node would write the 100 behind a head that is there already: into its body. */
function tellToContinue(response: ServerResponse): void {
  if (response.socket !== null) return response.writeContinue();
  response.once("socket", () => {
    if (!response.headersSent) response.writeContinue();
  });
}

function rulesOf({ config }: Engine): { readonly trusted?: TrustedPeers } {
  return config.trustedProxies.length === 0 ? {} : { trusted: new TrustedPeers(config.trustedProxies) };
}

/** draft-ietf-httpapi-ratelimit-headers-10: the policy, and what is left of it. */
function rateLimitedFields({ limit, reason, retryAfterS }: Refusal): Record<string, string> {
  const windowS = Math.max(1, Math.round(limit.burst / limit.requestsPerSecond));
  return {
    "retry-after": String(retryAfterS),
    "x-gateway-failure": `rate-limited; limit=${reason}`,
    "ratelimit-policy": `"default";q=${limit.burst};w=${windowS}`,
    ratelimit: `"default";r=0;t=${retryAfterS}`,
  };
}

/** `limit`: one of ours was passed, as it is counted. */
function refusalOf({ code, reason }: ParserError): {
  readonly status: number;
  readonly phrase: string;
  readonly limit?: "head" | "slow-head";
} {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return { status: 431, phrase: "Request Header Fields Too Large", limit: "head" };
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return { status: 413, phrase: "Content Too Large" };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { status: 408, phrase: "Request Timeout", limit: "slow-head" };
    case "HPE_INVALID_VERSION":
      // The same code stands for a version that is followed by a bare LF.
      if (reason !== "Invalid HTTP version") break;
      return { status: 505, phrase: "HTTP Version Not Supported" };
    default:
  }
  return { status: 400, phrase: "Bad Request" };
}

/** Staged (RFC 9112 §9.6): answer, end our half, let the client read, close. */
function endRaw(
  socket: Socket,
  status: number,
  phrase: string,
  fields: Readonly<Record<string, string>> = {},
): void {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\n${lines.join("")}connection: close\r\ncontent-length: 0\r\n\r\n`,
  );
  socket.resume();
  const linger = after(LINGER_MS, () => socket.destroy(), { unref: true });
  socket.once("close", () => linger.cancel());
}
