import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBfd, type BfdPacket, type BfdState } from "#bgp/bfd/packet.ts";
import { BfdSession, STALL_CREDIT_MS_MAX, type BfdChange, type BfdTimers } from "#bgp/bfd/session.ts";
import { Prng } from "#core/prng.ts";

const FAST: BfdTimers = { desiredMinTxMs: 100, requiredMinRxMs: 100, detectMultiplier: 3 };
const LOCAL = 7;
const REMOTE = 9;

/** No jitter: intervals are whole. */
const whole = (_min: number, max: number): number => max;

/** One session under test; the neighbor is the script. */
class Stand {
  readonly session: BfdSession;
  readonly sent: BfdPacket[] = [];
  readonly changes: BfdChange[] = [];
  /** When each packet of `sent` was sent. */
  readonly sentMs: number[] = [];
  nowMs = 0;

  constructor(timers: BfdTimers = FAST, draw = whole) {
    this.session = new BfdSession(LOCAL, timers, draw);
  }

  do(change: (session: BfdSession, nowMs: number) => void): this {
    change(this.session, this.nowMs);
    for (const action of this.session.takeActions()) {
      if (action.do === "changed") this.changes.push(action.change);
      else {
        const decoded = decodeBfd(action.bytes);
        if (!decoded.ok) throw new Error(decoded.reason);
        this.sent.push(decoded.packet);
        this.sentMs.push(this.nowMs);
      }
    }
    return this;
  }

  enabled(): this {
    return this.do((session, nowMs) => session.enable(nowMs));
  }

  hears(changes: Partial<BfdPacket>): this {
    return this.do((session, nowMs) => session.receive({ ...NEIGHBOR, ...changes }, nowMs));
  }

  /** Up, its poll answered, everything sent so far forgotten. */
  up(changes: Partial<BfdPacket> = {}): this {
    this.enabled().hears({ state: "down", yourDiscriminator: 0, ...changes });
    this.hears({ state: "init", ...changes }).hears({ state: "up", isFinal: true, ...changes });
    this.sent.length = this.sentMs.length = this.changes.length = 0;
    return this;
  }

  /** Runs the session's own timers until then, the neighbor silent. */
  passes(ms: number): this {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const dueMs = this.session.nextDeadlineMs();
      if (dueMs === undefined || dueMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.do((session, nowMs) => {
        session.judge(nowMs);
        session.transmit(nowMs);
      });
    }
    this.nowMs = untilMs;
    return this;
  }

  get last(): BfdPacket {
    return this.sent.at(-1)!;
  }
}

const NEIGHBOR: BfdPacket = {
  state: "up",
  diagnostic: 0,
  isPoll: false,
  isFinal: false,
  isControlPlaneIndependent: false,
  isDemand: false,
  detectMultiplier: 3,
  myDiscriminator: REMOTE,
  yourDiscriminator: LOCAL,
  desiredMinTxUs: 100_000,
  requiredMinRxUs: 100_000,
  requiredMinEchoRxUs: 0,
};

/** A session in that state, by way of what leads there. */
function inState(state: BfdState): Stand {
  const stand = new Stand();
  if (state === "admin-down") return stand.enabled().do((session, nowMs) => session.disable("off", nowMs));
  stand.enabled();
  if (state !== "down") stand.hears({ state: "down", yourDiscriminator: 0 });
  if (state === "up") stand.hears({ state: "init" });
  return stand;
}

// §6.8.6: our state and what is heard give the next state and the diagnostic we then tell.
test.each<[BfdState, BfdState, BfdState, number]>([
  ["admin-down", "admin-down", "admin-down", 7],
  ["admin-down", "down", "admin-down", 7],
  ["admin-down", "init", "admin-down", 7],
  ["admin-down", "up", "admin-down", 7],
  ["down", "admin-down", "down", 0],
  ["down", "down", "init", 0],
  ["down", "init", "up", 0],
  ["down", "up", "down", 0],
  ["init", "admin-down", "down", 3],
  ["init", "down", "init", 0],
  ["init", "init", "up", 0],
  ["init", "up", "up", 0],
  ["up", "admin-down", "down", 3],
  ["up", "down", "down", 3],
  ["up", "init", "up", 0],
  ["up", "up", "up", 0],
])("in %s, %s is heard: %s, diagnostic %i", (state, heard, next, diagnostic) => {
  const stand = inState(state);
  expect(stand.session.state).toBe(state);
  stand.hears({ state: heard });
  expect(stand.session.state).toBe(next);
  expect(stand.last).toMatchObject({ state: next, diagnostic });
});

