/**
 * The connections to one node: a bounded set of clients, one HTTP/1.1 connection each, one request at a time.
 *
 * undici's own Pool queues what it cannot send and gives no way to take a queued request back. Here a request either
 * gets a connection of its own at once or is told that the node is full, so "not sent yet" is always known for
 * certain. The connection used last is used first: the others age and are closed before the node closes them.
 * A client whose attempt failed or was cancelled is thrown away, never reused: its socket may still carry an answer.
 */
import type { NodeClient, NodeClientOptions, OpenNodeClient } from "./node-client.ts";

/**
 * Bodies that stream from their clients may hold so much of it. Who sends a byte a second holds what he holds for the whole
 * grace of `limits.bodyRateMin`; what is left serves those who ask for something.
 */
const STREAMED_SHARE = 3 / 4;

export interface NodePoolOptions extends NodeClientOptions {
  readonly connectionsMax: number;
}

export class NodePool {
  readonly #origin: string;
  readonly #options: NodePoolOptions;
  readonly #open: OpenNodeClient;
  readonly #idle: NodeClient[] = [];
  readonly #busy = new Set<NodeClient>();
  /** Of those that are busy. */
  readonly #streamed = new Set<NodeClient>();
  #isClosed = false;

  constructor(origin: string, options: NodePoolOptions, open: OpenNodeClient) {
    this.#origin = origin;
    this.#options = options;
    this.#open = open;
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

  /**
   * A client of one's own, or undefined when all `connectionsMax` are taken, or all that there are for bodies that stream.
   */
  take(isStreamed: boolean): NodeClient | undefined {
    if (this.isFull || this.#isClosed) return undefined;
    if (isStreamed && this.#streamed.size >= this.#streamedMax) return undefined;
    const client = this.#idle.pop() ?? this.#open(this.#origin, this.#options);
    this.#busy.add(client);
    if (isStreamed) this.#streamed.add(client);
    return client;
  }

  get #streamedMax(): number {
    return Math.max(1, Math.floor(this.#options.connectionsMax * STREAMED_SHARE));
  }

  /** After a response that was read to its end. */
  give(client: NodeClient): void {
    this.#streamed.delete(client);
    if (!this.#busy.delete(client)) return;
    if (this.#isClosed) client.destroy();
    else this.#idle.push(client);
  }

  /** After an attempt that failed or was cancelled. */
  drop(client: NodeClient): void {
    this.#streamed.delete(client);
    this.#busy.delete(client);
    client.destroy();
  }

  /** The node is proven dead: whatever is connected to it is worth nothing. */
  dropIdle(): void {
    for (const client of this.#idle) client.destroy();
    this.#idle.length = 0;
  }

  close(): void {
    this.#isClosed = true;
    this.dropIdle();
    for (const client of this.#busy) client.destroy();
    this.#busy.clear();
    this.#streamed.clear();
  }
}
