/**
 * A site's router against real sessions of nodes, joined by wires in memory on a clock of their own: who is let in,
 * what the site announces, and every way in which a path can end.
 */
import { expect, test } from "vitest";
import { decodeBody } from "#bgp/decode.ts";
import { encodeMessage } from "#bgp/encode.ts";
import { MessageFramer } from "#bgp/framer.ts";
import {
  ERROR,
  GRACEFUL_SHUTDOWN,
  parseIpv4,
  parsePrefix,
  SEGMENT,
  type Message,
  type PathAttributes,
} from "#bgp/messages.ts";
import { SessionDriver, type Transport } from "#bgp/session-driver.ts";
import { BgpSession, refuseUnless } from "#bgp/session.ts";
import { SiteRouter, type RouterLink } from "#sim/serve/site-router.ts";
import { VirtualClock } from "../virtual-clock.ts";

const PREFIX = parsePrefix("203.0.113.0/24");
const NODE_AS = 65_001;
const ROUTER_AS = 64_500;
const HOLD_S = 9;

/** A router that knows n-1 (10.0.0.1) and n-2 (10.0.0.2), and everything that it told. */
class Bench {
  readonly clock = new VirtualClock();
  readonly told: string[] = [];
  readonly router: SiteRouter;

  constructor() {
    this.router = new SiteRouter(
      {
        site: "ny1",
        port: 0,
        as: ROUTER_AS,
        bgpId: "10.0.0.254",
        peers: [
          { node: "n-1", as: NODE_AS, bgpId: "10.0.0.1" },
          { node: "n-2", as: NODE_AS, bgpId: "10.0.0.2" },
        ],
      },
      { prefix: PREFIX, holdTimeS: HOLD_S },
      this.clock,
      {
        session: (node, state, reason) => this.told.push(`${node} ${state}: ${reason}`),
        refused: (reason) => this.told.push(`refused: ${reason}`),
        remark: (node, text) => this.told.push(`${node} remark: ${text}`),
        changed: (announcement) => {
          const text =
            announcement === undefined
              ? "nothing"
              : `${announcement.nodes.join("+")}${announcement.isGraceful ? " graceful" : ""}`;
          if (this.told.at(-1) !== `site: ${text}`) this.told.push(`site: ${text}`);
        },
      },
    );
  }

  readonly #inFlight: (() => void)[] = [];
  #isDelivering = false;

  takeTold(): string[] {
    return this.told.splice(0);
  }

  /** What is sent arrives in order, after whoever sent it has finished its sentence. */
  deliver(arrive: () => void): void {
    this.#inFlight.push(arrive);
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    for (let next = this.#inFlight.shift(); next !== undefined; next = this.#inFlight.shift()) next();
    this.#isDelivering = false;
  }
}

/** One node's end of a session: a real session, and a wire that can be cut. */
class Peer {
  readonly driver: SessionDriver;
  #link: RouterLink | undefined;
  readonly #transport: Transport;
  isCut = false;
  downReason: string | undefined;