test("two sessions come up within two round trips, whoever speaks first", () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const draw = new Prng(1);
    const ends = [1, 2].map((own) => new BfdSession(own, FAST, (min, max) => draw.integer(min, max)));
    for (const index of order) ends[index]!.enable(0);
    let packets = 0;
    for (let hop = 0; hop < 6; hop++) {
      const inFlight = ends.map((end) => end.takeActions().filter((action) => action.do === "send"));
      for (const [index, sends] of inFlight.entries()) {
        for (const { bytes } of sends) {
          const decoded = decodeBfd(bytes);
          if (decoded.ok) ends[1 - index]!.receive(decoded.packet, 0);
          packets += 1;
        }
      }
    }
    expect(ends.map((end) => end.state)).toEqual(["up", "up"]);
    expect(packets).toBeLessThan(16);
    expect(ends.map((end) => end.detectionMs())).toEqual([300, 300]);
  }
});

test("a session that is not up sends at most once a second, and says so", () => {
  const stand = new Stand().enabled().passes(3_500);
  expect(stand.sentMs).toEqual([0, 1000, 2000, 3000]);
  expect(stand.last).toMatchObject({ state: "down", desiredMinTxUs: 1_000_000, yourDiscriminator: 0 });
});

test("an interval of its own that is slower than a second stays so", () => {
  const stand = new Stand({ ...FAST, desiredMinTxMs: 5_000 }).enabled().passes(9_000);
  expect(stand.sentMs).toEqual([0, 5000]);
});

test("going up it polls for its faster interval, on packets that are due anyway", () => {
  const stand = new Stand().enabled().hears({ state: "down", yourDiscriminator: 0 }).hears({ state: "init" });
  expect(stand.last).toMatchObject({ state: "up", isPoll: true, desiredMinTxUs: 100_000 });
  const before = stand.sent.length;
  stand.passes(100);
  expect(stand.sent.length).toBe(before + 1);
  expect(stand.last.isPoll).toBe(true);
  stand.hears({ isFinal: true }).passes(100);
  expect(stand.last.isPoll).toBe(false);
});

test("a poll is answered at once, in any state but AdminDown, and never with a poll", () => {
  for (const state of ["down", "init", "up"] as const) {
    const stand = inState(state);
    const before = stand.sent.length;
    stand.hears({ state: state === "down" ? "admin-down" : state, isPoll: true });
    expect(stand.sent.length).toBe(before + 1);
    expect(stand.last).toMatchObject({ isFinal: true, isPoll: false });
  }
  const off = inState("admin-down");
  const before = off.sent.length;
  off.hears({ isPoll: true });
  expect(off.sent.length).toBe(before);
});

test("nothing heard for the neighbor's multiplier times the agreed interval: down", () => {
  const stand = new Stand().up({ detectMultiplier: 5, desiredMinTxUs: 200_000 });
  stand.passes(999);
  expect(stand.session.state).toBe("up");
  stand.passes(1);
  expect(stand.changes).toEqual([
    { from: "up", to: "down", cause: "expired", reason: "nothing heard for 1000 ms", silentMs: 1000 },
  ]);
  expect(stand.last).toMatchObject({ state: "down", diagnostic: 1, yourDiscriminator: 0 });
  expect(stand.session.remoteDiscriminator).toBe(0);
});

test("its own required interval counts when it is the slower one", () => {
  const stand = new Stand({ ...FAST, requiredMinRxMs: 400 }).up();
  expect(stand.session.detectionMs()).toBe(1200);
});

test("every packet puts the verdict off", () => {
  const stand = new Stand().up();
  for (let round = 0; round < 20; round++) stand.passes(299).hears({});
  expect(stand.changes).toEqual([]);
});

