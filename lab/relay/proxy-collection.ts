/**
 * The proxies of a relay, by name, and what may be done to them: Toxiproxy's rules (v2.12.0, `proxy_collection.go`). Orders
 * are carried out one after another; those that wait for a socket would else meet each other half done.
 */
import type { EventSink } from "#core/host/event-channel.ts";
import type { Prng } from "#core/prng.ts";
import type { ToxicView } from "#core/wire/relay.ts";
import { ApiError, PROXY_NOT_FOUND, TOXIC_NOT_FOUND } from "./api/api-error.ts";
import type { ProxyOrder } from "./api/read-orders.ts";
import { Proxy } from "./proxy.ts";

/** Every node of the largest lab has one; the rest is for those that people add. */
const PROXIES_MAX = 1_000;
/** Of one proxy. */
const TOXICS_MAX = 64;

export class ProxyCollection {
  readonly #proxies = new Map<string, Proxy>();
  readonly #prng: Prng;
  readonly #events: EventSink;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(prng: Prng, events: EventSink) {
    this.#prng = prng;
    this.#events = events;
  }

  all(): Proxy[] {
    return [...this.#proxies.values()];
  }

  get(name: string): Proxy {
    const proxy = this.#proxies.get(name);
    if (proxy === undefined) throw new ApiError(404, PROXY_NOT_FOUND);
    return proxy;
  }

  /** Runs an order when those before it are done, failed ones too. */
  inTurn<T>(order: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(order);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async create(order: ProxyOrder): Promise<Proxy> {
    if (this.#proxies.has(order.name)) throw new ApiError(409, "proxy already exists");
    return await this.#put(order);
  }

  /** One with the same addresses is kept as it is, toxics too; one with others is replaced. */
  async createOrReplace(order: ProxyOrder): Promise<Proxy> {
    const existing = this.#proxies.get(order.name);
    if (existing !== undefined) {
      if (!(await existing.differs(order.listen, order.upstream))) return existing;
      await existing.stop();
    }
    return await this.#put(order);
  }

  /** Other addresses close what is open. One that cannot listen at its new address stays there, disabled. */
  async update(proxy: Proxy, { listen, upstream, enabled }: ProxyOrder): Promise<void> {
    const hasMoved = await proxy.differs(listen, upstream);
    const wasEnabled = proxy.isEnabled;
    try {
      if (hasMoved) {
        await proxy.stop();
        proxy.move(listen, upstream);
      }
      if (enabled) await proxy.start();
      else await proxy.stop();
    } finally {
      if (hasMoved || proxy.isEnabled !== wasEnabled) this.#tell(proxy);
    }
  }

  async remove(proxy: Proxy): Promise<void> {
    await proxy.stop();
    this.#proxies.delete(proxy.name);
    const { listen, upstream } = proxy.view();
    this.#events.emit({ kind: "relay.proxy", proxy: proxy.name, state: "removed", listen, upstream });
  }

  /** All enabled, and no toxic left. */
  async reset(): Promise<void> {
    for (const proxy of this.all()) {
      const wasEnabled = proxy.isEnabled;
      await proxy.start();
      if (!wasEnabled) this.#tell(proxy);
      for (const toxic of proxy.toxics()) this.removeToxic(proxy, toxic.name);
    }
  }

  addToxic(proxy: Proxy, toxic: ToxicView): void {
    if (proxy.toxicCount >= TOXICS_MAX) throw new ApiError(400, `a proxy has at most ${TOXICS_MAX} toxics`);
    proxy.addToxic(toxic);
    this.#tellToxic(proxy, toxic, "added");
  }

  updateToxic(proxy: Proxy, toxic: ToxicView): void {
    proxy.updateToxic(toxic);
    this.#tellToxic(proxy, toxic, "changed");
  }

  removeToxic(proxy: Proxy, name: string): void {
    const toxic = this.toxicOf(proxy, name);
    proxy.removeToxic(toxic);
    this.#tellToxic(proxy, toxic, "removed");
  }

  toxicOf(proxy: Proxy, name: string): ToxicView {
    const toxic = proxy.findToxic(name);
    if (toxic === undefined) throw new ApiError(404, TOXIC_NOT_FOUND);
    return toxic;
  }

  async #put(order: ProxyOrder): Promise<Proxy> {
    if (this.#proxies.size >= PROXIES_MAX && !this.#proxies.has(order.name))
      throw new ApiError(400, `there are ${PROXIES_MAX} proxies already`);
    const proxy = new Proxy(order, this.#prng.fork(`proxy/${order.name}`), {
      onTurnedAway: (name, why) => this.#events.emit({ kind: "relay.turned-away", proxy: name, reason: why }),
    });
    if (order.enabled) await proxy.start();
    this.#proxies.set(order.name, proxy);
    this.#tell(proxy);
    return proxy;
  }

  #tell(proxy: Proxy): void {
    const { name, listen, upstream, enabled } = proxy.view();
    const state = enabled ? "enabled" : "disabled";
    this.#events.emit({ kind: "relay.proxy", proxy: name, state, listen, upstream });
  }

  #tellToxic(proxy: Proxy, toxic: ToxicView, state: "added" | "changed" | "removed"): void {
    this.#events.emit({ kind: "relay.toxic", proxy: proxy.name, state, toxic });
  }
}
