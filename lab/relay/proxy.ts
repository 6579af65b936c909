/**
 * A proxy of the relay: an address that it listens on, an upstream that it passes bytes to, the toxics between them, and
 * the connections that are open. A connection that its upstream refuses has been accepted before that was known; it is
 * reset, which is as near to a refusal as a relay can come.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { codeOf, messageOf } from "#core/errors.ts";
import { after, nowMs } from "#core/host/clock.ts";
import type { Prng } from "#core/prng.ts";
import { TOXIC_STREAMS, type ProxyView, type RelayProxy, type ToxicView } from "#core/wire/relay.ts";
import { formatAddress, isLoopback, parseAddress, resolveHost, type Address } from "./address.ts";
import { Pump, type StreamCounts } from "./pump.ts";
import { isInForce, linkToxicOf, toxicOf } from "./toxic-entry.ts";

const LOOPBACK = "127.0.0.1";
/** A node on this host accepts or refuses within a millisecond; a frozen one accepts too. */
const DIAL_MS_MAX = 10_000;
/** Open connections of one proxy; more are reset at once, and the first of them told. */
const CONNECTIONS_MAX = 1024;
/** `setTimeout` has no larger delay. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Why it does not listen, as Go says it. */
const LISTEN_ERRORS: Readonly<Record<string, string>> = {
  EADDRINUSE: "bind: address already in use",
  EADDRNOTAVAIL: "bind: cannot assign requested address",
  EACCES: "bind: permission denied",
};

interface OpenConnection {
  readonly prng: Prng;
  readonly client: Socket;
  /** A toxic has decided that nothing of it is ever passed on. */
  isLost?: true;
  /** Undefined: its upstream has not accepted yet, or is never dialled. */
  pump?: Pump;
}

export interface ProxyEvents {
  /** A connection found no room; those that follow it before one does again are not told. */
  readonly onTurnedAway: (name: string, why: string) => void;
}

export class Proxy {
  readonly name: string;
  readonly #prng: Prng;
  readonly #events: ProxyEvents;
  #listen: string;
  #upstream: string;
  #server: Server | undefined;
  readonly #toxics: ToxicView[] = [];
  readonly #open = new Set<OpenConnection>();
  #connectionCount = 0;
  #isTurningAway = false;
  readonly counts: StreamCounts = {
    upstream: { received: 0, sent: 0 },
    downstream: { received: 0, sent: 0 },
  };

  /** `prng` is the proxy's own stream. */
  constructor({ name, listen, upstream }: RelayProxy, prng: Prng, events: ProxyEvents) {
    this.name = name;
    this.#listen = listen;
    this.#upstream = upstream;
    this.#prng = prng;
    this.#events = events;
  }

  get isEnabled(): boolean {
    return this.#server !== undefined;
  }

  view(): ProxyView {
    return {
      name: this.name,
      listen: this.#listen,
      upstream: this.#upstream,
      enabled: this.isEnabled,
      toxics: this.toxics(),
    };
  }

  /** Those toward the node first, each direction in the order in which bytes meet them. */
  toxics(): ToxicView[] {
    return TOXIC_STREAMS.flatMap((stream) => this.#toxics.filter((toxic) => toxic.stream === stream));
  }

  /** Whether these would be other addresses. Throws an `Error` with Go's text. */
  async differs(listen: string, upstream: string): Promise<boolean> {
    const resolved = formatAddress(await listenAddress(listen));
    return upstream !== this.#upstream || resolved !== this.#listen;
  }

  /** It must have been stopped. */
  move(listen: string, upstream: string): void {
    this.#listen = listen;
    this.#upstream = upstream;
  }

  /** Resolves when it listens; nothing to do when it does already. Throws an `Error` with Go's text. */
  async start(): Promise<void> {
    if (this.isEnabled) return;
    let address: Address;
    try {
      address = await listenAddress(this.#listen);
    } catch (error) {
      throw new Error(`listen tcp: ${messageOf(error)}`, { cause: error });
    }
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) =>
      this.#accept(client),
    );
    this.#listen = formatAddress(await listening(server, address));
    server.on("error", () => undefined); // An accept that failed concerns that connection alone.
    this.#server = server;
  }

