/** The order in which the propagation engine's events come out. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { EventHeap } from "#sim/propagation/event-heap.ts";

const EVENTS = fc.array(fc.record({ timeUs: fc.nat(5), slot: fc.nat(4) }), { maxLength: 60 });

/** Of a slot's owner, whoever that is. */
const VERTEX_OF_FIRST_SLOT = 100;

/** The events as they come out; `path` tells them apart, and is the order in which they went in. */
function drain(heap: EventHeap, events: readonly { timeUs: number; slot: number }[]) {
  for (const [path, { timeUs, slot }] of events.entries()) {
    heap.push(timeUs, VERTEX_OF_FIRST_SLOT + slot, slot, path);
  }
  const drained: { timeUs: number; slot: number; path: number }[] = [];
  while (heap.pop()) {
    expect(heap.vertex).toBe(VERTEX_OF_FIRST_SLOT + heap.slot);
    drained.push({ timeUs: heap.timeUs, slot: heap.slot, path: heap.path });
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
      expect(drain(new EventHeap(), events)).toEqual(wanted);
    }),
  );
});

test("shuffled, they come out by time, and of one session at one moment as they went in", () => {
  fc.assert(
    fc.property(EVENTS, fc.nat(), (drawn, seed) => {
      const events = inOrderOfEachSession(drawn);
      const drained = drain(new EventHeap(new Prng(seed)), events);
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
    const drained = drain(new EventHeap(new Prng(seed)), events);
    orders.add(drained.map(({ slot }) => slot).join());
  }
  expect(orders.size).toBe(6);
});
