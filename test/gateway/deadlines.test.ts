import { expect, test } from "vitest";
import { Deadlines, type Deadlined } from "#gateway/forward/deadlines.ts";
import type { GatewayClock } from "#gateway/gateway-clock.ts";

class StillClock implements GatewayClock {
  #nowMs = 0;
  pending: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(_ms: number, fn: () => void): { cancel(): void } {
    this.pending.push(fn);
    return { cancel: () => this.pending.splice(this.pending.indexOf(fn), 1) };
  }

  soon<T>(fn: (argument: T) => void, argument: T): void {
    this.pending.push(() => fn(argument));
  }

  advance(toMs: number): void {
    this.#nowMs = toMs;
    for (const fn of this.pending.splice(0)) fn();
  }
}

function entry(name: string, dueMs: number, called: string[], onDue?: () => void): Deadlined {
  const self: Deadlined = {
    dueMs,
    deadlineSlot: -1,
    due() {
      called.push(name);
      self.dueMs = Infinity;
      onDue?.();
    },
  };
  return self;
}

test("a deadline is never met early, and once", () => {
  const clock = new StillClock();
  const deadlines = new Deadlines(clock);
  const called: string[] = [];
  deadlines.add(entry("a", 100, called));
  clock.advance(99);
  expect(called).toEqual([]);
  clock.advance(100);
  clock.advance(200);
  expect(called).toEqual(["a"]);
});

test("a deadline may be moved while it waits", () => {
  const clock = new StillClock();
  const deadlines = new Deadlines(clock);
  const called: string[] = [];
  const moved = entry("a", Infinity, called);
  deadlines.add(moved);
  clock.advance(1_000);
  expect(called).toEqual([]);
  moved.dueMs = 1_005;
  clock.advance(1_005);
  expect(called).toEqual(["a"]);
});

test("an entry that removes itself and others on the way leaves nobody out", () => {
  const clock = new StillClock();
  const deadlines = new Deadlines(clock);
  const called: string[] = [];
  const first = entry("first", 10, called);
  const gone = entry("gone", Infinity, called);
  const last = entry("last", 10, called, () => {
    deadlines.remove(last);
    deadlines.remove(gone);
  });
  for (const one of [first, gone, last]) deadlines.add(one);
  clock.advance(10);
  expect(called.toSorted()).toEqual(["first", "last"]);
  deadlines.remove(gone);
  expect(gone.deadlineSlot).toBe(-1);
});

test("nothing ticks while nothing is open", () => {
  const clock = new StillClock();
  const deadlines = new Deadlines(clock);
  const only = entry("a", 10, []);
  deadlines.add(only);
  expect(clock.pending.length).toBe(1);
  deadlines.remove(only);
  clock.advance(5);
  expect(clock.pending.length).toBe(0);
});
