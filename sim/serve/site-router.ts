/**
 * The router of one site, as far as its nodes see it: it ends their BGP sessions, holds the path of each, and says
 * what the site announces. It sees transports, not sockets, and owns no clock; `router-listener.ts` has the sockets.
 *
 * A peer is known by AS and BGP identifier; anybody else gets the RFC's OPEN error. Only the configured prefix counts.
 * The end of a session, however it comes, removes its path: nothing else tells the router that a node died.
 *
 * A second session of a peer. RFC 4271 §6.8 would close the new transport while the old one is Established, "unless
 * allowed via configuration"; then a node that lost its power would be kept out until the hold timer has buried its old
 * session. Here only nodes connect, and a node opens a second transport only when its first is gone, so the newcomer is
 * believed, as a restarting speaker is (RFC 4724 §4.2, and BIRD and FRR with it): once it is Established itself, the
 * old session is ended with Cease/connection collision (RFC 4486), its path with it. Not before: an OPEN alone, which
 * anybody who can count to a BGP identifier could send and drop, ends nobody's session.
 */
import {
  ERROR,
  formatIpv4,
  formatPrefix,
  GRACEFUL_SHUTDOWN,
  parseIpv4,
  type OpenMessage,
  type PathAttributes,
  type Prefix,
  type UpdateMessage,
} from "#bgp/messages.ts";
import { SessionDriver, type Scheduler, type Transport } from "#bgp/session-driver.ts";
import { BgpSession, type SessionConfig } from "#bgp/session.ts";
import type { RouterConfig } from "#core/wire/cast.ts";
import { SitePaths, type SiteAnnouncement } from "#sim/anycast/site-paths.ts";

/** From the accepted transport to Established; RFC 4271's 4 minutes are for links that a person plugs in. */
const ESTABLISH_MS_MAX = 10_000;
/** Transports at once, beyond two for each peer. */
const SPARE_LINKS = 16;
/** Distinct remarks about the routes of one session; a peer that sends more oddities has been noticed by then. */
const REMARKS_MAX = 16;

export interface RouterHandlers {
  readonly session: (node: string, state: "up" | "down", reason: string) => void;
  /** An attempt ended before the session was up, and not by the other side's going away. */
  readonly refused: (reason: string) => void;
  /** What was odd about a route of a node, and survivable. */
  readonly remark: (node: string, text: string) => void;
  /** What the site announces may have changed; undefined: nothing any more. */
  readonly changed: (announcement: SiteAnnouncement | undefined, reason: string) => void;
}

/** One transport of the router, as whoever reads it feeds it. */
export interface RouterLink {
  received(bytes: Uint8Array): void;
  /** The transport is gone. */
  closed(reason: string): void;
}

interface Link extends RouterLink {
  readonly driver: SessionDriver;
  readonly openTimer: { cancel(): void };
  /** Known once its OPEN was accepted. */
  node: string | undefined;
  peerAs: number;
  isPeerGone: boolean;
  readonly remarks: Set<string>;
}

export class SiteRouter {
  readonly config: RouterConfig;
  readonly #prefix: Prefix;
  readonly #holdTimeS: number;
  readonly #scheduler: Scheduler;
  readonly #handlers: RouterHandlers;
  readonly #paths: SitePaths;
  readonly #links = new Set<Link>();
  readonly #established = new Map<string, Link>();

  constructor(
    config: RouterConfig,
    options: { readonly prefix: Prefix; readonly holdTimeS: number },
    scheduler: Scheduler,
    handlers: RouterHandlers,
  ) {
    this.config = config;
    this.#prefix = options.prefix;
    this.#holdTimeS = options.holdTimeS;
    this.#scheduler = scheduler;
    this.#handlers = handlers;
    this.#paths = new SitePaths(config.peers.map(({ node }) => node));
  }

  /** A node has connected. Undefined: there are too many transports already, and this one was closed. */
  accept(transport: Transport): RouterLink | undefined {
    const linksMax = this.config.peers.length * 2 + SPARE_LINKS;
    if (this.#links.size >= linksMax) {
      transport.close();
      this.#handlers.refused(`more than ${linksMax} transports at once`);
      return undefined;
    }
    const link = this.#newLink(transport);
    this.#links.add(link);
    link.driver.opened(transport);
    return link;
  }

  sessionState(node: string): "up" | "down" {
    return this.#established.has(node) ? "up" : "down";
  }

  hasPath(node: string): boolean {
    return this.#paths.stands(node);
  }

  announcement(): SiteAnnouncement | undefined {
    return this.#paths.announcement();
  }

  /** BFD has lost the node: its session ends as if its hold timer had run out. */
  bfdDown(node: string, reason: string): void {
    this.#established.get(node)?.driver.drive((session, nowMs) => session.bfdDown(reason, nowMs));
  }

