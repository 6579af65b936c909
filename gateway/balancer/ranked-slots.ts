/**
 * The slots of a balancer in the order in which they should be picked, so that the first acceptable one is found at once also when
 * many nodes are out: nobody sends those anything, so they would gather at the front, and be refused there one by one.
 *
 * While anybody is out, a second heap has those last. The first in the whole order is asked about all the same: who accepts nodes that are
 * out (panic) means it.
 */
import { NONE } from "./balancer.ts";
import { SlotHeap } from "./slot-heap.ts";

export class RankedSlots {
  readonly #isBefore: (slot: number, other: number) => boolean;
  readonly #all: SlotHeap;
  readonly #isOut: boolean[];
  #outCount = 0;
  /** Present while somebody is out. */
  #inFirst: SlotHeap | undefined;

  constructor(count: number, isBefore: (slot: number, other: number) => boolean) {
    this.#isBefore = isBefore;
    this.#all = new SlotHeap(count, isBefore);
    this.#isOut = Array.from({ length: count }, () => false);
  }

  /** What the slot is compared by has changed. */
  moved(slot: number): void {
    this.#all.moved(slot);
    this.#inFirst?.moved(slot);
  }

  /** Its node goes out of rotation or comes back. */
  setOut(slot: number, isOut: boolean): void {
    if (this.#isOut[slot] === isOut) return;
    this.#isOut[slot] = isOut;
    this.#outCount += isOut ? 1 : -1;
    if (this.#outCount === 0) this.#inFirst = undefined;
    else if (this.#inFirst !== undefined) this.#inFirst.moved(slot);
    else this.#inFirst = new SlotHeap(this.#isOut.length, (one, other) => this.#isSooner(one, other));
  }

  /** The first in order that `accept` likes; `NONE` when it likes none. */
  first(accept: (slot: number) => boolean): number {
    if (this.#inFirst === undefined) return this.#all.first(accept);
    const { root } = this.#all;
    return root !== NONE && accept(root) ? root : this.#inFirst.first(accept);
  }

  #isSooner(slot: number, other: number): boolean {
    const isOut = this.#isOut[slot]!;
    return isOut === this.#isOut[other]! ? this.#isBefore(slot, other) : !isOut;
  }
}
