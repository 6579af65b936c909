/**
 * A queue of (time, vertex, slot, path) that never turns back: hierarchical timing wheels (Varghese and Lauck, SOSP 1987),
 * here without ticks. An event lies on the wheel of the highest digit, base 256, in which its time differs from the time
 * last reached, in the bucket of that digit. When time reaches a bucket, its events go down to lower wheels; on the lowest
 * one a bucket is one microsecond.
 *
 *     reached 0x0a_1f_03         0x0a_1f_40 -> wheel 0, bucket 0x40    0x0a_22_00 -> wheel 1, bucket 0x22
 *
 * An event moves as often as it has such digits to go, whatever else waits: a heap of as many events moves each through
 * all its levels. Equal times lie in one bucket always, and a bucket is a list: they come out in the order in which they
 * went in, on which per-session FIFO and repeatable runs depend. The vertex is the slot's owner, which to look up costs
 * two more misses.
 *
 * With chance they come out in any order instead, but the messages of one session (paths from 0 on) still as they went
 * in. That proves which results hang on the order of what happens at the same moment.
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";

const DIGIT_BITS = 8;
/** Bits are divided by `DIGIT_BITS` by shifting so far. */
const DIGIT_SHIFT = 3;
const BUCKETS = 1 << DIGIT_BITS;
/** Seven digits hold every whole number up to 2^53; four of them lie in its low 32 bits. */
const WHEELS = 7;
const WHEELS_LOW = 4;
const WORD_BITS = 32;
const WORDS = BUCKETS / WORD_BITS;
const HIGH = 2 ** 32;
const CAPACITY_FIRST = 1024;
/** No event: their numbers begin at 1. */
const NONE = 0;
const UNKNOWN = -1;
/** Enough that two events seldom draw the same place. */
const SHUFFLED_PLACES = 2 ** 30;