  constructor(bench: Bench, as: number, bgpId: string) {
    const session = new BgpSession(
      {
        localAs: as,
        bgpId: parseIpv4(bgpId),
        holdTimeS: HOLD_S,
        connectRetryMs: 1_000_000,
        refusePeer: refuseUnless(ROUTER_AS),
      },
      "active",
    );
    this.driver = new SessionDriver(session, bench.clock, {
      connect: () => undefined,
      up: () => undefined,
      down: (reason) => (this.downReason = reason),
      failed: (reason) => (this.downReason = reason),
      update: () => undefined,
    });
    this.driver.drive((started) => started.start());
    this.#transport = {
      write: (bytes) => {
        if (!this.isCut) bench.deliver(() => this.#link?.received(bytes));
      },
      close: () => {
        if (!this.isCut) bench.deliver(() => this.#link?.closed("closed by the node"));
      },
    };
    bench.deliver(() => {
      this.#link = bench.router.accept({
        write: (bytes) => bench.deliver(() => this.#hear(() => this.driver.received(bytes, this.#transport))),
        close: () =>
          bench.deliver(() => this.#hear(() => this.driver.closed("closed by the router", this.#transport))),
      });
      this.driver.opened(this.#transport);
    });
  }

  announce(attributes: Partial<PathAttributes> = {}, prefix = PREFIX): void {
    this.driver.drive((session) =>
      session.announce(prefix, {
        origin: 0,
        asPath: [{ kind: SEGMENT.sequence, ases: [NODE_AS] }],
        nextHop: parseIpv4("127.0.0.1"),
        ...attributes,
      }),
    );
  }

  withdraw(): void {
    this.driver.drive((session) => session.withdraw(PREFIX));
  }

  /** The process is gone; the kernel closes its sockets. */
  die(reason: string): void {
    this.isCut = true;
    this.#link?.closed(reason);
  }

  #hear(arrive: () => void): void {
    if (!this.isCut) arrive();
  }
}

function peerOf(bench: Bench, index: 1 | 2): Peer {
  return new Peer(bench, NODE_AS, `10.0.0.${index}`);
}

/** Bytes in, and every message the router sent back. */
function rawExchange(bench: Bench, ...chunks: Uint8Array[]): { messages: Message[]; isClosed: boolean } {
  const framer = new MessageFramer();
  const messages: Message[] = [];
  let isClosed = false;
  const link = bench.router.accept({
    write(bytes) {
      for (const frame of framer.push(bytes)) {
        if (!frame.ok) throw new Error("the router sent garbage");
        const decoded = decodeBody(frame.type, frame.body, { asOctets: 4, isExternal: true });
        if (decoded.ok) messages.push(decoded.message);
      }
    },
    close: () => (isClosed = true),
  });
  for (const chunk of chunks) link?.received(chunk);
  return { messages, isClosed };
}

function openOf(as: number, bgpId: string): Uint8Array {
  return encodeMessage({
    type: "open",
    as,
    holdTimeS: HOLD_S,
    bgpId: parseIpv4(bgpId),
    capabilities: [{ kind: "four-octet-as", as }],
  });
}

test("a known node comes up, announces, withdraws and leaves", () => {
  const bench = new Bench();
  const node = peerOf(bench, 1);
  expect(bench.takeTold()).toEqual(["n-1 up: established"]);
  expect(bench.router.announcement()).toBeUndefined();
  node.announce();
  expect(bench.takeTold()).toEqual(["site: n-1"]);
  node.withdraw();
  expect(bench.takeTold()).toEqual(["site: nothing"]);
  node.driver.drive((session) => session.stop("SIGTERM"));
  expect(bench.takeTold()).toEqual(["n-1 down: peer sent NOTIFICATION 6/2", "site: nothing"]);
});

test("the site announces while one path stands, in the router's order of nodes", () => {
  const bench = new Bench();
  const second = peerOf(bench, 2);
  second.announce();
  const first = peerOf(bench, 1);
  first.announce();
  expect(bench.router.announcement()).toEqual({ isGraceful: false, nodes: ["n-1", "n-2"] });
  second.withdraw();
  expect(bench.router.announcement()).toEqual({ isGraceful: false, nodes: ["n-1"] });
  first.die("ECONNRESET");
  expect(bench.router.announcement()).toBeUndefined();
});

test("a graceful path is avoided while another stands, and makes the site graceful once none does", () => {
  const bench = new Bench();
  const first = peerOf(bench, 1);
  const second = peerOf(bench, 2);
  first.announce();
  second.announce();
  bench.takeTold();
  first.announce({ communities: [GRACEFUL_SHUTDOWN] });
  expect(bench.takeTold()).toEqual(["site: n-2"]);
  second.announce({ communities: [GRACEFUL_SHUTDOWN] });
  expect(bench.takeTold()).toEqual(["site: n-1+n-2 graceful"]);
  first.withdraw();
  expect(bench.takeTold()).toEqual(["site: n-2 graceful"]);
  second.announce();
  expect(bench.takeTold()).toEqual(["site: n-2"]);
});

test.each([
  [
    "an AS that is no peer's",
    65_009,
    "10.0.0.1",
    ERROR.open.badPeerAs,
    /AS 65009 is no peer of the router of ny1/,
  ],
  [
    "a BGP identifier that is no peer's",
    NODE_AS,
    "10.0.0.9",
    ERROR.open.badBgpId,
    /BGP identifier 10\.0\.0\.9 is none of those known of AS 65001 \(10\.0\.0\.1, 10\.0\.0\.2\)/,
  ],
])("%s is refused with the RFC's OPEN error", (_, as, bgpId, subcode, reason) => {
  const bench = new Bench();
  const { messages, isClosed } = rawExchange(bench, openOf(as, bgpId));
  expect(messages.map(({ type }) => type)).toEqual(["open", "notification"]);
  expect(messages[1]).toMatchObject({ code: ERROR.open.code, subcode });
  expect(isClosed).toBe(true);
  expect(bench.told).toHaveLength(1);
  expect(bench.told[0]).toMatch(reason);
});

test.each([
  ["HTTP", new TextEncoder().encode("GET / HTTP/1.1\r\nhost: router\r\n\r\n"), ERROR.header.notSynchronized],
  [
    "a length no message has",
    Uint8Array.from([...Array(16).fill(255), 0xff, 0xff, 1]),
    ERROR.header.badLength,
  ],
  ["a type no message has", Uint8Array.from([...Array(16).fill(255), 0, 19, 77]), ERROR.header.badType],
])("%s is answered with a NOTIFICATION and the end", (_, bytes, subcode) => {
  const bench = new Bench();
  const { messages, isClosed } = rawExchange(bench, bytes);
  expect(messages.at(-1)).toMatchObject({ type: "notification", code: ERROR.header.code, subcode });
  expect(isClosed).toBe(true);
  expect(bench.told).toHaveLength(1);
  expect(bench.told[0]).toMatch(/^refused: /);
});

test("garbage in a session that stands ends it, and its path with it", () => {
  const bench = new Bench();
  const announced = encodeMessage({
    type: "update",
    withdrawn: [],
    announced: [PREFIX],
    attributes: { origin: 0, asPath: [{ kind: SEGMENT.sequence, ases: [NODE_AS] }], nextHop: 1 },
  });
  const { messages, isClosed } = rawExchange(
    bench,
    openOf(NODE_AS, "10.0.0.1"),
    encodeMessage({ type: "keepalive" }),
    announced,
    new Uint8Array(19),
  );
  expect(bench.told).toEqual([
    "n-1 up: established",
    "site: n-1",
    "n-1 down: marker is not all ones",
    "site: nothing",
  ]);
  expect(messages.at(-1)).toMatchObject({ type: "notification", code: ERROR.header.code });
  expect(isClosed).toBe(true);
});

test("a spoilt attribute withdraws the path and keeps the session (RFC 7606)", () => {
  const bench = new Bench();
  const update = encodeMessage({
    type: "update",
    withdrawn: [],
    announced: [PREFIX],
    attributes: { origin: 0, asPath: [{ kind: SEGMENT.sequence, ases: [NODE_AS] }], nextHop: 1 },
  });
  const spoilt = Uint8Array.from(update);
  // ORIGIN's value: flags, type, length, value come right behind header (19) and the two lengths (4).
  spoilt[19 + 4 + 3] = 9;
  rawExchange(bench, openOf(NODE_AS, "10.0.0.1"), encodeMessage({ type: "keepalive" }), update, spoilt);
  expect(bench.told.slice(0, 2)).toEqual(["n-1 up: established", "site: n-1"]);
  expect(bench.told[2]).toMatch(/^n-1 remark: treat-as-withdraw/);
  expect(bench.told[3]).toBe("site: nothing");
  expect(bench.router.sessionState("n-1")).toBe("up");
});

test("other prefixes and paths that loop are ignored and remarked, each once", () => {
  const bench = new Bench();
  const node = peerOf(bench, 1);
  bench.takeTold();
  node.announce({}, parsePrefix("198.51.100.0/24"));
  node.announce({ med: 1 }, parsePrefix("198.51.100.0/24"));
  expect(bench.takeTold()).toEqual(["n-1 remark: 198.51.100.0/24 is not the service prefix: ignored"]);
  node.announce();
  bench.takeTold();
  node.announce({ asPath: [{ kind: SEGMENT.sequence, ases: [NODE_AS, ROUTER_AS] }] });
  expect(bench.takeTold()).toEqual([
    `n-1 remark: the path holds the router's own AS ${ROUTER_AS}: not usable`,
    "site: nothing",
  ]);
});

test("a node that falls silent is given up when the hold timer runs out, between 2/3 of it and all of it", () => {
  for (let phaseMs = 0; phaseMs < 3000; phaseMs += 500) {
    const bench = new Bench();
    const node = peerOf(bench, 1);
    node.announce();
    bench.clock.advance(30_000 + phaseMs);
    expect(bench.takeTold()).toEqual(["n-1 up: established", "site: n-1"]);
    node.isCut = true;
    bench.clock.advance(6000 - 1);
    expect(bench.takeTold()).toEqual([]);
    bench.clock.advance(3001);
    expect(bench.takeTold()).toEqual(["n-1 down: hold timer expired", "site: nothing"]);
  }
});

test("the end of the transport ends session and path at once", () => {
  const bench = new Bench();
  const node = peerOf(bench, 1);
  node.announce();
  bench.takeTold();
  node.die("ECONNRESET");
  expect(bench.takeTold()).toEqual(["n-1 down: ECONNRESET", "site: nothing"]);
});

test("a second session of a peer replaces the one that still stands, once it is established", () => {
  const bench = new Bench();
  const old = peerOf(bench, 1);
  old.announce();
  bench.takeTold();
  // An OPEN alone ends nobody's session.
  rawExchange(bench, openOf(NODE_AS, "10.0.0.1"));
  expect(bench.takeTold()).toEqual([]);
  const young = peerOf(bench, 1);
  young.announce();
  expect(bench.takeTold()).toEqual([
    "n-1 down: superseded by a newer session of the same peer",
    "site: nothing",
    "n-1 up: established",
    "site: n-1",
  ]);
  expect(old.downReason).toBe("peer sent NOTIFICATION 6/7");
  old.die("ECONNRESET");
  expect(bench.takeTold()).toEqual([]);
  expect(bench.router.announcement()).toEqual({ isGraceful: false, nodes: ["n-1"] });
});

test("a transport that never becomes a session is closed after ten seconds, without a word to the network", () => {
  const bench = new Bench();
  const { messages } = rawExchange(bench);
  bench.clock.advance(9_999);
  expect(messages.at(-1)).toMatchObject({ type: "open" });
  bench.clock.advance(1);
  expect(messages.at(-1)).toMatchObject({ type: "notification", code: ERROR.cease.code });
  expect(bench.told).toEqual(["refused: not established within 10 s"]);
});

test("transports are bounded; those that close make room", () => {
  const bench = new Bench();
  const links = Array.from({ length: 20 }, () =>
    bench.router.accept({ write: () => undefined, close: () => undefined }),
  );
  expect(links.every((link) => link !== undefined)).toBe(true);
  expect(bench.router.accept({ write: () => undefined, close: () => undefined })).toBeUndefined();
  expect(bench.takeTold()).toEqual(["refused: more than 20 transports at once"]);
  links[0]!.closed("closed by the node");
  peerOf(bench, 1);
  expect(bench.takeTold()).toEqual(["n-1 up: established"]);
});

test("a router that stops says Cease to its nodes", () => {
  const bench = new Bench();
  const node = peerOf(bench, 1);
  bench.router.stop("SIGTERM");
  expect(node.downReason).toBe("peer sent NOTIFICATION 6/2");
  expect(bench.router.sessionState("n-1")).toBe("down");
});
