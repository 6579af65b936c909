import fc from "fast-check";
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

/** What ends each state by itself: time, the transport, the operator. [state, before, event, after, actions]. */
const HOLD = { "open-sent": 240_000, "open-confirm": 9000, established: 9000 } as const;
test.each([
  ["open-sent", []],
  ["open-confirm", [OPEN]],
  ["established", [OPEN, KEEPALIVE]],
] as const)("what ends %s: hold timer, lost transport, stop", (state, before) => {
  const reached = (): BgpSession => {
    const session = new BgpSession(ROUTER, "passive");
    session.transportUp(0);
    for (const earlier of before) session.receive(encodeMessage(earlier), 0);
    expect(session.state.name).toBe(state);
    session.takeActions();
    return session;
  };
  const ended = state === "established" ? "down" : "failed";
  const check = (session: BgpSession, reason: string, notification: readonly string[]): void => {
    const seen = session.takeActions().map(describe);
    expect(seen).toEqual([...notification, "close", `${ended}: ${reason}`]);
    expect(session.state).toEqual({ name: "idle" });
    expect(session.nextDeadlineMs()).toBeUndefined();
  };

  const held = reached();
  held.tick(HOLD[state] - 1);
  expect(held.state.name).toBe(state);
  held.takeActions(); // KEEPALIVEs of its own.
  held.tick(HOLD[state]);
  check(held, "hold timer expired", ["sends notification 4/0"]);

  const cut = reached();
  cut.transportDown("reset", 5);
  check(cut, "reset", []);

  const stopped = reached();
  stopped.stop("over");
  check(stopped, "over", ["sends notification 6/2"]);
  stopped.stop("again");
  stopped.transportDown("late", 9);
  stopped.tick(1e9);
  expect(stopped.takeActions()).toEqual([]);
});

test("KEEPALIVEs go out every third of the hold time, to the millisecond", () => {
  const session = new BgpSession(ROUTER, "passive");
  session.transportUp(0);
  for (const earlier of [OPEN, KEEPALIVE]) session.receive(encodeMessage(earlier), 0);
  session.takeActions();
  const sentAtMs: number[] = [];
  for (let nowMs = 0; nowMs < 30_000; nowMs += 500) {
    session.receive(encodeMessage(KEEPALIVE), nowMs);
    session.tick(nowMs);
    for (const action of session.takeActions()) if (action.do === "send") sentAtMs.push(nowMs);
  }
  expect(sentAtMs).toEqual([3000, 6000, 9000, 12_000, 15_000, 18_000, 21_000, 24_000, 27_000]);
});

test("an UPDATE keeps the session alive as a KEEPALIVE does", () => {
  const pair = new Pair().connect();
  pair.router.receive(encodeMessage(UPDATE), 8999);
  pair.router.tick(9000);
  expect(pair.router.state.name).toBe("established");
});

test("a spoilt UPDATE is a withdrawal with a remark; the session stays", () => {
  const session = new BgpSession(ROUTER, "passive");
  session.transportUp(0);
  for (const earlier of [OPEN, KEEPALIVE]) session.receive(encodeMessage(earlier), 0);
  session.takeActions();
  const good = encodeMessage({ type: "update", withdrawn: [], announced: [PREFIX], attributes: ROUTE });
  good[26] = 7; // The value of ORIGIN.
  session.receive(good, 0);
  const [action] = session.takeActions();
  expect(action).toMatchObject({ do: "update", update: { withdrawn: [PREFIX], announced: [] } });
  expect(session.state.name).toBe("established");
});

test("a route refresh for a family that was not offered is ignored", () => {
  const pair = new Pair();
  pair.node.announce(PREFIX, ROUTE);
  pair.connect();
  pair.node.receive(encodeMessage({ type: "route-refresh", afi: 2, safi: 1 }), 0);
  expect(pair.node.takeActions()).toEqual([]);
});

const KNOWN = fc.constantFrom(OPEN, KEEPALIVE, UPDATE, NOTIFICATION);
const step = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => ({ is: "bytes" as const, bytes })),
  KNOWN.map((message) => ({ is: "bytes" as const, bytes: encodeMessage(message) })),
  // A good header and any body: what gets past the framer.
  fc.tuple(fc.integer({ min: 1, max: 5 }), fc.uint8Array({ maxLength: 60 })).map(([type, body]) => {
    const bytes = Uint8Array.of(...new Uint8Array(16).fill(0xff), 0, 19 + body.length, type, ...body);
    return { is: "bytes" as const, bytes };
  }),
  fc.integer({ min: 0, max: 20_000 }).map((ms) => ({ is: "time" as const, ms })),
  fc.constantFrom(
    { is: "up" as const },
    { is: "lost" as const },
    { is: "stop" as const },
    { is: "start" as const },
  ),
);

test.each(["active", "passive"] as const)(
  "whatever comes in whatever state, the %s side neither throws nor hangs, and ends what it refuses",
  (role) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const session = new BgpSession(ROUTER, role);
        session.announce(PREFIX, ROUTE);
        let nowMs = 0;
        let isUp = false;
        for (const event of steps) {
          if (event.is === "bytes") session.receive(event.bytes, nowMs);
          if (event.is === "time") session.tick((nowMs += event.ms));
          if (event.is === "up") session.transportUp(nowMs);
          if (event.is === "lost") session.transportDown("lost", nowMs);
          if (event.is === "stop") session.stop("stop");
          if (event.is === "start" && role === "active") session.start();
          const actions = session.takeActions();
          for (const [index, action] of actions.entries()) {
            if (action.do === "up") isUp = true;
            if (action.do === "down") {
              expect(isUp).toBe(true);
              isUp = false;
            }
            // A NOTIFICATION is the last thing said on a transport.
            if (action.do === "send" && action.bytes[18] === 3) expect(actions[index + 1]?.do).toBe("close");
          }
          const dueMs = session.nextDeadlineMs();
          if (dueMs === undefined) continue;
          session.tick(dueMs);
          // A timer that has been served is due later, or there would be no end of it.
          expect(session.nextDeadlineMs() ?? Infinity).toBeGreaterThan(dueMs);
          nowMs = Math.max(nowMs, dueMs);
          for (const action of session.takeActions()) if (action.do === "down") isUp = false;
        }
      }),
      { numRuns: 1000 },
    );
  },
);

test("any bytes into an established session end in a NOTIFICATION or leave it up", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 19, maxLength: 5000 }), (bytes) => {
      const session = new BgpSession(ROUTER, "passive");
      session.transportUp(0);
      for (const earlier of [OPEN, KEEPALIVE]) session.receive(encodeMessage(earlier), 0);
      session.takeActions();
      session.receive(bytes, 0);
      const actions = session.takeActions().map(describe);
      if (session.state.name === "established") expect(actions).toEqual([]);
      else expect(actions[0]).toMatch(/^sends notification [1235]\//);
    }),
  );
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