export class EventWheel {
  // By event.
  #timeUs = new Float64Array(CAPACITY_FIRST);
  #vertex = new Int32Array(CAPACITY_FIRST);
  #slot = new Int32Array(CAPACITY_FIRST);
  #path = new Int32Array(CAPACITY_FIRST);
  /** Only with chance: the place of an event among those of its moment. */
  #seq: Float64Array;
  /** The next of the same bucket, or of the free ones. */
  #next = new Int32Array(CAPACITY_FIRST);
  #free = NONE;
  /** Events ever used, and the place before the first. */
  #used = 1;
  // By bucket, wheel after wheel.
  readonly #first = new Int32Array(WHEELS * BUCKETS);
  readonly #last = new Int32Array(WHEELS * BUCKETS);
  /** A bit for each bucket that holds something. */
  readonly #occupied = new Int32Array(WHEELS * WORDS);
  #size = 0;
  #reachedUs = 0;
  #nextUs = UNKNOWN;
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
    this.#seq = new Float64Array(chance === undefined ? 0 : CAPACITY_FIRST);
  }

  get size(): number {
    return this.#size;
  }

  /** Infinity when empty. */
  nextUs(): number {
    if (this.#nextUs === UNKNOWN) this.#nextUs = this.#earliestUs();
    return this.#nextUs;
  }

  /** `timeUs`: whole, and not before the event last taken. */
  push(timeUs: number, vertex: number, slot: number, path: number): void {
    invariant(
      timeUs >= this.#reachedUs && Number.isSafeInteger(timeUs),
      "an event due in the past, or at no whole µs",
    );
    const event = this.#take();
    this.#timeUs[event] = timeUs;
    this.#vertex[event] = vertex;
    this.#slot[event] = slot;
    this.#path[event] = path;
    if (this.#chance !== undefined) this.#seq[event] = this.#drawSeq(this.#chance, timeUs, slot, path);
    this.#append(event, timeUs);
    this.#size += 1;
    // An empty queue knows that, too: it is due at Infinity.
    if (timeUs < this.#nextUs) this.#nextUs = timeUs;
  }

  /** Takes the earliest event into `timeUs`, `vertex`, `slot`, `path`; false when there is none. */
  pop(): boolean {
    if (this.#size === 0) return false;
    const timeUs = this.nextUs();
    if (timeUs !== this.#reachedUs) this.#reach(timeUs);
    const bucket = timeUs % BUCKETS;
    const event = this.#chance === undefined ? this.#shift(bucket) : this.#shiftLeastSeq(bucket);
    this.timeUs = timeUs;
    this.vertex = this.#vertex[event]!;
    this.slot = this.#slot[event]!;
    this.path = this.#path[event]!;
    this.#release(event);
    if (this.#first[bucket] === NONE) {
      this.#vacate(bucket);
      this.#nextUs = this.#size === 0 ? Infinity : UNKNOWN;
    }
    return true;
  }

  /** Throws away what will not happen any more. Rare, so it looks at everything. */
  discard(isGone: (slot: number, path: number) => boolean): void {
    for (let bucket = 0; bucket < this.#first.length; bucket++) {
      const list = this.#first[bucket]!;
      if (list === NONE) continue;
      this.#vacate(bucket);
      for (let event = list, next = NONE; event !== NONE; event = next) {
        next = this.#next[event]!;
        if (isGone(this.#slot[event]!, this.#path[event]!)) this.#release(event);
        else this.#append(event, this.#timeUs[event]!);
      }
    }
    this.#nextUs = UNKNOWN;
  }

  /** Time goes on to `timeUs`, at which the earliest event is due: its bucket goes down. */
  #reach(timeUs: number): void {
    const bucket = this.#earliestBucket();
    this.#reachedUs = timeUs;
    if (bucket < BUCKETS) return;
    let event = this.#first[bucket]!;
    this.#vacate(bucket);
    while (event !== NONE) {
      const next = this.#next[event]!;
      this.#append(event, this.#timeUs[event]!);
      event = next;
    }
  }

  #earliestUs(): number {
    const bucket = this.#earliestBucket();
    let earliestUs = Infinity;
    if (bucket === UNKNOWN) return earliestUs;
    for (let event = this.#first[bucket]!; event !== NONE; event = this.#next[event]!) {
      earliestUs = Math.min(earliestUs, this.#timeUs[event]!);
      if (bucket < BUCKETS) break;
    }
    return earliestUs;
  }

  /** The first one of the lowest wheel that holds anything: what is on a higher one is due later. */
  #earliestBucket(): number {
    for (let word = 0; word < this.#occupied.length; word++) {
      const bits = this.#occupied[word]!;
      if (bits !== 0) return word * WORD_BITS + WORD_BITS - 1 - Math.clz32(bits & -bits);
    }
    return UNKNOWN;
  }

  #bucketOf(timeUs: number): number {
    const high = (timeUs / HIGH) | 0;
    const highDiffers = high ^ ((this.#reachedUs / HIGH) | 0);
    if (highDiffers !== 0) {
      const wheel = (31 - Math.clz32(highDiffers)) >> DIGIT_SHIFT;
      return ((wheel + WHEELS_LOW) << DIGIT_BITS) | ((high >>> (wheel << DIGIT_SHIFT)) & (BUCKETS - 1));
    }
    const low = timeUs >>> 0;
    const wheel = (31 - Math.clz32((low ^ (this.#reachedUs >>> 0)) | 1)) >> DIGIT_SHIFT;
    return (wheel << DIGIT_BITS) | ((low >>> (wheel << DIGIT_SHIFT)) & (BUCKETS - 1));
  }

  #append(event: number, timeUs: number): void {
    const bucket = this.#bucketOf(timeUs);
    this.#next[event] = NONE;
    if (this.#first[bucket] === NONE) {
      this.#first[bucket] = event;
      this.#occupied[bucket >> 5]! |= 1 << (bucket & 31);
    } else this.#next[this.#last[bucket]!] = event;
    this.#last[bucket] = event;
  }

  #shift(bucket: number): number {
    const event = this.#first[bucket]!;
    this.#first[bucket] = this.#next[event]!;
    return event;
  }

  /** Among equal places the first: as many as there are events at one moment in a test. */
  #shiftLeastSeq(bucket: number): number {
    let [least, beforeLeast] = [this.#first[bucket]!, NONE];
    for (let before = least, event = this.#next[before]!; event !== NONE; event = this.#next[event]!) {
      if (this.#seq[event]! < this.#seq[least]!) [least, beforeLeast] = [event, before];
      before = event;
    }
    if (beforeLeast === NONE) return this.#shift(bucket);
    this.#next[beforeLeast] = this.#next[least]!;
    if (this.#last[bucket] === least) this.#last[bucket] = beforeLeast;
    return least;
  }

  #vacate(bucket: number): void {
    this.#first[bucket] = NONE;
    this.#occupied[bucket >> 5]! &= ~(1 << (bucket & 31));
  }

  #take(): number {
    const event = this.#free;
    if (event !== NONE) {
      this.#free = this.#next[event]!;
      return event;
    }
    if (this.#used === this.#timeUs.length) this.#grow();
    return this.#used++;
  }

  #release(event: number): void {
    this.#next[event] = this.#free;
    this.#free = event;
    this.#size -= 1;
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

  #grow(): void {
    const capacity = this.#timeUs.length * 2;
    this.#timeUs = grown(this.#timeUs, new Float64Array(capacity));
    this.#vertex = grown(this.#vertex, new Int32Array(capacity));
    this.#slot = grown(this.#slot, new Int32Array(capacity));
    this.#path = grown(this.#path, new Int32Array(capacity));
    this.#next = grown(this.#next, new Int32Array(capacity));
    if (this.#chance !== undefined) this.#seq = grown(this.#seq, new Float64Array(capacity));
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
