/** The line before the nodes, on virtual time: who gets a turn, who is told at once that there will be none. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ServiceRate } from "#gateway/admission/service-rate.ts";
import { TierQueue } from "#gateway/admission/tier-queue.ts";
import {
  TIERS,
  WaitingLine,
  type Arrival,
  type Tier,
  type Verdict,
  type Waiter,
} from "#gateway/admission/waiting-line.ts";

class Someone implements Waiter {
  readonly name: string;
  readonly #onBegin: (who: Someone) => void;

  constructor(name: string, onBegin: (who: Someone) => void = () => undefined) {
    this.name = name;
    this.#onBegin = onBegin;
  }

  begin(): void {
    this.#onBegin(this);
  }
}

const AT_LEISURE: Arrival = { tier: "P2", dueMs: Infinity, answerDueMs: Infinity };

/** Whoever leaves has been answered in the same moment. */
class Line extends WaitingLine<Someone> {
  constructor(activeMax: number, waitingMax: number, waitTargetMs = 0) {
    super({ activeMax, limit: undefined, waitingMax, waitTargetMs });
  }

  override leave(nowMs: number): void {
    this.answered(nowMs);
    super.leave(nowMs);
  }
}

/** A line whose people are named, and what has become of them. */
class Scene {
  readonly begun: string[] = [];
  readonly displaced: string[] = [];
  readonly line: Line;
  readonly people = new Map<string, Someone>();

  constructor(activeMax: number, waitingMax: number, waitTargetMs = 0) {
    this.line = new Line(activeMax, waitingMax, waitTargetMs);
  }

  come(name: string, nowMs: number, arrival: Partial<Arrival> = {}): Verdict<Someone>["is"] {
    const who = new Someone(name, () => this.begun.push(name));
    this.people.set(name, who);
    const verdict = this.line.come(who, { ...AT_LEISURE, ...arrival }, nowMs);
    if (verdict.is === "go") this.begun.push(name);
    if (verdict.is === "wait" && verdict.displaced !== undefined) this.displaced.push(verdict.displaced.name);
    return verdict.is;
  }

  giveUp(name: string, nowMs = 0): boolean {
    return this.line.giveUp(this.people.get(name)!, nowMs);
  }
}

describe("first come, first served", () => {
  test("no more under way than may be, no more in line than may wait", () => {
    const scene = new Scene(2, 2);
    expect(["a", "b", "c", "d", "e"].map((name) => scene.come(name, 0))).toEqual([
      "go",
      "go",
      "wait",
      "wait",
      "full",
    ]);
    scene.line.leave(1);
    expect([scene.begun, scene.line.active, scene.line.waiting]).toEqual([["a", "b", "c"], 2, 1]);
    expect([scene.giveUp("d"), scene.giveUp("d")]).toEqual([true, false]);
    scene.line.leave(2);
    scene.line.leave(3);
    expect([scene.begun, scene.line.active]).toEqual([["a", "b", "c"], 0]);
  });

  test("one that ends as soon as it begins does not make the line as deep as it is long", () => {
    const line = new Line(1, 100_000);
    let ended = 0;
    const end = (): void => {
      ended += 1;
      line.leave(1);
    };
    line.come(new Someone("first"), AT_LEISURE, 0);
    for (let count = 0; count < 100_000; count++) line.come(new Someone("next", end), AT_LEISURE, 0);
    line.leave(1);
    expect([ended, line.active, line.waiting]).toEqual([100_000, 0, 0]);
  });
});

test("a limit that follows is for those without a head; all that is under way has its own", () => {
  const limit = { limit: 2, phase: "following", sample: () => undefined } as const;
  const line = new WaitingLine<Someone>({ activeMax: 3, limit, waitingMax: 10, waitTargetMs: 0 });
  const begun: string[] = [];
  const come = (name: string): string =>
    line.come(new Someone(name, () => begun.push(name)), AT_LEISURE, 0).is;
  expect([come("a"), come("b"), come("c")]).toEqual(["go", "go", "wait"]);
  line.answered(1);
  expect([begun, line.active, line.awaiting]).toEqual([["c"], 3, 2]);
  line.answered(2);
  expect([come("d"), line.active, line.awaiting]).toEqual(["wait", 3, 1]);
  line.leave(3);
  expect([begun, line.active, line.awaiting]).toEqual([["c", "d"], 3, 2]);
  expect(() => {
    line.answered(4);
    line.answered(4);
    line.answered(4);
  }).toThrow("more requests were answered than began");
});

