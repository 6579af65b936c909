/**
 * Those of one tier, in the order in which they came: the first and the last can be taken, and anyone may leave from the middle.
 *
 *     #order  [ taken | taken | b | left | d | e ]
 *                      #head ---^
 *
 * Those that have left stay in `#order` until they outnumber the others, so that every step costs the same however many wait (a
 * `Set` alone looks at all that were deleted before the first). Pure.
 */
const SPARE = 64;

export class TierQueue<T> {
  readonly #waiting = new Set<T>();
  #order: T[] = [];
  #head = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** Once only. */
  add(who: T): void {
    this.#waiting.add(who);
    this.#order.push(who);
    if (this.#order.length <= 2 * this.#waiting.size + SPARE) return;
    this.#order = [...this.#waiting];
    this.#head = 0;
  }

  /** False: it does not wait. */
  delete(who: T): boolean {
    return this.#waiting.delete(who);
  }

  takeFirst(): T | undefined {
    while (this.#head < this.#order.length) {
      const first = this.#order[this.#head]!;
      this.#head += 1;
      if (this.#waiting.delete(first)) return first;
    }
    return undefined;
  }

  takeLast(): T | undefined {
    while (this.#head < this.#order.length) {
      const last = this.#order.pop()!;
      if (this.#waiting.delete(last)) return last;
    }
    return undefined;
  }
}