test("a session in Init falls back when nothing more is heard", () => {
  const stand = inState("init");
  stand.passes(300);
  expect(stand.session.state).toBe("down");
});

test("own stalls put the verdict off, within a bound", () => {
  const stand = new Stand().up().do((session) => session.creditStall(500));
  stand.passes(799);
  expect(stand.session.state).toBe("up");
  stand.passes(1);
  expect(stand.changes[0]).toMatchObject({ cause: "expired", silentMs: 300 });

  const frozen = new Stand().up();
  for (let stall = 0; stall < 100; stall++) frozen.do((session) => session.creditStall(1000));
  frozen.passes(STALL_CREDIT_MS_MAX + 299);
  expect(frozen.session.state).toBe("up");
  frozen.passes(1);
  expect(frozen.session.state).toBe("down");
});

test("credit of one silence is not carried over into the next", () => {
  const stand = new Stand().up().do((session) => session.creditStall(500));
  stand.hears({}).passes(300);
  expect(stand.session.state).toBe("down");
});

test("packets leave after 75 to 100 % of the interval; 75 to 90 % with a multiplier of 1", () => {
  for (const [detectMultiplier, maxMs] of [
    [3, 100],
    [1, 90],
  ] as const) {
    const draw = new Prng(5);
    const stand = new Stand({ ...FAST, detectMultiplier }, (min, max) => draw.integer(min, max)).up();
    for (let round = 0; round < 500; round++) stand.passes(10).hears({});
    const gaps = stand.sentMs.slice(1).map((ms, index) => ms - stand.sentMs[index]!);
    expect(gaps.length).toBeGreaterThan(45);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(75);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(maxMs);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(8);
  }
});

test("the neighbor's required interval slows us, and a faster one is honored at once", () => {
  const stand = new Stand().up({ requiredMinRxUs: 500_000 });
  for (let round = 0; round < 10; round++) stand.passes(100).hears({ requiredMinRxUs: 500_000 });
  expect(stand.sentMs.length).toBe(2);
  stand.passes(150).hears({ requiredMinRxUs: 100_000 }).passes(0);
  expect(stand.sentMs.at(-1)).toBe(stand.nowMs);
});

test("a neighbor that wants no packets gets none; its polls are answered", () => {
  const stand = new Stand().up({ requiredMinRxUs: 0 });
  for (let round = 0; round < 30; round++) stand.passes(100).hears({ requiredMinRxUs: 0 });
  expect(stand.sent).toEqual([]);
  stand.hears({ requiredMinRxUs: 0, isPoll: true });
  expect(stand.last.isFinal).toBe(true);
});

test("a neighbor in demand mode gets no periodic packets while both are up", () => {
  const stand = new Stand().up({ isDemand: true });
  for (let round = 0; round < 10; round++) stand.passes(100).hears({ isDemand: true });
  expect(stand.sent).toEqual([]);
  stand.hears({ isDemand: false }).passes(100);
  expect(stand.sentMs).toEqual([1000, 1100]);
});

test("while up, slower sending waits for the answer to a poll", () => {
  const stand = new Stand().up();
  stand.do((session, nowMs) => session.setTimers({ ...FAST, desiredMinTxMs: 250 }, nowMs));
  expect(stand.last).toMatchObject({ isPoll: true, desiredMinTxUs: 250_000 });
  stand.passes(100).hears({});
  expect(stand.sentMs).toEqual([0, 100]);
  stand.hears({ isFinal: true });
  for (let round = 0; round < 5; round++) stand.passes(100).hears({});
  expect(stand.sentMs).toEqual([0, 100, 350, 600]);
});

test("while up, stricter detection waits for the answer to a poll", () => {
  const stand = new Stand({ ...FAST, requiredMinRxMs: 400 }).up();
  stand.do((session, nowMs) => session.setTimers(FAST, nowMs));
  expect(stand.session.detectionMs()).toBe(1200);
  stand.hears({ isFinal: true });
  expect(stand.session.detectionMs()).toBe(300);
});

test("faster sending and laxer detection need not wait", () => {
  const stand = new Stand({ ...FAST, desiredMinTxMs: 400 }).up();
  stand.do((session, nowMs) => session.setTimers({ ...FAST, requiredMinRxMs: 200 }, nowMs));
  expect(stand.session.detectionMs()).toBe(600);
  stand.passes(100);
  expect(stand.sentMs).toEqual([0, 100]);
});

