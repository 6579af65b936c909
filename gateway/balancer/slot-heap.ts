/**
 * The slots 0 to n - 1 in a binary heap by an order that changes while they are in it: whoever changes what a slot is
 * compared by says so with `moved`. Finding the first is O(1), a change O(log n).
 */
import { NONE } from "./balancer.ts";

/** So many refusals, and the rest is searched from end to end: the way through a heap costs more than that. */
const REFUSALS_MAX = 32;

export class SlotHeap {
  readonly #isBefore: (slot: number, other: number) => boolean;
  readonly #slots: number[];
  readonly #places: number[];

  constructor(count: number, isBefore: (slot: number, other: number) => boolean) {
    this.#isBefore = isBefore;
    this.#slots = Array.from({ length: count }, (_, slot) => slot);
    this.#places = Array.from({ length: count }, (_, slot) => slot);
    for (let place = (count >> 1) - 1; place >= 0; place--) this.#sink(place);
  }

  /** The first in order; `NONE` of none. */
  get root(): number {
    return this.#slots[0] ?? NONE;
  }

  moved(slot: number): void {
    const place = this.#places[slot]!;
    this.#rise(place);
    this.#sink(this.#places[slot]!);
  }

  /** The first in order that `accept` likes; each slot is asked about once at most. `NONE` when it likes none. */
  first(accept: (slot: number) => boolean): number {
    const root = this.#slots[0];
    if (root === undefined) return NONE;
    if (accept(root)) return root;
    // The next in order is always a child of one that was refused.
    const open: number[] = [];
    for (let place = 0, refused = 1; ; refused++) {
      if (refused > REFUSALS_MAX) return this.#searchAll(accept);
      for (const child of [2 * place + 1, 2 * place + 2]) if (child < this.#slots.length) open.push(child);
      if (open.length === 0) return NONE;
      let next = 0;
      for (let at = 1; at < open.length; at++) {
        if (this.#isBefore(this.#slots[open[at]!]!, this.#slots[open[next]!]!)) next = at;
      }
      place = open[next]!;
      open[next] = open.at(-1)!;
      open.pop();
      const slot = this.#slots[place]!;
      if (accept(slot)) return slot;
    }
  }

  #searchAll(accept: (slot: number) => boolean): number {
    let best = NONE;
    for (const slot of this.#slots) {
      if ((best === NONE || this.#isBefore(slot, best)) && accept(slot)) best = slot;
    }
    return best;
  }

  #rise(from: number): void {
    let place = from;
    const slot = this.#slots[place]!;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = this.#slots[parent]!;
      if (!this.#isBefore(slot, above)) break;
      this.#put(above, place);
      place = parent;
    }
    this.#put(slot, place);
  }

  #sink(from: number): void {
    let place = from;
    const slot = this.#slots[place]!;
    const count = this.#slots.length;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= count) break;
      if (child + 1 < count && this.#isBefore(this.#slots[child + 1]!, this.#slots[child]!)) child += 1;
      const below = this.#slots[child]!;
      if (!this.#isBefore(below, slot)) break;
      this.#put(below, place);
      place = child;
    }
    this.#put(slot, place);
  }

  #put(slot: number, place: number): void {
    this.#slots[place] = slot;
    this.#places[slot] = place;
  }
}
