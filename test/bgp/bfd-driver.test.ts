import { expect, test } from "vitest";
import { BfdDriver, type BfdEndpoint } from "#bgp/bfd/driver.ts";
import { encodeBfd, type BfdPacket } from "#bgp/bfd/packet.ts";
import type { BfdChange } from "#bgp/bfd/session.ts";
import { Prng } from "#core/prng.ts";

const TIMERS = { desiredMinTxMs: 100, requiredMinRxMs: 100, detectMultiplier: 3 };
const ADDRESS = "192.0.2.1";
const A: BfdEndpoint = { address: ADDRESS, port: 4001 };
const B: BfdEndpoint = { address: ADDRESS, port: 4002 };

const FIRST: BfdPacket = {
  state: "down",
  diagnostic: 0,
  isPoll: false,
  isFinal: false,
  isControlPlaneIndependent: false,
  isDemand: false,
  detectMultiplier: 3,
  myDiscriminator: 500,
  yourDiscriminator: 0,
  desiredMinTxUs: 100_000,
  requiredMinRxUs: 100_000,
  requiredMinEchoRxUs: 0,
};

/** A driver on a clock and a socket that the test turns by hand: timers fire late if the test lets them. */
class Stand {
  nowMs = 0;
  timer: { readonly dueMs: number; readonly fn: () => void } | undefined;
  turns: (() => void)[] = [];
  readonly sent: BfdEndpoint[] = [];
  readonly changes: (BfdChange & { readonly neighbor: string })[] = [];
  readonly discarded: string[] = [];
  readonly driver: BfdDriver;

  constructor() {
    const prng = new Prng(3);
    this.driver = new BfdDriver(
      TIMERS,
      (min, max) => prng.integer(min, max),
      {
        nowMs: () => this.nowMs,
        after: (ms, fn) => {
          const timer = { dueMs: this.nowMs + ms, fn };
          this.timer = timer;
          return { cancel: () => void (this.timer === timer && (this.timer = undefined)) };
        },
        afterReads: (fn) => void this.turns.push(fn),
      },
      {
        send: (_bytes, to) => this.sent.push(to),
        changed: (neighbor, change) => this.changes.push({ ...change, neighbor }),
        discarded: (reason) => this.discarded.push(reason),
      },
    );
  }

  neighbor(name: string, endpoint: BfdEndpoint, sourcePort: number | undefined = endpoint.port): this {
    this.driver.add({ name, endpoint, sourcePort });
    this.driver.drive(name, (session, nowMs) => session.enable(nowMs));
    return this;
  }

  hears(packet: Partial<BfdPacket>, from: BfdEndpoint): this {
    this.driver.received(encodeBfd({ ...FIRST, ...packet }), from);
    return this;
  }

  up(name: string, from: BfdEndpoint): this {
    const yourDiscriminator = this.driver.session(name)!.localDiscriminator;
    return this.hears({}, from)
      .hears({ state: "init", yourDiscriminator }, from)
      .hears({ state: "up", yourDiscriminator, isFinal: true }, from);
  }

  rubbish(count: number): this {
    for (let datagram = 0; datagram < count; datagram++) this.driver.received(new Uint8Array(3), B);
    return this;
  }

  /** The timer fires `lateMs` too late, and then so many turns of the loop are taken. */
  fires(lateMs = 0): this {
    const timer = this.timer!;
    this.timer = undefined;
    this.nowMs = timer.dueMs + lateMs;
    timer.fn();
    return this;
  }

  turn(): this {
    for (const fn of this.turns.splice(0)) fn();
    return this;
  }

  state(name: string): string {
    return this.driver.session(name)!.state;
  }
}

test("a first word is for the neighbor that sends from there, by address and port", () => {
  const stand = new Stand().neighbor("a", A).neighbor("b", B);
  stand.hears({}, B);
  expect([stand.state("a"), stand.state("b")]).toEqual(["down", "init"]);
});

test("a neighbor that chooses its port is known by its address", () => {
  const stand = new Stand();
  stand.driver.add({ name: "r", endpoint: { address: ADDRESS, port: 3784 }, sourcePort: undefined });
  stand.driver.drive("r", (session, nowMs) => session.enable(nowMs));
  stand.hears({}, { address: ADDRESS, port: 51_000 });
  expect(stand.state("r")).toBe("init");
  expect(stand.sent.at(-1)).toEqual({ address: ADDRESS, port: 3784 });
});

test("afterwards the discriminator decides", () => {
  const stand = new Stand().neighbor("a", A).neighbor("b", B).up("a", A).up("b", B);
  expect(stand.changes.filter(({ to }) => to === "up").map(({ neighbor }) => neighbor)).toEqual(["a", "b"]);
});

test.each<[string, Partial<BfdPacket>, BfdEndpoint, string]>([
  ["a stranger", {}, { address: "192.0.2.9", port: 4001 }, "no session for it"],
  ["a strange port", {}, { address: ADDRESS, port: 4003 }, "no session for it"],
  ["a discriminator of nobody", { yourDiscriminator: 1, state: "up" }, A, "no session for it"],
])("%s is discarded", (_name, packet, from, reason) => {
  const stand = new Stand().neighbor("a", A).hears(packet, from);
  expect(stand.discarded).toEqual([reason]);
});