test("an answer to what was said before a second change ends nothing", () => {
  const stand = new Stand().up();
  stand.do((session, nowMs) => session.setTimers({ ...FAST, desiredMinTxMs: 250 }, nowMs));
  stand.do((session, nowMs) => session.setTimers({ ...FAST, desiredMinTxMs: 500 }, nowMs));
  stand.hears({ isFinal: true }).passes(100);
  expect(stand.last.isPoll).toBe(true);
  stand.hears({ isFinal: true });
  const before = stand.sent.length;
  stand.passes(200);
  expect(stand.sent.length).toBe(before);
});

test("switched off, it tells the neighbor for a detection time and then is silent", () => {
  const stand = new Stand().up().do((session, nowMs) => session.disable("SIGTERM", nowMs));
  expect(stand.last).toMatchObject({ state: "admin-down", diagnostic: 7 });
  stand.passes(60_000);
  expect(stand.sentMs).toEqual([0, 1000, 2000, 3000]);
  expect(stand.session.nextDeadlineMs()).toBeUndefined();
  stand.enabled();
  expect(stand.last).toMatchObject({ state: "down", diagnostic: 0 });
});

test("a neighbor that was switched off is no alarm, and its silence afterwards neither", () => {
  const stand = new Stand().up().hears({ state: "admin-down" }).passes(60_000);
  expect(stand.changes.map(({ to, cause }) => `${to} ${cause}`)).toEqual(["down neighbor-admin"]);
});

test("reset forgets the neighbor, so that another life of it can come up", () => {
  const stand = new Stand().up().do((session, nowMs) => session.reset("the BGP session ended", nowMs));
  expect(stand.last).toMatchObject({ state: "down", diagnostic: 0, yourDiscriminator: 0 });
  stand.hears({ state: "up", myDiscriminator: REMOTE });
  expect(stand.session.state).toBe("down");
  stand.hears({ state: "down", myDiscriminator: 11, yourDiscriminator: 0 });
  expect(stand.last).toMatchObject({ state: "init", yourDiscriminator: 11 });
});

test("any packets at any times leave the session in its bounds", () => {
  const heard = fc.record({
    waitMs: fc.integer({ min: 0, max: 2_000 }),
    state: fc.constantFrom<BfdState>("admin-down", "down", "init", "up"),
    isPoll: fc.boolean(),
    isDemand: fc.boolean(),
    detectMultiplier: fc.integer({ min: 1, max: 255 }),
    myDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
    desiredMinTxUs: fc.integer({ min: 0, max: 0xffff_ffff }),
    requiredMinRxUs: fc.integer({ min: 0, max: 0xffff_ffff }),
  });
  fc.assert(
    fc.property(fc.array(heard, { maxLength: 40 }), (script) => {
      const stand = new Stand().enabled();
      for (const { waitMs, ...packet } of script) {
        const before = stand.sent.length;
        stand.passes(waitMs).hears({ ...packet, isFinal: !packet.isPoll });
        // One answer to a packet at most; the rest is periodic, at 75 ms or more.
        expect(stand.sent.length - before).toBeLessThanOrEqual(2 + Math.ceil(waitMs / 75));
        const dueMs = stand.session.nextDeadlineMs();
        if (dueMs !== undefined) expect(Number.isFinite(dueMs)).toBe(true);
      }
      expect(stand.sent.every((packet) => packet.state === "up" || packet.desiredMinTxUs >= 1_000_000)).toBe(
        true,
      );
    }),
  );
});

test.each([
  ["an interval of 0", { ...FAST, desiredMinTxMs: 0 }],
  ["half a millisecond", { ...FAST, requiredMinRxMs: 0.5 }],
  ["a multiplier of 0", { ...FAST, detectMultiplier: 0 }],
  ["a multiplier of 256", { ...FAST, detectMultiplier: 256 }],
])("%s is refused", (_name, timers) => {
  expect(() => new BfdSession(1, timers, whole)).toThrow("BFD");
});
