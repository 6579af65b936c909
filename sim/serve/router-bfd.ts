/**
 * The UDP side of a site's router: a BFD session with each node that has one, all over the router's own port. A packet
 * finds its session by the discriminator in it, a first one by where it comes from (`bgp/bfd/driver.ts`).
 */
import { BfdDriver } from "#bgp/bfd/driver.ts";
import { bfdNews, type BfdNews } from "#bgp/bfd/news.ts";
import type { BfdState } from "#bgp/bfd/packet.ts";
import type { Scheduler } from "#bgp/session-driver.ts";
import { DatagramPort } from "#core/host/datagram-port.ts";
import type { Prng } from "#core/prng.ts";
import type { BfdConfig, RouterPeer } from "#core/wire/cast.ts";

export interface RouterBfdHandlers {
  readonly news: (node: string, news: BfdNews) => void;
  readonly discarded: (reason: string) => void;
}

export class RouterBfd {
  readonly #config: BfdConfig;
  readonly #nodes: readonly string[];
  readonly #driver: BfdDriver;
  #port: DatagramPort | undefined;

  constructor(
    config: BfdConfig,
    peers: readonly RouterPeer[],
    scheduler: Scheduler,
    prng: Prng,
    handlers: RouterBfdHandlers,
  ) {
    this.#config = config;
    this.#driver = new BfdDriver(config, (min, max) => prng.integer(min, max), scheduler, {
      send: (bytes, to) => this.#port?.send(bytes, to),
      changed: (node, change) => {
        const news = bfdNews(change);
        if (news !== undefined) handlers.news(node, news);
      },
      discarded: (reason, from) => handlers.discarded(`BFD from ${from.address}:${from.port}: ${reason}`),
    });
    const nodes: string[] = [];
    for (const { node, bfd } of peers) {
      if (bfd === undefined) continue;
      const endpoint = { address: bfd.host, port: bfd.port };
      this.#driver.add({ name: node, endpoint, sourcePort: bfd.sourcePort });
      nodes.push(node);
    }
    this.#nodes = nodes;
  }

  /** Takes the port and begins to speak to all nodes. */
  async listen(): Promise<void> {
    this.#port = await DatagramPort.open(this.#config, (bytes, from) => this.#driver.received(bytes, from));
    for (const node of this.#nodes) this.#driver.drive(node, (session, nowMs) => session.enable(nowMs));
  }

  get port(): number | undefined {
    return this.#port?.port;
  }

  state(node: string): BfdState | undefined {
    return this.#driver.session(node)?.state;
  }

  /** The node's BGP session has ended. */
  sessionEnded(node: string): void {
    this.#driver.sessionEnded(node);
  }

  stalled(durationMs: number): void {
    this.#driver.stalled(durationMs);
  }

  /**
   * AdminDown to all, once: RFC 5880 §6.8.16 would repeat it for a detection time, but the process is about to end, and
   * the Cease that goes with it does not get lost.
   */
  close(reason: string): void {
    for (const node of this.#nodes) {
      this.#driver.drive(node, (session, nowMs) => session.disable(reason, nowMs));
    }
    this.#driver.close();
    this.#port?.close();
  }
}
