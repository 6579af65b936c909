/**
 * A node's side of BFD: one session with its site's router over UDP. Plugged into the node's cable: cut, nothing leaves
 * and nothing that arrives is seen, and nothing is made good later, as datagrams are not.
 */
import { BfdDriver } from "#bgp/bfd/driver.ts";
import { bfdNews, type BfdNews } from "#bgp/bfd/news.ts";
import type { BfdChange } from "#bgp/bfd/session.ts";
import type { Scheduler } from "#bgp/session-driver.ts";
import { DatagramPort } from "#core/host/datagram-port.ts";
import type { Prng } from "#core/prng.ts";
import type { NodeBgpConfig } from "#core/wire/cast.ts";
import type { Cable } from "./cable.ts";

const ROUTER = "router";

export interface BfdSpeakerOptions {
  readonly config: NonNullable<NodeBgpConfig["bfd"]>;
  readonly cable: Cable;
  readonly scheduler: Scheduler;
  /** Discriminator and jitter are drawn from it. */
  readonly prng: Prng;
  readonly onNews: (news: BfdNews) => void;
}

export class BfdSpeaker {
  readonly #options: BfdSpeakerOptions;
  readonly #driver: BfdDriver;
  #port: DatagramPort | undefined;
  #isLeaving = false;

  constructor(options: BfdSpeakerOptions) {
    const { config, scheduler, prng } = options;
    const { router, ...timers } = config;
    this.#options = options;
    this.#driver = new BfdDriver(timers, (min, max) => prng.integer(min, max), scheduler, {
      send: (bytes, to) => {
        if (!options.cable.isCut) this.#port?.send(bytes, to);
      },
      changed: (_router, change) => this.#changed(change),
      discarded: () => undefined, // The port is ours alone; whoever finds it gets no answer.
    });
    this.#driver.add({
      name: ROUTER,
      endpoint: { address: router.host, port: router.port },
      sourcePort: router.sourcePort,
    });
  }

  /** Takes the port and begins to speak. */
  async open(): Promise<void> {
    this.#port = await DatagramPort.open(this.#options.config, (bytes, from) => {
      if (!this.#options.cable.isCut && !this.#isLeaving) this.#driver.received(bytes, from);
    });
    this.enable();
  }

  enable(): void {
    this.#driver.drive(ROUTER, (session, nowMs) => session.enable(nowMs));
  }

  /**
   * The BGP session is about to end with Cease. What the router says on it is no news any more, and AdminDown follows
   * later (`disable`): BIRD takes AdminDown for a failure, which RFC 5882 §3.2 would not. If it were there before
   * Cease, BIRD would end the session with an error and keep the node out for its error wait, 60 s and more.
   */
  leave(): void {
    this.#isLeaving = true;
  }

  /** A goodbye: the router hears AdminDown and takes it for no fault. */
  disable(reason: string): void {
    this.#driver.drive(ROUTER, (session, nowMs) => session.disable(reason, nowMs));
  }

  /** The BGP session has ended. */
  sessionEnded(): void {
    if (!this.#isLeaving) this.#driver.sessionEnded(ROUTER);
  }

  stalled(durationMs: number): void {
    this.#driver.stalled(durationMs);
  }

  close(): void {
    this.#driver.close();
    this.#port?.close();
  }

  #changed(change: BfdChange): void {
    const news = bfdNews(change);
    if (news !== undefined) this.#options.onNews(news);
  }
}
