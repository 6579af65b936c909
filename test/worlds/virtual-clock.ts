/**
 * The gateway's clock, held in the hand: events in order of time, and of their making where times are equal. Turns of the
 * loop (`soon`) come at the same moment, behind everything that is due then.
 */
import type { Timer } from "#core/host/clock.ts";
import type { GatewayClock } from "#gateway/gateway-clock.ts";

interface Event {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export class VirtualClock implements GatewayClock {
  /** A binary heap: the earliest event first. */
  readonly #heap: Event[] = [];
  #nowMs = 0;
  #made = 0;
  /** Events that ran. */
  steps = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, fn: () => void): Timer {
    return this.at(this.#nowMs + Math.max(0, ms), fn);
  }

  soon<T>(fn: (argument: T) => void, argument: T): void {
    this.at(this.#nowMs, () => fn(argument));
  }

  at(atMs: number, fn: () => void): Timer {
    const event: Event = { atMs, order: (this.#made += 1), run: fn };
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
    return {
      cancel: () => {
        event.run = undefined;
      },
    };
  }

  /** Everything up to `untilMs`; then it is `untilMs`. */
  runUntil(untilMs: number): void {
    for (let event = this.#heap[0]; event !== undefined && event.atMs <= untilMs; event = this.#heap[0]) {
      this.#removeFirst();
      const { run } = event;
      if (run === undefined) continue;
      this.#nowMs = event.atMs;
      this.steps += 1;
      run();
    }
    this.#nowMs = untilMs;
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const event = heap[from]!;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = event;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs === other.atMs ? one.order < other.order : one.atMs < other.atMs;
}
