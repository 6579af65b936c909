/**
 * A binary heap of (time, sequence, slot, path) in parallel typed arrays. Equal times come out in the order in which
 * they went in: per-session FIFO and repeatable runs depend on it.
 *
 * With chance they come out in any order instead, but the messages of one session (paths from 0 on) still as
 * they went in. That proves which results hang on the order of what happens at the same moment.
 */
import type { Prng } from "#core/prng.ts";

const CAPACITY_FIRST = 1024;
/** Enough that two events seldom draw the same place. */
const SHUFFLED_PLACES = 2 ** 30;

export class EventHeap {
  #timeUs = new Float64Array(CAPACITY_FIRST);
  #seq = new Float64Array(CAPACITY_FIRST);
  #slot = new Int32Array(CAPACITY_FIRST);
  #path = new Int32Array(CAPACITY_FIRST);
  #size = 0;
  #nextSeq = 0;
  readonly #chance: Prng | undefined;
  /** Only with chance. Of each session the last message put in: when it is due, and its place among those due then. */
  readonly #lastOf = new Map<number, { timeUs: number; seq: number }>();
  /** The event last taken. */
  timeUs = 0;
  slot = 0;
  path = 0;

  constructor(chance?: Prng) {
    this.#chance = chance;
  }

  get size(): number {
    return this.#size;
  }

  /** Infinity when empty. */
  nextUs(): number {
    return this.#size === 0 ? Infinity : this.#timeUs[0]!;
  }

  push(timeUs: number, slot: number, path: number): void {
    if (this.#size === this.#timeUs.length) this.#grow();
    const seq =
      this.#chance === undefined ? this.#nextSeq++ : this.#drawSeq(this.#chance, timeUs, slot, path);
    this.#rise(timeUs, seq, slot, path);
  }

  #rise(timeUs: number, seq: number, slot: number, path: number): void {
    let index = this.#size++;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#isBefore(timeUs, seq, parent)) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#put(index, timeUs, seq, slot, path);
  }

  /** Takes the earliest event into `timeUs`, `slot`, `path`; false when there is none. */
  pop(): boolean {
    if (this.#size === 0) return false;
    this.timeUs = this.#timeUs[0]!;
    this.slot = this.#slot[0]!;
    this.path = this.#path[0]!;
    const last = --this.#size;
    if (last > 0) this.#sink(this.#timeUs[last]!, this.#seq[last]!, this.#slot[last]!, this.#path[last]!);
    return true;
  }

  /** Throws away what will not happen any more. Rare, so it looks at everything. */
  discard(isGone: (slot: number, path: number) => boolean): void {
    const size = this.#size;
    this.#size = 0;
    for (let index = 0; index < size; index++) {
      // The heap grows anew, over places that have been read.
      const [slot, path] = [this.#slot[index]!, this.#path[index]!];
      if (!isGone(slot, path)) this.#rise(this.#timeUs[index]!, this.#seq[index]!, slot, path);
    }
  }

  #drawSeq(chance: Prng, timeUs: number, slot: number, path: number): number {
    const place = 1 + chance.integer(0, SHUFFLED_PLACES);
    if (path < 0) return place; // A timer; there is no second one of its session.
    const last = this.#lastOf.get(slot);
    // Two messages of one session at one moment: the later one draws from the places behind the earlier one.
    const seq = last?.timeUs === timeUs ? last.seq + place : place;
    this.#lastOf.set(slot, { timeUs, seq });
    return seq;
  }

  #sink(timeUs: number, seq: number, slot: number, path: number): void {
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#isBefore(this.#timeUs[child + 1]!, this.#seq[child + 1]!, child))
        child += 1;
      if (this.#isBefore(timeUs, seq, child)) break;
      this.#move(child, index);
      index = child;
    }
    this.#put(index, timeUs, seq, slot, path);
  }

  #isBefore(timeUs: number, seq: number, index: number): boolean {
    const other = this.#timeUs[index]!;
    return timeUs < other || (timeUs === other && seq < this.#seq[index]!);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#timeUs[from]!, this.#seq[from]!, this.#slot[from]!, this.#path[from]!);
  }

  #put(index: number, timeUs: number, seq: number, slot: number, path: number): void {
    this.#timeUs[index] = timeUs;
    this.#seq[index] = seq;
    this.#slot[index] = slot;
    this.#path[index] = path;
  }

  #grow(): void {
    const capacity = this.#timeUs.length * 2;
    const { timeUs, seq, slot, path } = {
      timeUs: new Float64Array(capacity),
      seq: new Float64Array(capacity),
      slot: new Int32Array(capacity),
      path: new Int32Array(capacity),
    };
    timeUs.set(this.#timeUs);
    seq.set(this.#seq);
    slot.set(this.#slot);
    path.set(this.#path);
    this.#timeUs = timeUs;
    this.#seq = seq;
    this.#slot = slot;
    this.#path = path;
  }
}
