/**
 * WebSocket through the gateway: the node is chosen as for any request, its connection is opened here, so that a node that
 * refuses costs nobody anything (class A), and http-proxy's `ws()` speaks the handshake on it and joins both ends. Its `web()`
 * is used nowhere: it forwards framing that smuggles (CVE-2026-29057).
 *
 * A tunnel ends with its node. The client is told by a Close frame (RFC 6455 §7.4.1: 1012 service restart, 1001 going away) if it
 * stands between two frames; inside of one nothing may be put in, and the connection ends without.
 */
import { Agent, STATUS_CODES, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { createProxyServer } from "http-proxy";
import type { Engine } from "../forward/exchange.ts";
import type { FleetNode } from "../forward/fleet.ts";
import type { ClientConnection, OpenRequest } from "../listener/client-connection.ts";
import type { RequestHead } from "../listener/request-head.ts";
import type { NodeTls } from "../tls/tls-material.ts";
import { closeFrame, FrameTracker } from "./frame-tracker.ts";

const SERVICE_RESTART = 1012;
const GOING_AWAY = 1001;
/** A node that takes longer to accept a connection, or to answer the handshake, is given up. */
const HANDSHAKE_MS = 5_000;

const makeJoiner = () => createProxyServer({});
type Joiner = ReturnType<typeof makeJoiner>;

interface TunnelRequest {
  readonly engine: Engine;
  readonly connection: ClientConnection;
  readonly head: RequestHead;
  readonly vantage: string;
  readonly request: IncomingMessage;
  /** What came behind the head. */
  readonly rest: Buffer;
  readonly tls: NodeTls | undefined;
}

export class Tunnels {
  readonly #proxy = makeJoiner();
  readonly #open = new Set<Tunnel>();

  constructor() {
    // The exact path: http-proxy would have joined and rewritten it.
    this.#proxy.on("proxyReqWs", (proxied, request) => {
      proxied.path = (request as IncomingMessage & { exactPath?: string }).exactPath ?? request.url ?? "/";
      proxied.setTimeout(HANDSHAKE_MS, () =>
        proxied.destroy(new Error("the node does not answer the handshake")),
      );
    });
    // Each tunnel looks after its own sockets; what is left over here would end the process otherwise.
    this.#proxy.on("error", () => undefined);
  }

  get count(): number {
    return this.#open.size;
  }

  begin(asked: TunnelRequest): void {
    const { engine, connection } = asked;
    const { config, phase, telemetry } = engine;
    if (phase.isDraining || this.#open.size >= config.webSocket.tunnelsMax) {
      telemetry.requestRefused("GET", 503);
      if (!phase.isDraining) telemetry.turnedAway("overload");
      return refuse(connection.socket, 503, phase.isDraining ? "stopping" : "overloaded");
    }
    const tunnel = new Tunnel(asked, this.#proxy, () => this.#open.delete(tunnel));
    this.#open.add(tunnel);
    tunnel.seek();
  }

  /** The node went out of rotation for good reason: its tunnels are dead, whether they know it or not. */
  nodeLost(node: FleetNode): void {
    for (const tunnel of this.#open) {
      // One that only tries to reach it goes on to another by itself.
      if (tunnel.isJoined && tunnel.node?.id === node.id) tunnel.end(SERVICE_RESTART);
    }
  }

  endAll(): void {
    for (const tunnel of this.#open) tunnel.end(GOING_AWAY);
  }
}

class Tunnel implements OpenRequest {
  readonly vantage: string;
  node: FleetNode | undefined;
  readonly #asked: TunnelRequest;
  readonly #proxy: Joiner;
  readonly #onEnded: () => void;
  readonly #fromNode = new FrameTracker();
  readonly #tried: number[] = [];
  readonly #startedMs: number;
  #upstream: Socket | undefined;
  #isJoined = false;
  #isOver = false;

  constructor(asked: TunnelRequest, proxy: Joiner, onEnded: () => void) {
    this.#asked = asked;
    this.#proxy = proxy;
    this.#onEnded = onEnded;
    this.vantage = asked.vantage;
    this.#startedMs = asked.engine.clock.nowMs();
    asked.engine.telemetry.requestStarted();
    asked.connection.open.add(this);
  }

  /** The handshake is over, both ends are one. */
  get isJoined(): boolean {
    return this.#isJoined;
  }

  /** The next node, until one accepts the connection. */
  seek(): void {
    const { engine, head } = this.#asked;
    const { affinity, clock, config, fleet, keyOf, plan, routes } = engine;
    if (this.#isOver) return;
    const candidate =
      this.#tried.length < config.retry.attemptsMax
        ? plan.next(routes.view(this.vantage).sites, {
            excluded: this.#tried,
            nowMs: clock.nowMs(),
            key: keyOf === undefined ? 0 : keyOf(head),
            affinity: affinity?.markOf({ fields: head.fields, path: head.path, address: head.client }),
          })
        : undefined;
    if (candidate === undefined) return this.#fail(502, "A; cause=refused");
    this.#tried.push(candidate.node);
    const node = fleet.node(candidate.node);
    this.#connect(node);
  }

  clientGone(): void {
    this.#finish("aborted", 0);
  }

  cutOff(): void {
    this.end(SERVICE_RESTART);
  }

  /** From here, with a word to the client if one may be put in. */
  end(code: number): void {
    const { socket } = this.#asked.connection;
    const mayTell = this.#isJoined && this.#fromNode.isBetweenFrames && !this.#fromNode.hasClosed;
    if (mayTell && socket.writable) socket.write(closeFrame(code));
    this.#upstream?.destroy();
    socket.destroySoon();
    this.#finish(this.#isJoined ? "truncated" : "failed", 0);
  }

  #connect(node: FleetNode): void {
    const { engine, tls } = this.#asked;
    const { hostname, port } = new URL(node.url);
    const isSecure = node.url.startsWith("https:");
    const address = {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port === "" ? (isSecure ? 443 : 80) : port),
    };
    const upstream = isSecure
      ? connectSecurely({ ...address, servername: address.host, ...tls?.options })
      : connect(address);
    const timer = engine.clock.after(HANDSHAKE_MS, () => upstream.destroy(new Error("no connection")));
    engine.fleet.balancerOf(node).take(node.index);
    this.node = node;
    this.#upstream = upstream;
    upstream.once("close", () => {
      timer.cancel();
      engine.fleet.balancerOf(node).giveBack(node.index);
    });
    const onRefused = (): void => {
      const nowMs = engine.clock.nowMs();
      engine.fleet.attempted(node, "refused", nowMs, nowMs);
      this.seek();
    };
    upstream.once("error", onRefused);
    upstream.once(isSecure ? "secureConnect" : "connect", () => {
      timer.cancel();
      upstream.off("error", onRefused);
      if (this.#isOver) return void upstream.destroy();
      this.#join(upstream);
    });
  }

  /** From here on http-proxy speaks; what is looked at first are its ends. */
  #join(upstream: Socket): void {
    const { engine, connection, head, request, rest } = this.#asked;
    const { socket } = connection;
    const { idleTimeoutMs } = engine.config.webSocket;
    const headers = headersOf(head);
    request.headers = headers;
    (request as IncomingMessage & { exactPath?: string }).exactPath = head.path;
    upstream.on("error", () => this.#nodeEnded());
    upstream.prependListener("end", () => this.#nodeEnded());
    // An answer other than 101 has been passed on by then.
    upstream.once("close", () => (this.#isJoined ? this.#nodeEnded() : this.#finish("ok", 0)));
    const agent = new Agent();
    agent.createConnection = () => upstream;
    const onOpen = (proxied: Socket): void => {
      if (proxied !== upstream) return;
      this.#proxy.off("open", onOpen);
      this.#isJoined = true;
      engine.telemetry.tunnelOpened();
      upstream.on("data", (chunk: Buffer) => this.#fromNode.read(chunk));
      upstream.setTimeout(0);
      socket.setTimeout(idleTimeoutMs, () => this.end(GOING_AWAY));
    };
    this.#proxy.on("open", onOpen);
    upstream.once("close", () => this.#proxy.off("open", onOpen));
    // Any address will do: the connection is there.
    this.#proxy.ws(request, socket, rest, { target: "http://node", agent }, () => {
      if (!this.#isJoined) this.#fail(502, "D; cause=reset");
    });
  }

  /** Before http-proxy ends the client's side: a Close frame that the node did not send is sent for it. */
  #nodeEnded(): void {
    if (this.#isOver || !this.#isJoined) return;
    if (this.#fromNode.hasClosed) this.#finish("ok", 101);
    else this.end(SERVICE_RESTART);
  }

  #fail(status: number, failure: string): void {
    if (this.#isOver) return;
    const { socket } = this.#asked.connection;
    this.#upstream?.destroy();
    if (socket.writable) refuse(socket, status, failure);
    this.#finish("failed", status);
  }

  #finish(outcome: "ok" | "aborted" | "failed" | "truncated", status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { engine, connection } = this.#asked;
    connection.open.delete(this);
    this.#upstream?.destroy();
    if (this.#isJoined) engine.telemetry.tunnelClosed();
    engine.telemetry.requestEnded({
      outcome,
      node: this.node?.slot ?? -1,
      method: "GET",
      status: this.#isJoined ? 101 : status,
      durationMs: engine.clock.nowMs() - this.#startedMs,
    });
    this.#onEnded();
  }
}

/** As the node is to have them: what `readHead` let through, and the two fields of this hop. */
function headersOf({ fields }: RequestHead): IncomingMessage["headers"] {
  const headers: Record<string, string | string[]> = {};
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!.toLowerCase();
    const before = headers[name];
    const value = fields[index + 1]!;
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return { ...headers, connection: "Upgrade", upgrade: "websocket" };
}

function refuse(socket: Socket, status: number, failure: string): void {
  const body = `${status} ${failure}\n`;
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${body.length}\r\n` +
      `x-gateway-failure: ${failure}\r\nretry-after: 1\r\nconnection: close\r\n\r\n${body}`,
  );
  socket.destroySoon();
}
