import { expect, test } from "vitest";
import { EventLoop } from "#sim/world/event-loop.ts";
import { JournalHash } from "#sim/world/journal-hash.ts";

test("events come in the order of time, then actor, then when they were put off", () => {
  const loop = new EventLoop(3);
  const order: string[] = [];
  const put = (actor: number, delayUs: number, name: string): void => {
    loop.after(actor, delayUs, () => order.push(name));
  };
  put(2, 10, "late second actor");
  put(1, 10, "first of actor 1");
  put(0, 20, "latest");
  put(1, 10, "second of actor 1");
  put(2, 5, "earliest");
  loop.run(15);
  expect(order).toEqual(["earliest", "first of actor 1", "second of actor 1", "late second actor"]);
  expect(loop.nowUs).toBe(15);
  loop.run(20);
  expect(order.at(-1)).toBe("latest");
});

test("the order in which actors were set up changes nothing", () => {
  const play = (actors: readonly number[]): string[] => {
    const loop = new EventLoop(4);
    const order: string[] = [];
    for (const actor of actors) {
      const tick = (count: number): void => {
        order.push(`${actor}.${count}@${loop.nowUs}`);
        if (count < 5) loop.after((actor + 1) % 4, 10, () => order.push(`${actor} calls @${loop.nowUs}`));
        if (count < 5) loop.after(actor, 5, () => tick(count + 1));
      };
      loop.after(actor, 0, () => tick(0));
    }
    loop.run(1000);
    return order;
  };
  expect(play([3, 1, 0, 2])).toEqual(play([0, 1, 2, 3]));
});

test("a cancelled event does not happen; one put off for now happens now", () => {
  const loop = new EventLoop(1);
  const order: string[] = [];
  const ticket = loop.after(0, 10, () => order.push("cancelled"));
  loop.after(0, 5, () => {
    ticket.cancel();
    loop.after(0, 0, () => order.push(`at ${loop.nowUs}`));
  });
  loop.run(100);
  expect(order).toEqual(["at 5"]);
});

test("a delay that is negative or no whole number, and an actor that is none, are bugs", () => {
  const loop = new EventLoop(1);
  expect(() => loop.after(0, -1, () => undefined)).toThrow(/-1 µs/);
  expect(() => loop.after(0, 0.5, () => undefined)).toThrow(/0\.5 µs/);
  expect(() => loop.after(1, 0, () => undefined)).toThrow(/no actor 1/);
});

test.each([
  ["", "cbf29ce484222325"],
  ["a", "af63dc4c8601ec8c"],
  ["foobar", "85944171f73967e8"],
])("the published FNV-1a vector of %j", (text, expected) => {
  const hash = new JournalHash();
  hash.add(text);
  expect(hash.text).toBe(expected);
});