test("somebody who guessed the discriminator is discarded by his address", () => {
  const stand = new Stand().neighbor("a", A);
  const yourDiscriminator = stand.driver.session("a")!.localDiscriminator;
  stand.hears({ state: "up", yourDiscriminator }, { address: "192.0.2.9", port: 4001 });
  expect(stand.discarded).toEqual(["not from the neighbor's address"]);
});

test("garbage is discarded with the reason", () => {
  const stand = new Stand().neighbor("a", A);
  stand.driver.received(new Uint8Array(3), A);
  expect(stand.discarded).toEqual(["3 bytes are too few for a BFD packet"]);
});

test("who wakes late reads its socket before it declares a neighbor down", () => {
  const stand = new Stand().neighbor("a", A).up("a", A);
  const yourDiscriminator = stand.driver.session("a")!.localDiscriminator;
  stand.fires(2_000);
  expect(stand.changes.at(-1)!.to).toBe("up");
  // Two turns full of other datagrams, then one in which the last packet of the neighbor's is read.
  for (let turn = 0; turn < 2; turn++) stand.rubbish(32).turn();
  expect(stand.state("a")).toBe("up");
  stand.hears({ state: "up", yourDiscriminator }, A).turn();
  expect(stand.state("a")).toBe("up");
  expect(stand.turns).toEqual([]);
});

test("packets that are due leave at once, and do not wait for what has arrived to be read", () => {
  const stand = new Stand().neighbor("a", A).up("a", A);
  const before = stand.sent.length;
  stand.fires(2_000);
  expect(stand.sent.length).toBe(before + 1);
  expect(stand.turns.length).toBe(1);
});

test("a socket that never falls empty delays a verdict by a bounded number of turns", () => {
  const stand = new Stand().neighbor("a", A).neighbor("b", B).up("a", A);
  stand.fires(2_000);
  let turns = 0;
  while (stand.state("a") === "up" && turns < 100) {
    stand.rubbish(32).turn();
    turns += 1;
  }
  expect(turns).toBe(16);
});

test("a stall of our own is not counted against a neighbor", () => {
  const stand = new Stand().neighbor("a", A).up("a", A);
  stand.fires(2_000);
  stand.driver.stalled(2_000);
  stand.turn();
  expect(stand.state("a")).toBe("up");
});

test("silence ends the session, and the driver says how long it lasted", () => {
  const stand = new Stand().neighbor("a", A).up("a", A);
  while (stand.state("a") === "up") stand.fires().turn();
  expect(stand.nowMs).toBe(300);
  expect(stand.changes.at(-1)).toMatchObject({ neighbor: "a", to: "down", cause: "expired", silentMs: 300 });
});

test("the end of the BGP session makes BFD begin anew, once what has arrived was read", () => {
  const stand = new Stand().neighbor("a", A).up("a", A);
  stand.driver.sessionEnded("a");
  expect(stand.state("a")).toBe("up");
  stand.turn();
  expect(stand.changes.at(-1)).toMatchObject({ to: "down", cause: "local", reason: "the BGP session ended" });
});

test("BFD that has begun anew by itself, or that heard a goodbye, is not made to once more", () => {
  for (const heard of ["down", "admin-down"] as const) {
    const stand = new Stand().neighbor("a", A).up("a", A);
    const yourDiscriminator = stand.driver.session("a")!.localDiscriminator;
    stand.driver.sessionEnded("a");
    stand.hears({ state: heard, yourDiscriminator }, A);
    if (heard === "down") stand.up("a", A);
    stand.turn();
    expect(stand.changes.filter(({ from, cause }) => from === "up" && cause === "local")).toEqual([]);
    expect(stand.state("a")).toBe(heard === "down" ? "up" : "down");
  }
});

test("a session that is reset from within the news of its end stays in order", () => {
  const stand = new Stand().neighbor("a", A).up("a", A);
  const seen: string[] = [];
  const sentBefore = stand.sent.length;
  stand.changes.push = (change) => {
    seen.push(`${change.to} after ${stand.sent.length - sentBefore} packets`);
    stand.driver.drive("a", (session, nowMs) => session.reset("the BGP session ended", nowMs));
    return 0;
  };
  const yourDiscriminator = stand.driver.session("a")!.localDiscriminator;
  stand.hears({ state: "down", yourDiscriminator }, A);
  expect(seen).toEqual(["down after 1 packets"]);
  expect(stand.state("a")).toBe("down");
});

test("a closed driver sends nothing and waits for nothing", () => {
  const stand = new Stand().neighbor("a", A).up("a", A);
  stand.driver.close();
  const sentBefore = stand.sent.length;
  stand.hears({}, A);
  stand.driver.drive("a", (session, nowMs) => session.disable("late", nowMs));
  expect([stand.timer, stand.sent.length]).toEqual([undefined, sentBefore]);
});

test("two neighbors of one name are a mistake", () => {
  expect(() => new Stand().neighbor("a", A).neighbor("a", B)).toThrow("two BFD neighbors are named a");
});
