/**
 * A stand to test one node on: the node in this process on a port of its own, what it reports, and the router it
 * speaks BGP to. Everything that is waited for is an event; nothing sleeps.
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { formatPrefix, GRACEFUL_SHUTDOWN, parseIpv4 } from "#bgp/messages.ts";
import { SessionDriver, type Transport } from "#bgp/session-driver.ts";
import { BgpSession, refuseUnless } from "#bgp/session.ts";
import { after, nowMs } from "#core/host/clock.ts";
import { EventChannel } from "#core/host/event-channel.ts";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { NodeBgpConfig, NodeConfig } from "#core/wire/cast.ts";
import type { EventKind, ProcessEvent } from "#core/wire/events.ts";
import { EdgeNode, type SelfCheck } from "#edge-nodes/edge-node.ts";

export const PREFIX = "203.0.113.0/24";
const NODE_AS = 4_200_000_011;
const ROUTER_AS = 64_500;

/** Lines as they come, and a wait for one that satisfies; lines from before the wait count too. */
export class Log<T> {
  readonly lines: T[] = [];
  #waiting: { readonly isIt: (line: T) => boolean; readonly resolve: (line: T) => void }[] = [];

  push(line: T): void {
    this.lines.push(line);
    for (const { isIt, resolve } of this.#waiting) if (isIt(line)) resolve(line);
    this.#waiting = this.#waiting.filter(({ isIt }) => !isIt(line));
  }

  /** The first line at or behind `from` that satisfies `isIt`. */
  async until(isIt: (line: T) => boolean, from = 0): Promise<T> {
    const seen = this.lines.slice(from).find(isIt);
    if (seen !== undefined) return seen;
    return new Promise((resolve) => this.#waiting.push({ isIt, resolve }));
  }
}

export function eventsOf(output: NodeJS.ReadableStream): Log<ProcessEvent> {
  const log = new Log<ProcessEvent>();
  const reader = new NdjsonReader(
    (value) => log.push(value as ProcessEvent),
    (error) => {
      throw error;
    },
  );
  output.on("data", (chunk: Buffer) => reader.push(chunk));
  return log;
}

export function untilEvent<K extends EventKind>(
  log: Log<ProcessEvent>,
  kind: K,
  fields: Partial<Extract<ProcessEvent, { kind: K }>> = {},
  from = 0,
): Promise<ProcessEvent> {
  const wanted = Object.entries({ kind, ...fields });
  return log.until((event) => {
    const given: Record<string, unknown> = { ...event };
    return wanted.every(([name, value]) => given[name] === value);
  }, from);
}

/** The router of the site: says what it hears as `up`, `+PREFIX`, `+PREFIX graceful`, `-PREFIX`, `down: why`. */
export class Router {
  readonly log = new Log<string>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #holdTimeS: number;
  readonly #knownAs: number;

  constructor(holdTimeS: number, knownAs: number) {
    this.#holdTimeS = holdTimeS;
    this.#knownAs = knownAs;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async listen(options: { holdTimeS?: number; knownAs?: number } = {}): Promise<Router> {
    const router = new Router(options.holdTimeS ?? 9, options.knownAs ?? NODE_AS);
    await new Promise<void>((resolve) => router.#server.listen(0, "127.0.0.1", resolve));
    return router;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Every connection is reset, as by a router that lost power and came back. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  config(changes: Partial<NodeBgpConfig> = {}): NodeBgpConfig {
    return {
      routerHost: "127.0.0.1",
      routerPort: this.port,
      localAs: NODE_AS,
      routerAs: ROUTER_AS,
      bgpId: "10.0.0.11",
      prefix: PREFIX,
      nextHop: "192.0.2.11",
      holdTimeS: 9,
      connectRetryMs: 20,
      ...changes,
    };
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const session = new BgpSession(
      {
        localAs: ROUTER_AS,
        bgpId: parseIpv4("10.0.0.1"),
        holdTimeS: this.#holdTimeS,
        connectRetryMs: 0,
        refusePeer: refuseUnless(this.#knownAs),
      },
      "passive",
    );
    const afterReads = (fn: () => void): void => void setImmediate(() => setImmediate(fn));
    const driver = new SessionDriver(
      session,
      { nowMs, after, afterReads },
      {
        up: () => this.log.push("up"),
        down: (reason) => this.log.push(`down: ${reason}`),
        failed: (reason) => this.log.push(`failed: ${reason}`),
        update: ({ announced, withdrawn, attributes }) => {
          const mark = attributes?.communities?.includes(GRACEFUL_SHUTDOWN) === true ? " graceful" : "";
          for (const prefix of withdrawn) this.log.push(`-${formatPrefix(prefix)}`);
          for (const prefix of announced) this.log.push(`+${formatPrefix(prefix)}${mark}`);
        },
      },
    );
    const transport: Transport = {
      write: (bytes) => void socket.write(bytes),
      close: () => void socket.end(),
    };
    socket.on("data", (bytes) => driver.received(bytes, transport));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      driver.closed("connection closed", transport);
    });
    driver.opened(transport);
  }
}

export interface Stand {
  readonly node: EdgeNode;
  readonly url: string;
  readonly port: number;
  readonly events: Log<ProcessEvent>;
  /** Resolves when the node has left. */
  readonly left: Promise<void>;
}

export function nodeConfig(changes: Partial<NodeConfig> = {}): NodeConfig {
  return {
    process: "node",
    node: "ny1-1",
    site: "ny1",
    host: "127.0.0.1",
    httpPort: 0,
    thinkTimeMs: 0,
    drain: { quietMs: 0, maxMs: 0 },
    ...changes,
  };
}

export async function startNode(
  changes: Partial<NodeConfig> = {},
  selfCheck: SelfCheck = { intervalMs: 10, timeoutMs: 50, failuresMax: 3 },
): Promise<Stand> {
  const output = new PassThrough();
  const events = eventsOf(output);
  const { promise: left, resolve: onLeft } = Promise.withResolvers<void>();
  const channel = new EventChannel("ny1-1", output as unknown as NodeJS.WriteStream);
  const node = new EdgeNode(nodeConfig(changes), channel, onLeft, selfCheck);
  await node.start();
  return { node, url: `http://127.0.0.1:${node.port}`, port: node.port, events, left };
}