  /** Its connections are closed, new ones refused. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    for (const { client, pump } of this.#open) {
      client.destroy();
      pump?.destroy();
    }
    await promise;
  }

  /** In force on every open connection that its share falls on when this returns. */
  addToxic(toxic: ToxicView): void {
    this.#toxics.push(toxic);
    for (const { pump, prng } of this.#open) pump?.add(toxic.stream, toxic.name, linkToxicOf(toxic, prng));
  }

  updateToxic(toxic: ToxicView): void {
    this.#toxics.splice(this.#indexOf(toxic.name), 1, toxic);
    for (const { pump, prng } of this.#open) pump?.update(toxic.stream, toxic.name, linkToxicOf(toxic, prng));
  }

  removeToxic(toxic: ToxicView): void {
    this.#toxics.splice(this.#indexOf(toxic.name), 1);
    for (const connection of this.#open) {
      connection.pump?.remove(toxic.stream, toxic.name);
      // It was lost, and the loss is over: its client may try anew.
      if (connection.isLost && toxicOf(toxic).admit !== undefined) connection.client.resetAndDestroy();
    }
  }

  removeAllToxics(): void {
    for (const toxic of this.toxics()) this.removeToxic(toxic);
  }

  findToxic(name: string): ToxicView | undefined {
    return this.#toxics.find((toxic) => toxic.name === name);
  }

  get toxicCount(): number {
    return this.#toxics.length;
  }

  #indexOf(name: string): number {
    return this.#toxics.findIndex((toxic) => toxic.name === name);
  }

  #accept(client: Socket): void {
    client.on("error", () => undefined);
    if (this.#open.size >= CONNECTIONS_MAX) {
      client.resetAndDestroy();
      if (!this.#isTurningAway)
        this.#events.onTurnedAway(this.name, `${CONNECTIONS_MAX} connections are open already`);
      this.#isTurningAway = true;
      return;
    }
    this.#isTurningAway = false;
    this.#connectionCount += 1;
    const prng = this.#prng.fork(`connection/${this.#connectionCount}`);
    const connection: OpenConnection = { client, prng };
    this.#open.add(connection);
    client.once("close", () => {
      if (connection.pump === undefined) this.#open.delete(connection);
    });
    const resetMs = this.#lostUntilMs(prng);
    if (resetMs === undefined) this.#dial(connection);
    else this.#lose(connection, resetMs);
  }

  /** Undefined: it is admitted. */
  #lostUntilMs(connection: Prng): number | undefined {
    for (const toxic of this.#toxics) {
      if (!isInForce(toxic, connection)) continue;
      const admission = toxicOf(toxic).admit?.(toxic.attributes, nowMs());
      if (admission !== undefined) return admission.resetMs;
    }
    return undefined;
  }

  /** Read and thrown away, so that the client's own end is seen. */
  #lose(connection: OpenConnection, resetMs: number): void {
    const { client } = connection;
    connection.isLost = true;
    client.resume();
    client.once("end", () => client.destroy());
    if (resetMs === Infinity) return;
    const waitMs = Math.min(resetMs - nowMs(), TIMER_MS_MAX);
    const timer = after(waitMs, () => client.resetAndDestroy(), { unref: true });
    client.once("close", () => timer.cancel());
  }

  #dial(connection: OpenConnection): void {
    const { client, prng } = connection;
    let address: Address;
    try {
      address = parseAddress(this.#upstream);
    } catch {
      client.resetAndDestroy();
      return;
    }
    const { host, port } = address;
    const upstream = connect({
      host: host === "" ? LOOPBACK : host,
      port,
      allowHalfOpen: true,
      noDelay: true,
    });
    const timer = after(DIAL_MS_MAX, () => upstream.destroy(), { unref: true });
    upstream.on("error", () => undefined);
    const refuse = (): void => void client.resetAndDestroy();
    upstream.once("close", refuse);
    client.once("close", () => {
      if (connection.pump === undefined) upstream.destroy();
    });
    upstream.once("close", () => timer.cancel());
    upstream.once("connect", () => {
      timer.cancel();
      upstream.off("close", refuse);
      if (client.destroyed || !this.#open.has(connection)) return void upstream.destroy();
      const pump = new Pump(client, upstream, this.counts, () => this.#open.delete(connection));
      connection.pump = pump;
      for (const toxic of this.#toxics) pump.add(toxic.stream, toxic.name, linkToxicOf(toxic, prng));
    });
  }
}

/** In numbers, as it is reported; a proxy is for this host only. Throws an `Error` with Go's text, or with our own. */
async function listenAddress(text: string): Promise<Address> {
  const { host, port } = parseAddress(text);
  const address = await resolveHost(host === "" ? LOOPBACK : host);
  if (isLoopback(address)) return { host: address, port };
  throw new Error(`address ${text}: only loopback addresses are listened on here, such as 127.0.0.1:${port}`);
}

function listening(server: Server, { host, port }: Address): Promise<Address> {
  const { promise, resolve, reject } = Promise.withResolvers<Address>();
  server.once("error", (error) => {
    const why = LISTEN_ERRORS[codeOf(error) ?? ""] ?? error.message;
    reject(new Error(`listen tcp ${formatAddress({ host, port })}: ${why}`, { cause: error }));
  });
  server.listen({ host, port }, () => {
    const bound = server.address();
    resolve({ host, port: typeof bound === "object" && bound !== null ? bound.port : port });
  });
  return promise;
}