  /** Cease to everybody. */
  stop(reason: string): void {
    for (const link of this.#links) link.driver.drive((session) => session.stop(reason));
  }

  #newLink(transport: Transport): Link {
    const config: SessionConfig = {
      localAs: this.config.as,
      bgpId: parseIpv4(this.config.bgpId),
      holdTimeS: this.#holdTimeS,
      connectRetryMs: 0, // A passive session never tries again.
      refusePeer: (open) => this.#identify(link, open),
    };
    const driver = new SessionDriver(new BgpSession(config, "passive"), this.#scheduler, {
      up: () => this.#up(link),
      down: (reason) => this.#down(link, reason),
      failed: (reason) => this.#failed(link, reason),
      update: (update, remarks) => this.#update(link, update, remarks),
    });
    const openTimer = this.#scheduler.after(ESTABLISH_MS_MAX, () =>
      driver.drive((session) => session.stop(`not established within ${ESTABLISH_MS_MAX / 1000} s`)),
    );
    const link: Link = {
      driver,
      openTimer,
      node: undefined,
      peerAs: 0,
      isPeerGone: false,
      remarks: new Set(),
      received: (bytes) => driver.received(bytes, transport),
      closed: (reason) => {
        link.isPeerGone = true;
        driver.closed(reason, transport);
        this.#forget(link);
      },
    };
    return link;
  }

  #identify(link: Link, open: OpenMessage): ReturnType<SessionConfig["refusePeer"]> {
    const { site, peers } = this.config;
    const ofAs = peers.filter((peer) => peer.as === open.as);
    if (ofAs.length === 0) {
      const reason = `AS ${open.as} is no peer of the router of ${site}`;
      return { subcode: ERROR.open.badPeerAs, reason };
    }
    const peer = ofAs.find((candidate) => parseIpv4(candidate.bgpId) === open.bgpId);
    if (peer === undefined) {
      const known = ofAs.map((candidate) => candidate.bgpId).join(", ");
      const reason = `BGP identifier ${formatIpv4(open.bgpId)} is none of those known of AS ${open.as} (${known})`;
      return { subcode: ERROR.open.badBgpId, reason };
    }
    link.node = peer.node;
    link.peerAs = peer.as;
    return undefined;
  }

  #up(link: Link): void {
    link.openTimer.cancel();
    const node = link.node!;
    this.#established
      .get(node)
      ?.driver.drive((session) =>
        session.stop("superseded by a newer session of the same peer", ERROR.cease.collision),
      );
    this.#established.set(node, link);
    this.#handlers.session(node, "up", "established");
  }

  #down(link: Link, reason: string): void {
    this.#forget(link);
    const node = link.node!;
    if (this.#established.get(node) !== link) return;
    this.#established.delete(node);
    this.#paths.drop(node);
    this.#handlers.session(node, "down", reason);
    this.#handlers.changed(this.#paths.announcement(), `${node}: ${reason}`);
  }

  #failed(link: Link, reason: string): void {
    this.#forget(link);
    if (!link.isPeerGone) this.#handlers.refused(reason);
  }

  #forget(link: Link): void {
    link.openTimer.cancel();
    this.#links.delete(link);
  }

  #update(link: Link, update: UpdateMessage, remarks: readonly string[]): void {
    for (const text of remarks) this.#remark(link, text);
    for (const prefix of update.withdrawn) if (this.#isOurs(prefix)) this.#lose(link, "withdrawn");
    for (const prefix of update.announced) {
      if (!this.#isOurs(prefix)) {
        this.#remark(link, `${formatPrefix(prefix)} is not the service prefix: ignored`);
      } else if (update.attributes !== undefined) this.#learn(link, update.attributes);
    }
  }

  #learn(link: Link, attributes: PathAttributes): void {
    const node = link.node!;
    const isExternal = link.peerAs !== this.config.as;
    if (isExternal && attributes.asPath.some(({ ases }) => ases.includes(this.config.as))) {
      this.#remark(link, `the path holds the router's own AS ${this.config.as}: not usable`);
      return this.#lose(link, "replaced by a path that loops");
    }
    const isGraceful = attributes.communities?.includes(GRACEFUL_SHUTDOWN) === true;
    this.#paths.stand(node, isGraceful);
    this.#handlers.changed(this.#paths.announcement(), `${node} announced`);
  }

  #lose(link: Link, reason: string): void {
    const node = link.node!;
    if (!this.#paths.stands(node)) return;
    this.#paths.drop(node);
    this.#handlers.changed(this.#paths.announcement(), `${node}: ${reason}`);
  }

  #isOurs(prefix: Prefix): boolean {
    return prefix.address === this.#prefix.address && prefix.length === this.#prefix.length;
  }

  #remark(link: Link, text: string): void {
    if (link.remarks.size >= REMARKS_MAX || link.remarks.has(text)) return;
    link.remarks.add(text);
    this.#handlers.remark(link.node!, text);
  }
}