describe("tiers", () => {
  test("the better tier goes first, and within one who came first", () => {
    const scene = new Scene(1, 10);
    scene.come("under way", 0);
    for (const [name, tier] of [
      ["c", "P3"],
      ["b1", "P1"],
      ["b2", "P1"],
      ["a", "P0"],
    ] as const)
      scene.come(name, 0, { tier });
    for (let turn = 0; turn < 5; turn++) scene.line.leave(turn);
    expect(scene.begun).toEqual(["under way", "a", "b1", "b2", "c"]);
  });

  test("a full line: the last of the worst tier makes room for a better one, and for no other", () => {
    const scene = new Scene(1, 3);
    scene.come("under way", 0);
    scene.come("p3-1", 0, { tier: "P3" });
    scene.come("p2-1", 0, { tier: "P2" });
    scene.come("p3-2", 0, { tier: "P3" });
    expect(scene.come("p3-3", 0, { tier: "P3" })).toBe("full");
    expect([scene.come("p1-1", 0, { tier: "P1" }), scene.displaced]).toEqual(["wait", ["p3-2"]]);
    expect([scene.come("p2-2", 0, { tier: "P2" }), scene.displaced]).toEqual(["wait", ["p3-2", "p3-1"]]);
    expect(scene.come("p2-3", 0, { tier: "P2" })).toBe("full");
    expect(scene.line.waiting).toBe(3);
  });
});

describe("in time, or at once", () => {
  /** Ten are served 10 ms apart; then so many wait, and the rate is known. */
  function lineAtRate(waiting: number, waitTargetMs = 0): { scene: Scene; nowMs: number } {
    const scene = new Scene(1, 1_000, waitTargetMs);
    scene.come("under way", 0);
    for (let count = 0; count < 10 + waiting; count++) scene.come(`w${count}`, 0);
    let nowMs = 0;
    for (let count = 0; count < 10; count++) scene.line.leave((nowMs += 10));
    expect([scene.line.waiting, scene.line.drainMs(nowMs)]).toEqual([waiting, waiting * 10]);
    return { scene, nowMs };
  }

  test("who would get a turn too late is told at once", () => {
    const { scene, nowMs } = lineAtRate(4);
    expect(scene.come("patient", nowMs, { dueMs: nowMs + 50 })).toBe("wait");
    expect(scene.come("in a hurry", nowMs, { dueMs: nowMs + 59 })).toBe("late");
    expect(scene.come("in less of a hurry", nowMs, { dueMs: nowMs + 60 })).toBe("wait");
  });

  test("a turn must leave time for the answer", () => {
    const { scene, nowMs } = lineAtRate(4);
    scene.line.sample({ tookMs: 100, active: 1, isLost: false }, nowMs);
    scene.line.sample({ tookMs: 90_000, active: 1, isLost: true }, nowMs);
    expect(scene.line.headMs).toBe(100);
    expect(scene.come("a", nowMs, { answerDueMs: nowMs + 149 })).toBe("late");
    expect(scene.come("b", nowMs, { answerDueMs: nowMs + 150 })).toBe("wait");
  });

  test("those of a better tier stand behind fewer", () => {
    const { scene, nowMs } = lineAtRate(4);
    expect(scene.come("ordinary", nowMs, { dueMs: nowMs + 20 })).toBe("late");
    expect(scene.come("critical", nowMs, { tier: "P0", dueMs: nowMs + 20 })).toBe("wait");
  });

  test("where nothing is known yet, who comes may wait", () => {
    const scene = new Scene(1, 10);
    scene.come("under way", 0);
    expect(scene.come("a", 0, { dueMs: 1 })).toBe("wait");
    expect(scene.line.drainMs(0)).toBe(0);
  });

  test("a line that has come to a stop turns people away sooner and sooner", () => {
    const { scene, nowMs } = lineAtRate(4);
    expect(scene.come("a", nowMs + 1_000, { dueMs: nowMs + 1_060 })).toBe("late");
  });

  test("nodes that stood still and go on: the line takes people in again, and learns the new rate", () => {
    const { scene, nowMs } = lineAtRate(4);
    // Nobody is served for ten seconds, and those who wait leave.
    for (let count = 10; count < 14; count++) scene.giveUp(`w${count}`, nowMs + 10_000);
    const againMs = nowMs + 10_001;
    expect(scene.come("first", againMs, { dueMs: againMs + 100 })).toBe("wait");
    expect(scene.come("second", againMs, { dueMs: againMs + 100 })).toBe("late");
    scene.line.leave(againMs + 10);
    expect(scene.line.waiting).toBe(0);
    expect(scene.come("third", againMs + 10, { dueMs: againMs + 110 })).toBe("wait");
    expect(scene.come("fourth", againMs + 10, { dueMs: againMs + 110 })).toBe("wait");
  });

  test("a burst may wait its time, a line that stands may not", () => {
    const burst = new Scene(1, 100, 20);
    burst.come("under way", 0);
    for (let count = 0; count < 12; count++) burst.come(`w${count}`, 0);
    for (let count = 1; count <= 9; count++) burst.line.leave(count * 10);
    expect(burst.come("within the first 100 ms", 90, { dueMs: 1_000 })).toBe("wait");
    expect(burst.come("after that", 100, { dueMs: 1_000 })).toBe("late");
    burst.line.leave(101);
    burst.line.leave(102);
    burst.line.leave(103);
    expect([burst.line.waiting, burst.come("short again", 104, { dueMs: 1_000 })]).toEqual([1, "wait"]);
    burst.line.leave(105);
    burst.line.leave(105);
    expect([burst.line.waiting, burst.come("after the line was empty", 105)]).toEqual([0, "wait"]);
  });
});

