import { expect, test } from "vitest";
import { encodeMessage } from "#bgp/encode.ts";
import {
  ERROR,
  GRACEFUL_SHUTDOWN,
  parsePrefix,
  SEGMENT,
  type Message,
  type PathAttributes,
} from "#bgp/messages.ts";
import { BgpSession, refuseUnless, type SessionAction, type SessionConfig } from "#bgp/session.ts";
import { decodeBody } from "#bgp/decode.ts";

const NODE_AS = 4_200_000_001;
const ROUTER_AS = 64_500;
const PREFIX = parsePrefix("203.0.113.0/24");
const ROUTE: PathAttributes = {
  origin: 0,
  asPath: [{ kind: SEGMENT.sequence, ases: [NODE_AS] }],
  nextHop: 1,
};

function config(changes: Partial<SessionConfig>): SessionConfig {
  return {
    localAs: NODE_AS,
    bgpId: 1,
    holdTimeS: 9,
    connectRetryMs: 100,
    refusePeer: () => undefined,
    ...changes,
  };
}

const NODE = config({ refusePeer: refuseUnless(ROUTER_AS, 2) });
const ROUTER = config({ localAs: ROUTER_AS, bgpId: 2, refusePeer: refuseUnless(NODE_AS, 1) });

/** Two sessions back to back over a wire that loses and delays nothing. */
class Pair {
  readonly node: BgpSession;
  readonly router: BgpSession;
  readonly log: string[] = [];
  nowMs = 0;

  constructor(node: SessionConfig = NODE, router: SessionConfig = ROUTER) {
    this.node = new BgpSession(node, "active");
    this.router = new BgpSession(router, "passive");
  }

  connect(): this {
    this.node.start();
    this.node.takeActions();
    this.node.transportUp(this.nowMs);
    this.router.transportUp(this.nowMs);
    return this.flush();
  }

  flush(isCut = false): this {
    for (let round = 0; round < 20; round++) {
      const quiet = [
        this.#pass(this.node, this.router, "node", isCut),
        this.#pass(this.router, this.node, "router", isCut),
      ];
      if (quiet.every(Boolean)) return this;
    }
    throw new Error("the pair does not come to rest");
  }

  #pass(from: BgpSession, to: BgpSession, name: string, isCut: boolean): boolean {
    const actions = from.takeActions();
    for (const action of actions) {
      this.log.push(`${name} ${describe(action)}`);
      if (action.do === "send" && !isCut) to.receive(action.bytes, this.nowMs);
      if (action.do === "close") to.transportDown("closed by peer", this.nowMs);
    }
    return actions.length === 0;
  }

  advance(toMs: number, isCut = false): this {
    this.nowMs = toMs;
    this.node.tick(toMs);
    this.router.tick(toMs);
    return this.flush(isCut);
  }
}

function describe(action: SessionAction): string {
  if (action.do === "send") return `sends ${typeOf(action.bytes)}`;
  if (action.do === "update") {
    const { announced, withdrawn, attributes } = action.update;
    const isGraceful = attributes?.communities?.includes(GRACEFUL_SHUTDOWN) === true;
    return `hears +${announced.length} -${withdrawn.length}${isGraceful ? " graceful" : ""}`;
  }
  return "reason" in action ? `${action.do}: ${action.reason}` : action.do;
}

function typeOf(bytes: Uint8Array): string {
  const decoded = decodeBody(bytes[18]!, bytes.slice(19), { asOctets: 4, isExternal: true });
  if (!decoded.ok) return "rubbish";
  const { message } = decoded;
  return message.type === "notification" ? `notification ${message.code}/${message.subcode}` : message.type;
}

test("two speakers that know each other come up, and a route announced before is sent then", () => {
  const pair = new Pair();
  pair.node.announce(PREFIX, ROUTE);
  pair.connect();
  expect(pair.node.state.name).toBe("established");
  expect(pair.router.state.name).toBe("established");
  expect(pair.log.filter((line) => line.includes("hears"))).toEqual([
    "router hears +1 -0",
    "router hears +0 -0", // End-of-RIB.
    "node hears +0 -0",
  ]);
});

test("changes are sent as they come: graceful shutdown, then withdrawal", () => {
  const pair = new Pair();
  pair.node.announce(PREFIX, ROUTE);
  pair.connect();
  pair.log.length = 0;
  pair.node.announce(PREFIX, { ...ROUTE, communities: [GRACEFUL_SHUTDOWN] });
  pair.node.withdraw(PREFIX);
  pair.node.withdraw(PREFIX);
  pair.flush();
  expect(pair.log.filter((line) => line.startsWith("router hears"))).toEqual([
    "router hears +1 -0 graceful",
    "router hears +0 -1",
  ]);
});

test("the smaller hold time wins, a third of it is the keepalive, and silence ends the session at its end", () => {
  const pair = new Pair(NODE, { ...ROUTER, holdTimeS: 3 }).connect();
  expect(pair.node.state).toMatchObject({ peer: { holdMs: 3000, keepaliveMs: 1000 } });
  for (let nowMs = 500; nowMs <= 20_000; nowMs += 500) pair.advance(nowMs);
  expect(pair.router.state.name).toBe("established");
  for (let nowMs = 20_500; nowMs < 23_000; nowMs += 500) pair.advance(nowMs, true);
  expect(pair.router.state.name).toBe("established");
  pair.log.length = 0;
  pair.advance(23_000, true);
  expect(pair.router.state.name).toBe("idle");
  expect(pair.log).toContain("router sends notification 4/0");
  expect(pair.log).toContain("router down: hold timer expired");
});

