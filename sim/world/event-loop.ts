/**
 * Virtual time for whole-system runs: events in one total order, carried out synchronously.
 *
 * The order is (time, actor, sequence of that actor). An actor is a part of the system with a fixed number (a node,
 * the network, the gateway), and its sequence counts only what was put off for it. So two things that happen in the
 * same microsecond keep their order whichever part of the system was built or started first; with one sequence for
 * all, as in a plain queue, they would not.
 */
import { invariant } from "#core/assert.ts";

/** A run of the golden scenario needs about a million; one that needs this many does not end. */
const EVENTS_MAX = 50_000_000;

interface Entry {
  readonly atUs: number;
  readonly actor: number;
  readonly seq: number;
  readonly fn: () => void;
  isCancelled: boolean;
}

export interface Ticket {
  cancel(): void;
}

export class EventLoop {
  readonly #heap: Entry[] = [];
  readonly #nextSeq: number[];
  #nowUs = 0;
  #count = 0;

  constructor(actorCount: number) {
    this.#nextSeq = Array.from({ length: actorCount }, () => 0);
  }

  get nowUs(): number {
    return this.#nowUs;
  }

  /** In milliseconds, as the gateway's policies count. */
  get nowMs(): number {
    return this.#nowUs / 1000;
  }

  /** Events carried out so far. */
  get count(): number {
    return this.#count;
  }

  /** Lets `actor` do something `delayUs` from now; 0 is after whatever happens at this moment before it in order. */
  after(actor: number, delayUs: number, fn: () => void): Ticket {
    invariant(delayUs >= 0 && Number.isSafeInteger(delayUs), `a delay of ${delayUs} µs`);
    const seq = this.#nextSeq[actor];
    invariant(seq !== undefined, `there is no actor ${actor}`);
    this.#nextSeq[actor] = seq + 1;
    const entry: Entry = { atUs: this.#nowUs + delayUs, actor, seq, fn, isCancelled: false };
    this.#push(entry);
    return { cancel: () => void (entry.isCancelled = true) };
  }

  /** Carries out everything up to and including `untilUs`. */
  run(untilUs: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.atUs <= untilUs; next = this.#heap[0]) {
      this.#pop();
      if (next.isCancelled) continue;
      invariant(++this.#count <= EVENTS_MAX, `more than ${EVENTS_MAX} events: the run does not end`);
      this.#nowUs = next.atUs;
      next.fn();
    }
    this.#nowUs = Math.max(this.#nowUs, untilUs);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  if (a.atUs !== b.atUs) return a.atUs < b.atUs;
  return a.actor === b.actor ? a.seq < b.seq : a.actor < b.actor;
}