/** Served one at a time, `serviceMs` each; they come twice as fast as that. */
function overload(arrivalOf: (nowMs: number) => Partial<Arrival>, waitTargetMs: number) {
  const serviceMs = 10;
  const scene = new Scene(1, 1_000, waitTargetMs);
  const cameMs = new Map<string, number>();
  const waitedMs: number[] = [];
  const inVain: number[] = [];
  let late = 0;
  let seen = 0;
  let busyUntilMs = Infinity;
  const dues = new Map<string, number>();
  for (let nowMs = 0; nowMs < 20_000; nowMs += 5) {
    for (const [name, dueMs] of dues) {
      if (dueMs > nowMs) continue;
      dues.delete(name);
      if (scene.giveUp(name, nowMs)) inVain.push(nowMs - cameMs.get(name)!);
    }
    if (nowMs >= busyUntilMs) {
      busyUntilMs = Infinity;
      scene.line.leave(nowMs);
    }
    const arrival = arrivalOf(nowMs);
    const name = `${nowMs}`;
    cameMs.set(name, nowMs);
    if (scene.come(name, nowMs, arrival) === "late") late += 1;
    else if (arrival.dueMs !== undefined) dues.set(name, arrival.dueMs);
    for (; seen < scene.begun.length; seen++) {
      waitedMs.push(nowMs - cameMs.get(scene.begun[seen]!)!);
      dues.delete(scene.begun[seen]!);
      busyUntilMs = nowMs + serviceMs;
    }
  }
  return { served: waitedMs.length, late, inVain: inVain.length, waitMaxMs: Math.max(...waitedMs), waitedMs };
}

describe("twice as many as can be served", () => {
  test("nodes stay busy, and nearly nobody waits in vain", () => {
    const { served, late, inVain, waitMaxMs } = overload((nowMs) => ({ dueMs: nowMs + 500 }), 0);
    expect(served).toBe(2_000);
    expect(late).toBeGreaterThan(1_900);
    expect(inVain).toBeLessThan(20);
    expect(waitMaxMs).toBeLessThanOrEqual(500);
  });

  test("with a target for lines that stand, as many are served, and they wait for less", () => {
    const { served, inVain, waitedMs } = overload((nowMs) => ({ dueMs: nowMs + 500 }), 50);
    expect([served, inVain]).toEqual([2_000, 0]);
    expect(Math.max(...waitedMs.slice(100))).toBeLessThanOrEqual(60);
  });
});