test("a hold time of 0 never expires", () => {
  const pair = new Pair({ ...NODE, holdTimeS: 0 }).connect().advance(1e9, true);
  expect(pair.router.state.name).toBe("established");
  expect(pair.router.nextDeadlineMs()).toBeUndefined();
});

test("a stall of our own is not held against the peer", () => {
  const pair = new Pair().connect();
  pair.router.creditStall(2000);
  pair.router.tick(10_000);
  expect(pair.router.state.name).toBe("established");
  pair.router.tick(11_000);
  expect(pair.router.state.name).toBe("idle");
});

test.each([
  ["another AS", { localAs: 4_200_000_009 }, "router sends notification 2/2"],
  ["another BGP identifier", { bgpId: 9 }, "router sends notification 2/3"],
])("an unknown peer is refused: %s", (_name, changes, expected) => {
  const pair = new Pair({ ...NODE, ...changes }).connect();
  expect(pair.log).toContain(expected);
  expect(pair.log.some((line) => line.includes("up"))).toBe(false);
  expect(pair.router.state.name).toBe("idle");
});

test("the active side tries again after its pause, the passive side rests", () => {
  const pair = new Pair().connect();
  pair.node.transportDown("reset", 1000);
  pair.router.transportDown("reset", 1000);
  expect(pair.node.takeActions()).toEqual([{ do: "close" }, { do: "down", reason: "reset" }]);
  expect(pair.node.nextDeadlineMs()).toBe(1100);
  pair.node.tick(1099);
  expect(pair.node.takeActions()).toEqual([]);
  pair.node.tick(1100);
  expect(pair.node.takeActions()).toEqual([{ do: "connect" }]);
  expect(pair.router.state.name).toBe("idle");
});

test("stop says goodbye with Cease and the reason, and stays down", () => {
  const pair = new Pair().connect();
  pair.log.length = 0;
  pair.node.stop("maintenance");
  pair.flush();
  expect(pair.log[0]).toBe(
    `node sends notification ${ERROR.cease.code}/${ERROR.cease.administrativeShutdown}`,
  );
  expect(pair.node.state.name).toBe("idle");
  expect(pair.log).toContain("router down: peer sent NOTIFICATION 6/2");
});

test("a route refresh is answered with all that is announced", () => {
  const pair = new Pair();
  pair.node.announce(PREFIX, ROUTE);
  pair.connect();
  pair.log.length = 0;
  pair.node.receive(encodeMessage({ type: "route-refresh", afi: 1, safi: 1 }), 0);
  pair.flush();
  expect(pair.log).toEqual(["node sends update", "router hears +1 -0"]);
});

const OPEN: Message = {
  type: "open",
  as: NODE_AS,
  holdTimeS: 9,
  bgpId: 1,
  capabilities: [{ kind: "four-octet-as", as: NODE_AS }],
};
const KEEPALIVE: Message = { type: "keepalive" };
const UPDATE: Message = { type: "update", withdrawn: [PREFIX], announced: [] };
const NOTIFICATION: Message = { type: "notification", code: 6, subcode: 4, data: new Uint8Array(0) };

/** What brings a router's session into each state, then one message, then the state and what was sent. */
test.each([
  ["open-sent", [], OPEN, "open-confirm", "keepalive"],
  ["open-sent", [], KEEPALIVE, "idle", "notification 5/1"],
  ["open-sent", [], UPDATE, "idle", "notification 5/1"],
  ["open-sent", [], NOTIFICATION, "idle", ""],
  ["open-confirm", [OPEN], KEEPALIVE, "established", "update"],
  ["open-confirm", [OPEN], OPEN, "idle", "notification 5/2"],
  ["open-confirm", [OPEN], UPDATE, "idle", "notification 5/2"],
  ["open-confirm", [OPEN], NOTIFICATION, "idle", ""],
  ["established", [OPEN, KEEPALIVE], KEEPALIVE, "established", ""],
  ["established", [OPEN, KEEPALIVE], UPDATE, "established", ""],
  ["established", [OPEN, KEEPALIVE], OPEN, "idle", "notification 5/3"],
  ["established", [OPEN, KEEPALIVE], NOTIFICATION, "idle", ""],
] as const)("in %s after %j: %j", (state, before, message, after, sent) => {
  const session = new BgpSession(ROUTER, "passive");
  session.transportUp(0);
  for (const earlier of before) session.receive(encodeMessage(earlier), 0);
  expect(session.state.name).toBe(state);
  session.takeActions();
  session.receive(encodeMessage(message), 0);
  expect(session.state.name).toBe(after);
  const sends = session.takeActions().filter((action) => action.do === "send");
  expect(sends.map((action) => typeOf(action.bytes)).join(" ")).toBe(sent);
});

test("garbage ends the session with the header error, and later bytes are ignored", () => {
  const session = new BgpSession(ROUTER, "passive");
  session.transportUp(0);
  session.takeActions();
  session.receive(new Uint8Array(100), 0);
  session.receive(encodeMessage(OPEN), 0);
  expect(session.takeActions().map(describe)).toEqual([
    "sends notification 1/1",
    "close",
    "failed: marker is not all ones",
  ]);
});
