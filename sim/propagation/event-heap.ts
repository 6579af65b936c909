/**
 * A binary heap of (time, sequence, slot, path) in parallel typed arrays. Equal times come out in the order in which
 * they went in: per-session FIFO and repeatable runs depend on it.
 */
const CAPACITY_FIRST = 1024;

export class EventHeap {
  #timeUs = new Float64Array(CAPACITY_FIRST);
  #seq = new Float64Array(CAPACITY_FIRST);
  #slot = new Int32Array(CAPACITY_FIRST);
  #path = new Int32Array(CAPACITY_FIRST);
  #size = 0;
  #nextSeq = 0;
  /** The event last taken. */
  timeUs = 0;
  slot = 0;
  path = 0;

  get size(): number {
    return this.#size;
  }

  /** Infinity when empty. */
  nextUs(): number {
    return this.#size === 0 ? Infinity : this.#timeUs[0]!;
  }

  push(timeUs: number, slot: number, path: number): void {
    if (this.#size === this.#timeUs.length) this.#grow();
    let index = this.#size++;
    const seq = this.#nextSeq++;
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