test("what is known of a rate outlives a moment without a line, not a long one", () => {
  const rate = new ServiceRate();
  rate.began(0);
  for (let count = 1; count <= 10; count++) rate.turn(count * 10);
  rate.ended(100);
  rate.began(200);
  expect(rate.perMs(200)).toBe(0.1);
  expect(rate.perMs(10_100)).toBe(undefined);
  // One turn that was slow says nothing, one that was fast does.
  rate.turn(300);
  rate.ended(300);
  expect(rate.perMs(300)).toBe(0.1);
  rate.began(400);
  rate.turn(405);
  rate.ended(405);
  expect(rate.perMs(405)).toBe(0.2);
  // Everybody left, nobody was served.
  rate.began(500);
  rate.ended(600);
  expect(rate.perMs(600)).toBe(0.2);
});

test("anybody leaves a tier from anywhere, in any order", () => {
  const steps = fc.array(fc.constantFrom("add", "first", "last", "any"), { maxLength: 400 });
  fc.assert(
    fc.property(steps, fc.infiniteStream(fc.nat()), (script, random) => {
      const queue = new TierQueue<number>();
      let expected: number[] = [];
      for (const [who, step] of script.entries()) {
        if (step === "add") {
          queue.add(who);
          expected.push(who);
        } else if (step === "first") expect(queue.takeFirst()).toBe(expected.shift());
        else if (step === "last") expect(queue.takeLast()).toBe(expected.pop());
        else {
          const leaving = expected[random.next().value! % Math.max(1, expected.length)];
          expect(queue.delete(leaving ?? -1)).toBe(leaving !== undefined);
          expected = expected.filter((each) => each !== leaving);
        }
        expect(queue.size).toBe(expected.length);
      }
    }),
  );
});

test("whatever happens: never more under way than allowed, the better tier first, nobody lost, in the end nobody", () => {
  const step = fc.record({
    what: fc.constantFrom("come", "come", "leave", "giveUp"),
    tier: fc.constantFrom<Tier>(...TIERS),
    afterMs: fc.nat(20),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(4),
      (script, activeMax, waitingMax) => {
        const line = new Line(activeMax, waitingMax);
        let nowMs = 0;
        let active = 0;
        const waiting: { who: Someone; tier: Tier }[] = [];
        for (const [ordinal, { what, tier, afterMs }] of script.entries()) {
          nowMs += afterMs;
          if (what === "come") {
            const who = new Someone(`${ordinal}`, (begins) => {
              const best = TIERS.find((each) => waiting.some((other) => other.tier === each));
              const first = waiting.find((other) => other.tier === best);
              expect(begins).toBe(first?.who);
              waiting.splice(waiting.indexOf(first!), 1);
              active += 1;
            });
            const verdict = line.come(who, { ...AT_LEISURE, tier }, nowMs);
            if (verdict.is === "go") active += 1;
            if (verdict.is === "wait") {
              const index = waiting.findIndex((each) => each.who === verdict.displaced);
              if (index !== -1) expect(waiting.splice(index, 1)[0]!.tier > tier).toBe(true);
              waiting.push({ who, tier });
            }
          } else if (what === "leave" && active > 0) {
            active -= 1;
            line.leave(nowMs);
          } else if (what === "giveUp" && waiting.length > 0) {
            expect(line.giveUp(waiting.pop()!.who, nowMs)).toBe(true);
          }
          expect([line.active, line.waiting]).toEqual([active, waiting.length]);
          expect(active).toBeLessThanOrEqual(activeMax);
          expect(waiting.length).toBeLessThanOrEqual(waitingMax);
          if (waiting.length > 0) expect(active).toBe(activeMax);
        }
        while (active > 0) {
          active -= 1;
          line.leave(nowMs);
        }
        expect([line.active, line.waiting]).toEqual([0, 0]);
      },
    ),
  );
});
