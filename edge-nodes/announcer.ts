/**
 * A node's BGP speaker: one session to its site's router, over which it announces the service prefix, marks it with
 * GRACEFUL_SHUTDOWN (RFC 8326) before it leaves, and withdraws it. A lost session comes back by itself.
 */
import { connect, type Socket } from "node:net";
import { GRACEFUL_SHUTDOWN, parseIpv4, parsePrefix, SEGMENT, type PathAttributes } from "#bgp/messages.ts";
import { SessionDriver, type Transport } from "#bgp/session-driver.ts";
import { BgpSession, refuseUnless } from "#bgp/session.ts";
import { after } from "#core/host/clock.ts";
import type { EventSink } from "#core/host/event-channel.ts";
import type { NodeBgpConfig } from "#core/wire/cast.ts";
import type { Cable, Wire } from "./cable.ts";
import { HOST_SCHEDULER } from "./host-scheduler.ts";

/** A router that has been told goodbye and does not close its end is left to itself after this long. */
const LINGER_MS = 2000;
/**
 * A connection that is not open by then is begun anew. The kernel would repeat its SYN after 1, 3, 7, 15, 31 and 63 s:
 * a link that was silent for a minute and heals would keep the prefix out for another.
 */
const CONNECT_MS_MAX = 3000;

export class Announcer {
  readonly #node: string;
  readonly #config: NodeBgpConfig;
  readonly #cable: Cable;
  readonly #events: EventSink;
  readonly #driver: SessionDriver;
  readonly #prefix;
  readonly #onSession: (state: "up" | "down") => void;
  #isUp = false;
  #isStopped = false;
  #announced: "no" | "normal" | "graceful" = "no";

  constructor(
    node: string,
    config: NodeBgpConfig,
    cable: Cable,
    events: EventSink,
    onSession: (state: "up" | "down") => void,
  ) {
    this.#node = node;
    this.#config = config;
    this.#cable = cable;
    this.#events = events;
    this.#onSession = onSession;
    this.#prefix = parsePrefix(config.prefix);
    const session = new BgpSession(
      {
        localAs: config.localAs,
        bgpId: parseIpv4(config.bgpId),
        holdTimeS: config.holdTimeS,
        connectRetryMs: config.connectRetryMs,
        refusePeer: refuseUnless(config.routerAs),
      },
      "active",
    );
    this.#driver = new SessionDriver(session, HOST_SCHEDULER, {
      connect: () => this.#connect(),
      up: () => this.#sessionUp(),
      down: (reason) => this.#sessionDown(reason),
      failed: () => undefined,
      update: () => undefined, // The router sends us nothing to use: a node forwards no traffic.
    });
  }

  start(): void {
    this.#driver.drive((session) => session.start());
  }

  announce(): void {
    this.#announce("normal");
  }

  /** Asks others to prefer another site (RFC 8326). What is not announced stays so: a goodbye is no hello. */
  announceGraceful(): void {
    if (this.#announced !== "no") this.#announce("graceful");
  }

  withdraw(reason: string): void {
    if (this.#announced === "no") return;
    this.#announced = "no";
    this.#driver.drive((session) => session.withdraw(this.#prefix));
    this.#events.emit({ kind: "bgp.withdrawn", node: this.#node, reason });
  }

  /** Says goodbye (Cease, administrative shutdown) and stays down. */
  stop(reason: string): void {
    this.#isStopped = true;
    this.#driver.drive((session) => session.stop(reason));
  }

  /** BFD has lost the router: the session ends as if the hold timer had run out, and comes back by itself. */
  bfdDown(reason: string): void {
    this.#driver.drive((session, atMs) => session.bfdDown(reason, atMs));
  }

  #announce(how: "normal" | "graceful"): void {
    if (this.#announced === how) return;
    this.#announced = how;
    const attributes = this.#attributes(how === "graceful");
    this.#driver.drive((session) => session.announce(this.#prefix, attributes));
    if (this.#isUp) this.#tellAnnounced();
  }

  #attributes(isGraceful: boolean): PathAttributes {
    const route: PathAttributes = {
      origin: 0,
      asPath: [{ kind: SEGMENT.sequence, ases: [this.#config.localAs] }],
      nextHop: parseIpv4(this.#config.nextHop),
    };
    return isGraceful ? { ...route, communities: [GRACEFUL_SHUTDOWN] } : route;
  }

  #connect(): void {
    // Loopback would connect behind a pulled cable; a network would not.
    if (this.#cable.isCut) return void after(0, () => this.#driver.closed("the cable is cut"));
    const socket = connect({ host: this.#config.routerHost, port: this.#config.routerPort, noDelay: true });
    const limit = after(CONNECT_MS_MAX, () => socket.destroy());
    socket.once("error", () => undefined);
    socket.once("close", () => limit.cancel());
    const onFailed = (): void => this.#driver.closed("the router does not answer");
    socket.once("close", onFailed);
    socket.once("connect", () => {
      limit.cancel();
      socket.off("close", onFailed);
      this.#join(socket);
    });
  }

  #join(socket: Socket): void {
    if (this.#isStopped) return void socket.destroy();
    const wire = this.#cable.plug(socket);
    const transport = transportOf(wire);
    let reason = "closed by the router";
    wire.on("error", (error: NodeJS.ErrnoException) => (reason = error.code ?? error.message));
    wire.on("data", (chunk: Buffer) => this.#driver.received(chunk, transport));
    wire.on("end", () => wire.end());
    wire.on("close", () => this.#driver.closed(reason, transport));
    this.#driver.opened(transport);
  }

  #sessionUp(): void {
    this.#isUp = true;
    this.#onSession("up");
    this.#events.emit({ kind: "bgp.session", node: this.#node, state: "up", reason: "established" });
    if (this.#announced !== "no") this.#tellAnnounced();
  }

  #sessionDown(reason: string): void {
    this.#isUp = false;
    this.#onSession("down");
    this.#events.emit({ kind: "bgp.session", node: this.#node, state: "down", reason });
  }

  #tellAnnounced(): void {
    const isGracefulShutdown = this.#announced === "graceful";
    this.#events.emit({ kind: "bgp.announced", node: this.#node, isGracefulShutdown });
  }
}

function transportOf(wire: Wire): Transport {
  return {
    write: (bytes) => void wire.write(bytes),
    close: () => {
      wire.end();
      const linger = after(LINGER_MS, () => wire.destroy(), { unref: true });
      wire.once("close", () => linger.cancel());
    },
  };
}
