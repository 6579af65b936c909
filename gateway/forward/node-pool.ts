/**
 * The connections to one node: a bounded set of undici clients, one HTTP/1.1 connection each, one request at a time.
 *
 * undici's own Pool queues what it cannot send and gives no way to take a queued request back. Here a request either
 * gets a connection of its own at once or is told that the node is full, so "not sent yet" is always known for
 * certain. The connection used last is used first: the others age and are closed before the node closes them.
 * A client whose attempt failed or was cancelled is thrown away, never reused: its socket may still carry an answer.
 */
import { Client } from "undici";
import type { NodeTls } from "../tls/tls-material.ts";

/**
 * An idle socket must be given up before its node does so. This is for nodes that do not say when: Node's servers wait
 * 5 s, most others longer. One that does (`Keep-Alive: timeout=75`, as the edge nodes) is left two seconds before that,
 * and after ten minutes at most: undici's rules.
 */
const IDLE_MS = 4_000;
/** undici's connect timeout is coarse; the attempt's own timer is the one that counts. */
const CONNECT_TIMEOUT_MS = 30_000;

export interface NodePoolOptions {
  readonly connectionsMax: number;
  /** Longest pause between two chunks of a response; coarse, up to half a second late. */
  readonly idleTimeoutMs: number;
  readonly headerBytesMax: number;
  /** Of nodes that speak TLS. */
  readonly tls: NodeTls | undefined;
}

export class NodePool {
  readonly #origin: string;
  readonly #options: NodePoolOptions;
  readonly #idle: Client[] = [];
  readonly #busy = new Set<Client>();
  #isClosed = false;

  constructor(origin: string, options: NodePoolOptions) {
    this.#origin = origin;
    this.#options = options;
  }

  /** Whether it is what such a configuration would make. */
  isFor(origin: string, { connectionsMax, idleTimeoutMs, headerBytesMax, tls }: NodePoolOptions): boolean {
    const own = this.#options;
    return (
      origin === this.#origin &&
      connectionsMax === own.connectionsMax &&
      idleTimeoutMs === own.idleTimeoutMs &&
      headerBytesMax === own.headerBytesMax &&
      tls?.fingerprint === own.tls?.fingerprint
    );
  }

  get isFull(): boolean {
    return this.#busy.size >= this.#options.connectionsMax;
  }

  /** A client of one's own, or undefined when all `connectionsMax` are taken. */
  take(): Client | undefined {
    if (this.isFull || this.#isClosed) return undefined;
    const client = this.#idle.pop() ?? this.#open();
    this.#busy.add(client);
    return client;
  }

  /** After a response that was read to its end. */
  give(client: Client): void {
    if (!this.#busy.delete(client)) return;
    if (this.#isClosed) discard(client);
    else this.#idle.push(client);
  }

  /** After an attempt that failed or was cancelled. */
  drop(client: Client): void {
    this.#busy.delete(client);
    discard(client);
  }

  /** The node is proven dead: whatever is connected to it is worth nothing. */
  dropIdle(): void {
    for (const client of this.#idle) discard(client);
    this.#idle.length = 0;
  }

  close(): void {
    this.#isClosed = true;
    this.dropIdle();
    for (const client of this.#busy) discard(client);
    this.#busy.clear();
  }

  #open(): Client {
    return new Client(this.#origin, {
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: this.#options.idleTimeoutMs,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(this.#options.tls === undefined ? {} : { connect: this.#options.tls.options }),
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: this.#options.headerBytesMax,
    });
  }
}

/** Not at once: undici may be in the middle of telling us about this very client. */
function discard(client: Client): void {
  setImmediate(() => {
    client.destroy().catch(() => undefined);
  });
}
