/**
 * What the gateway needs of the wire towards a node: one HTTP/1.1 connection, opened when it is first used. Behind it stands
 * undici; in virtual worlds a simulated network.
 */
import type { LookupFunction } from "node:net";
import { Client, type Dispatcher } from "undici";
import type { NodeTls } from "../tls/tls-material.ts";

/**
 * An idle socket must be given up before its node does so. This is for nodes that do not say when: Node's servers wait
 * 5 s, most others longer. One that does (`Keep-Alive: timeout=75`, as the edge nodes) is left two seconds before that,
 * and after ten minutes at most: undici's rules.
 */
const IDLE_MS = 4_000;
/** undici's connect timeout is coarse; the attempt's own timer is the one that counts. */
const CONNECT_TIMEOUT_MS = 30_000;

export interface NodeClientOptions {
  /** Longest pause between two chunks of a response; coarse, up to half a second late. */
  readonly idleTimeoutMs: number;
  readonly headerBytesMax: number;
  /** Of nodes that speak TLS. */
  readonly tls: NodeTls | undefined;
}

export interface NodeClient {
  /** The next request goes over a connection that has stood already. */
  readonly isConnected: boolean;
  /** One request at a time. */
  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void;
  /** With its connection and what is open on it; not before the next turn of the loop. */
  destroy(): void;
}

export type OpenNodeClient = (origin: string, options: NodeClientOptions) => NodeClient;

export function openNodeClient(
  origin: string,
  options: NodeClientOptions,
  lookup: LookupFunction | undefined,
): NodeClient {
  return new UndiciClient(origin, options, lookup);
}

class UndiciClient implements NodeClient {
  readonly #client: Client;

  constructor(
    origin: string,
    { headerBytesMax, idleTimeoutMs, tls }: NodeClientOptions,
    lookup: LookupFunction | undefined,
  ) {
    this.#client = new Client(origin, {
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: idleTimeoutMs,
      connectTimeout: CONNECT_TIMEOUT_MS,
      connect: { ...tls?.options, ...(lookup === undefined ? {} : { lookup }) },
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: headerBytesMax,
    });
  }

  get isConnected(): boolean {
    return this.#client.stats.connected;
  }

  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(request, handler);
  }

  /** undici may be in the middle of telling us about this very client. */
  destroy(): void {
    setImmediate(() => {
      this.#client.destroy().catch(() => undefined);
    });
  }
}
