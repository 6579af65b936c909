/**
 * A heap of (time, sequence, vertex, slot, path) in parallel typed arrays. Equal times come out in the order in which they
 * went in: per-session FIFO and repeatable runs depend on it. A parent has four children: half the levels of two, and
 * siblings lie side by side in memory. The vertex is the slot's owner, which to look up costs two more misses.
 *
 * With chance they come out in any order instead, but the messages of one session (paths from 0 on) still as
 * they went in. That proves which results hang on the order of what happens at the same moment.
 */
import type { Prng } from "#core/prng.ts";

const CAPACITY_FIRST = 1024;
const CHILDREN = 4;
/** Enough that two events seldom draw the same place. */
const SHUFFLED_PLACES = 2 ** 30;

export class EventHeap {
  #timeUs = new Float64Array(CAPACITY_FIRST);
  #seq = new Float64Array(CAPACITY_FIRST);
  #vertex = new Int32Array(CAPACITY_FIRST);
  #slot = new Int32Array(CAPACITY_FIRST);
  #path = new Int32Array(CAPACITY_FIRST);
  #size = 0;
  #nextSeq = 0;
  readonly #chance: Prng | undefined;
  /** Only with chance. Of each session the last message put in: when it is due, and its place among those due then. */
  readonly #lastOf = new Map<number, { timeUs: number; seq: number }>();
  /** The event last taken. */
  timeUs = 0;
  vertex = 0;
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

  push(timeUs: number, vertex: number, slot: number, path: number): void {
    if (this.#size === this.#timeUs.length) this.#grow();
    const seq =
      this.#chance === undefined ? this.#nextSeq++ : this.#drawSeq(this.#chance, timeUs, slot, path);
    this.#rise(timeUs, seq, vertex, slot, path);
  }

  #rise(timeUs: number, seq: number, vertex: number, slot: number, path: number): void {
    let index = this.#size++;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      if (!this.#isBefore(timeUs, seq, parent)) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#put(index, timeUs, seq, vertex, slot, path);
  }

  /** Takes the earliest event into `timeUs`, `vertex`, `slot`, `path`; false when there is none. */
  pop(): boolean {
    if (this.#size === 0) return false;
    this.timeUs = this.#timeUs[0]!;
    this.vertex = this.#vertex[0]!;
    this.slot = this.#slot[0]!;
    this.path = this.#path[0]!;
    const last = --this.#size;
    if (last > 0) this.#sink(last);
    return true;
  }

  /** Throws away what will not happen any more. Rare, so it looks at everything. */
  discard(isGone: (slot: number, path: number) => boolean): void {
    const size = this.#size;
    this.#size = 0;
    for (let index = 0; index < size; index++) {
      // The heap grows anew, over places that have been read.
      const [slot, path] = [this.#slot[index]!, this.#path[index]!];
      if (isGone(slot, path)) continue;
      this.#rise(this.#timeUs[index]!, this.#seq[index]!, this.#vertex[index]!, slot, path);
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

  /** The event at `from`, just behind the last one, takes the free place at the top and goes down from there. */
  #sink(from: number): void {
    const times = this.#timeUs;
    const seqs = this.#seq;
    const size = this.#size;
    const timeUs = times[from]!;
    const seq = seqs[from]!;
    let index = 0;
    for (let first = 1; first < size; first = CHILDREN * index + 1) {
      const end = Math.min(first + CHILDREN, size);
      let child = first;
      let childUs = times[first]!;
      for (let other = first + 1; other < end; other++) {
        const otherUs = times[other]!;
        if (otherUs > childUs || (otherUs === childUs && seqs[other]! > seqs[child]!)) continue;
        child = other;
        childUs = otherUs;
      }
      if (timeUs < childUs || (timeUs === childUs && seq < seqs[child]!)) break;
      this.#move(child, index);
      index = child;
    }
    this.#move(from, index);
  }

  #isBefore(timeUs: number, seq: number, index: number): boolean {
    const other = this.#timeUs[index]!;
    return timeUs < other || (timeUs === other && seq < this.#seq[index]!);
  }

  #move(from: number, to: number): void {
    this.#timeUs[to] = this.#timeUs[from]!;
    this.#seq[to] = this.#seq[from]!;
    this.#vertex[to] = this.#vertex[from]!;
    this.#slot[to] = this.#slot[from]!;
    this.#path[to] = this.#path[from]!;
  }

  #put(index: number, timeUs: number, seq: number, vertex: number, slot: number, path: number): void {
    this.#timeUs[index] = timeUs;
    this.#seq[index] = seq;
    this.#vertex[index] = vertex;
    this.#slot[index] = slot;
    this.#path[index] = path;
  }

  #grow(): void {
    const capacity = this.#timeUs.length * 2;
    this.#timeUs = grown(this.#timeUs, new Float64Array(capacity));
    this.#seq = grown(this.#seq, new Float64Array(capacity));
    this.#vertex = grown(this.#vertex, new Int32Array(capacity));
    this.#slot = grown(this.#slot, new Int32Array(capacity));
    this.#path = grown(this.#path, new Int32Array(capacity));
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
