/**
 * WebSocket through the gateway: the node is chosen as for any request, its connection is opened here, so that a node that
 * refuses costs nobody anything (class A), and http-proxy's `ws()` speaks the handshake on it and joins both ends. Its `web()`
 * is used nowhere: it forwards framing that smuggles (CVE-2026-29057).
 *
 * A tunnel ends with its node. The client is told by a Close frame (RFC 6455 §7.4.1: 1012 service restart, 1001 going away) if it
 * stands between two frames; inside of one nothing may be put in, and the connection ends without.
 */
import { Agent, STATUS_CODES, type IncomingMessage } from "node:http";
import { connect, type LookupFunction, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { createProxyServer } from "http-proxy";
import type { Timer } from "#core/host/clock.ts";
import { subsetName, subsetsFor, tellWhere } from "../forward/chosen-subset.ts";
import type { Engine } from "../forward/exchange.ts";
import type { FleetNode } from "../forward/fleet.ts";
import type { ClientConnection, OpenRequest } from "../listener/client-connection.ts";
import type { RequestHead } from "../listener/request-head.ts";
import type { PathPattern } from "../routing/path-patterns.ts";
import type { LoggedAttempt } from "../telemetry/access-log.ts";
import type { NodeTls } from "../tls/tls-material.ts";
import { closeFrame, FrameTracker } from "./frame-tracker.ts";

const SERVICE_RESTART = 1012;
const GOING_AWAY = 1001;

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
  readonly #proxy = createProxyServer({});
  readonly #lookup: LookupFunction | undefined;
  readonly #open = new Set<Tunnel>();
  /** Those whose handshake is with http-proxy, by the request that it got. */
  readonly #joining = new Map<IncomingMessage, Tunnel>();

  constructor(lookup: LookupFunction | undefined) {
    this.#lookup = lookup;
    this.#proxy.on("proxyReqWs", (proxied, request) => {
      const tunnel = this.#joining.get(request);
      // The exact path: http-proxy would have joined and rewritten it.
      if (tunnel !== undefined) proxied.path = tunnel.path;
      tunnel?.awaitAnswer(() => proxied.destroy(new Error("the node does not answer the handshake")));
    });
    this.#proxy.on("open", (upstream) => {
      for (const tunnel of this.#joining.values()) if (tunnel.upstream === upstream) tunnel.opened();
    });
    // Each tunnel looks after its own sockets; what is left over here would end the process otherwise.
    this.#proxy.on("error", () => undefined);
  }

  begin(asked: TunnelRequest): void {
    const { engine, connection } = asked;
    const { config, phase, telemetry } = engine;
    if (phase.isDraining || this.#open.size >= config.webSocket.tunnelsMax) {
      telemetry.requestRefused("GET", 503);
      if (!phase.isDraining) telemetry.turnedAway("overload");
      return refuse(connection.socket, 503, phase.isDraining ? "stopping" : "overloaded");
    }
    const tunnel = new Tunnel(asked, {
      lookup: this.#lookup,
      onJoin: (settings) => {
        this.#joining.set(asked.request, tunnel);
        // Any address will do: the connection is there.
        const options = { target: "http://node", agent: settings.agent };
        this.#proxy.ws(asked.request, connection.socket, asked.rest, options, settings.onFailed);
      },
      onJoined: () => this.#joining.delete(asked.request),
      onEnded: () => {
        this.#joining.delete(asked.request);
        this.#open.delete(tunnel);
      },
    });
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

interface TunnelOwner {
  readonly lookup: LookupFunction | undefined;
  /** http-proxy is to speak the handshake on the connection that `agent` gives. */
  readonly onJoin: (settings: { readonly agent: Agent; readonly onFailed: () => void }) => void;
  readonly onJoined: () => void;
  readonly onEnded: () => void;
}

class Tunnel implements OpenRequest {
  readonly vantage: string;
  node: FleetNode | undefined;
  readonly #asked: TunnelRequest;
  readonly #owner: TunnelOwner;
  readonly #fromNode = new FrameTracker();
  readonly #tried: number[] = [];
  readonly #attempts: LoggedAttempt[] = [];
  readonly #requestId: string;
  readonly #startedMs: number;
  readonly #pattern: PathPattern | undefined;
  /** Undefined: all nodes. */
  readonly #subsets: readonly number[] | undefined;
  #attemptMs = 0;
  #bytes = 0;
  #upstream: Socket | undefined;
  #timer: Timer | undefined;
  #isSilent = false;
  #isJoined = false;
  #isOver = false;

  constructor(asked: TunnelRequest, owner: TunnelOwner) {
    const { connection, engine, head } = asked;
    this.#asked = asked;
    this.#owner = owner;
    this.vantage = asked.vantage;
    this.#startedMs = engine.clock.nowMs();
    this.#requestId = engine.requestIds.of(head.requestId);
    this.#pattern = engine.paths?.of("GET", head.authority, head.path);
    this.#subsets = subsetsFor(engine, this.#pattern, head);
    engine.telemetry.requestStarted();
    connection.open.add(this);
  }

  get path(): string {
    return this.#asked.head.path;
  }

  get upstream(): Socket | undefined {
    return this.#upstream;
  }

  /** The handshake is over, both ends are one. */
  get isJoined(): boolean {
    return this.#isJoined;
  }

  /** The next node, until one accepts the connection. */
  seek(): void {
    const { engine, head } = this.#asked;
    const { affinity, clock, config, fleet, keyOf, plan } = engine;
    if (this.#isOver) return;
    const candidate =
      this.#tried.length < config.retry.attemptsMax
        ? plan.next(this.#sites(), {
            excluded: this.#tried,
            nowMs: clock.nowMs(),
            key: keyOf === undefined ? 0 : keyOf(head),
            affinity: affinity?.markOf({ fields: head.fields, path: head.path, address: head.client }),
            subsets: this.#subsets,
          })
        : undefined;
    if (candidate === undefined) return this.#failUnanswered();
    this.#tried.push(candidate.node);
    const node = fleet.node(candidate.node);
    this.#connect(node);
  }

  /** As for any request of its path. */
  #sites(): readonly number[] {
    const { engine } = this.#asked;
    const view = engine.routes.view(this.vantage);
    return (this.#pattern === undefined ? view : engine.paths!.narrow(view, this.#pattern)).sites;
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

  /** http-proxy has passed the node's 101 on: from here on both ends are one. */
  opened(): void {
    const { connection, engine } = this.#asked;
    const upstream = this.#upstream!;
    this.#timer?.cancel();
    this.#isJoined = true;
    this.#owner.onJoined();
    this.#attempted("answered");
    engine.telemetry.tunnelOpened();
    tellWhere(engine, this.node!, this.#subsets);
    upstream.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.length;
      this.#fromNode.read(chunk);
    });
    upstream.setTimeout(0);
    connection.socket.setTimeout(engine.config.webSocket.idleTimeoutMs, () => this.end(GOING_AWAY));
  }

  /** `giveUp` when the node has not answered the handshake in time. */
  awaitAnswer(giveUp: () => void): void {
    const { clock, config } = this.#asked.engine;
    this.#timer = clock.after(config.webSocket.handshakeTimeoutMs, () => {
      this.#isSilent = true;
      giveUp();
    });
  }

  #connect(node: FleetNode): void {
    const { engine, tls } = this.#asked;
    const upstream = openConnection(node, tls, this.#owner.lookup);
    this.awaitAnswer(() => upstream.destroy(new Error("no connection")));
    engine.fleet.balancerOf(node).take(node.index);
    this.node = node;
    this.#attemptMs = engine.clock.nowMs();
    this.#isSilent = false;
    this.#upstream = upstream;
    upstream.once("close", () => {
      this.#timer?.cancel();
      engine.fleet.balancerOf(node).giveBack(node.index);
    });
    const onRefused = (): void => {
      this.#attempted(this.#isSilent ? "timeout" : "refused");
      this.seek();
    };
    upstream.once("error", onRefused);
    upstream.once(node.url.startsWith("https:") ? "secureConnect" : "connect", () => {
      this.#timer?.cancel();
      upstream.off("error", onRefused);
      if (this.#isOver) return void upstream.destroy();
      this.#join(upstream);
    });
  }

  /** From here on http-proxy speaks; what is looked at first are its ends. */
  #join(upstream: Socket): void {
    const { engine, head, request } = this.#asked;
    request.headers = headersOf(head, engine.config.hasRequestId ? this.#requestId : head.requestId);
    upstream.on("error", () => this.#nodeEnded());
    upstream.prependListener("end", () => this.#nodeEnded());
    // An answer other than 101 has been passed on by then.
    upstream.once("close", () => (this.#isJoined ? this.#nodeEnded() : this.#answered()));
    const agent = new Agent();
    agent.createConnection = () => upstream;
    this.#owner.onJoin({ agent, onFailed: () => this.#handshakeFailed() });
  }

  #answered(): void {
    if (this.#isOver) return;
    this.#attempted("answered");
    this.#finish("ok", 0);
  }

  #handshakeFailed(): void {
    if (this.#isJoined || this.#isOver) return;
    this.#attempted(this.#isSilent ? "timeout" : "reset");
    this.#fail(this.#isSilent ? 504 : 502, `D; cause=${this.#isSilent ? "timeout" : "reset"}`);
  }

  /** Once for each node that was asked. */
  #attempted(outcome: "answered" | "refused" | "reset" | "timeout"): void {
    const { engine } = this.#asked;
    const node = this.node!;
    const nowMs = engine.clock.nowMs();
    engine.fleet.attempted(node, outcome === "timeout" ? "silent" : outcome, this.#attemptMs, nowMs);
    engine.telemetry.attemptEnded(node.slot, outcome);
    const ms = nowMs - this.#attemptMs;
    this.#attempts.push({ node: node.id, site: node.site, outcome, ms, isHedge: false });
  }

  /** Before http-proxy ends the client's side: a Close frame that the node did not send is sent for it. */
  #nodeEnded(): void {
    if (this.#isOver || !this.#isJoined) return;
    if (this.#fromNode.hasClosed) this.#finish("ok", 101);
    else this.end(SERVICE_RESTART);
  }

  #failUnanswered(): void {
    if (this.#tried.length === 0) return this.#fail(503, "no-node");
    this.#fail(502, `A; cause=${this.#isSilent ? "timeout" : "refused"}`);
  }

  #fail(status: number, reason: string): void {
    if (this.#isOver) return;
    const subset = subsetName(this.#asked.engine, this.#subsets);
    const failure = subset === undefined ? reason : `${reason}; subset=${subset}`;
    const { socket } = this.#asked.connection;
    this.#upstream?.destroy();
    if (socket.writable) refuse(socket, status, failure);
    this.#finish("failed", status, failure);
  }

  #finish(outcome: "ok" | "aborted" | "failed" | "truncated", withoutTunnel: number, failure?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { engine, connection, head } = this.#asked;
    connection.open.delete(this);
    this.#upstream?.destroy();
    if (this.#isJoined) engine.telemetry.tunnelClosed();
    const status = this.#isJoined ? 101 : withoutTunnel;
    const durationMs = engine.clock.nowMs() - this.#startedMs;
    engine.telemetry.requestEnded({
      outcome,
      node: this.node?.slot ?? -1,
      method: "GET",
      status,
      durationMs,
    });
    engine.accessLog?.write({
      requestId: this.#requestId,
      client: head.client,
      vantage: this.vantage,
      method: "GET",
      path: head.path,
      status,
      outcome,
      failure,
      durationMs,
      bytes: this.#bytes,
      attempts: this.#attempts,
    });
    this.#owner.onEnded();
  }
}

/** Without waiting: the caller listens for its end. */
function openConnection(
  { url }: FleetNode,
  tls: NodeTls | undefined,
  lookup: LookupFunction | undefined,
): Socket {
  const { hostname, port, protocol } = new URL(url);
  const isSecure = protocol === "https:";
  const address = {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port === "" ? (isSecure ? 443 : 80) : port),
    ...(lookup === undefined ? {} : { lookup }),
  };
  if (!isSecure) return connect(address);
  return connectSecurely({ ...address, servername: address.host, ...tls?.options });
}

/** As the node is to have them: what `readHead` let through, the request's name, and the two fields of this hop. */
function headersOf({ fields }: RequestHead, requestId: string | undefined): IncomingMessage["headers"] {
  const headers: Record<string, string | string[]> = {};
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!.toLowerCase();
    const before = headers[name];
    const value = fields[index + 1]!;
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  const named = requestId === undefined ? headers : { ...headers, "x-request-id": requestId };
  return { ...named, connection: "Upgrade", upgrade: "websocket" };
}

function refuse(socket: Socket, status: number, failure: string): void {
  const body = `${status} ${failure}\n`;
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${body.length}\r\n` +
      `x-gateway-failure: ${failure}\r\nretry-after: 1\r\nconnection: close\r\n\r\n${body}`,
  );
  socket.destroySoon();
}
