/** The order in which the propagation engine's events come out. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { EventWheel } from "#sim/propagation/event-wheel.ts";

const EVENTS = fc.array(fc.record({ timeUs: fc.nat(5), slot: fc.nat(4) }), { maxLength: 60 });

/** Of a slot's owner, whoever that is. */
const VERTEX_OF_FIRST_SLOT = 100;

/** The events as they come out; `path` tells them apart, and is the order in which they went in. */
function drain(queue: EventWheel, events: readonly { timeUs: number; slot: number }[]) {
  for (const [path, { timeUs, slot }] of events.entries()) {
    queue.push(timeUs, VERTEX_OF_FIRST_SLOT + slot, slot, path);
  }
  const drained: { timeUs: number; slot: number; path: number }[] = [];
  while (queue.pop()) {
    expect(queue.vertex).toBe(VERTEX_OF_FIRST_SLOT + queue.slot);
    drained.push({ timeUs: queue.timeUs, slot: queue.slot, path: queue.path });
  }
  return drained;
}

/** No message is due before an earlier one of its session: the engine sees to that. */
function inOrderOfEachSession<T extends { timeUs: number; slot: number }>(events: readonly T[]): T[] {
  const lastUs = new Map<number, number>();
  return events.map((event) => {
    const timeUs = Math.max(event.timeUs, lastUs.get(event.slot) ?? 0);
    lastUs.set(event.slot, timeUs);
    return { ...event, timeUs };
  });
}

test("events come out by time, and at one moment as they went in", () => {
  fc.assert(
    fc.property(EVENTS, (events) => {
      const wanted = events
        .map((event, path) => ({ ...event, path }))
        .sort((x, y) => x.timeUs - y.timeUs || x.path - y.path);
      expect(drain(new EventWheel(), events)).toEqual(wanted);
    }),
  );
});

test("shuffled, they come out by time, and of one session at one moment as they went in", () => {
  fc.assert(
    fc.property(EVENTS, fc.nat(), (drawn, seed) => {
      const events = inOrderOfEachSession(drawn);
      const drained = drain(new EventWheel(new Prng(seed)), events);
      expect(drained).toHaveLength(events.length);
      for (const [at, event] of drained.entries()) {
        if (at > 0) expect(event.timeUs).toBeGreaterThanOrEqual(drained[at - 1]!.timeUs);
        for (const later of drained.slice(at + 1)) {
          if (later.timeUs === event.timeUs && later.slot === event.slot)
            expect(later.path).toBeGreaterThan(event.path);
        }
      }
    }),
  );
});

test("shuffled, every order of what happens at one moment occurs", () => {
  const events = [0, 1, 2].map((slot) => ({ timeUs: 7, slot }));
  const orders = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const drained = drain(new EventWheel(new Prng(seed)), events);
    orders.add(drained.map(({ slot }) => slot).join());
  }
  expect(orders.size).toBe(6);
});

/** Steps of a life: put in so far ahead, take, look, throw away a slot's. As far as every wheel reaches. */
const STEPS = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("push" as const),
      aheadUs: fc.oneof(
        fc.nat(3),
        ...[8, 16, 24, 32, 40, 48].map((bits) => fc.integer({ min: 2 ** bits - 2, max: 2 ** bits + 2 })),
        fc.maxSafeNat().map((us) => Math.floor(us / 16)),
      ),
      slot: fc.nat(4),
    }),
    fc.constant({ kind: "pop" as const }),
    fc.constant({ kind: "look" as const }),
    fc.record({ kind: fc.constant("discard" as const), slot: fc.nat(4) }),
  ),
  { maxLength: 80 },
);

test("whatever is put in, taken, looked at and thrown away, in any order: as a list that is sorted each time", () => {
  fc.assert(
    fc.property(STEPS, (steps) => {
      const queue = new EventWheel();
      let listed: { timeUs: number; slot: number; path: number }[] = [];
      let nowUs = 0;
      for (const [path, step] of steps.entries()) {
        listed.sort((x, y) => x.timeUs - y.timeUs || x.path - y.path);
        if (step.kind === "push") {
          const timeUs = Math.min(nowUs + step.aheadUs, Number.MAX_SAFE_INTEGER);
          queue.push(timeUs, 0, step.slot, path);
          listed.push({ timeUs, slot: step.slot, path });
        } else if (step.kind === "pop") {
          const wanted = listed.shift();
          expect(queue.pop()).toBe(wanted !== undefined);
          if (wanted === undefined) continue;
          nowUs = wanted.timeUs;
          expect({ timeUs: queue.timeUs, slot: queue.slot, path: queue.path }).toEqual(wanted);
        } else if (step.kind === "discard") {
          queue.discard((slot) => slot === step.slot);
          listed = listed.filter(({ slot }) => slot !== step.slot);
        }
        const dueUs = Math.min(...listed.map(({ timeUs }) => timeUs));
        if (step.kind === "look") expect(queue.nextUs()).toBe(dueUs);
        expect(queue.size).toBe(listed.length);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("what is due before the event last taken, or at no whole microsecond, is a bug", () => {
  const queue = new EventWheel();
  queue.push(10, 0, 0, 0);
  queue.pop();
  for (const timeUs of [9, 10.5, Number.NaN, Infinity]) {
    expect(() => queue.push(timeUs, 0, 0, 1)).toThrow("due in the past");
  }
  queue.push(10, 0, 0, 1);
  expect(queue.nextUs()).toBe(10);
});
