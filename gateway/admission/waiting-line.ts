/**
 * How many requests may be under way, and how many may wait for that. First come, first served: the wait of each is bounded
 * by its own deadline, and whoever would wait beyond that is told so at once or when it is over, never later. Pure: who waits
 * is an object of the caller's.
 */
export class WaitingLine<T> {
  readonly #activeMax: number;
  readonly #waitingMax: number;
  readonly #waiting = new Set<T>();
  #active = 0;

  constructor(activeMax: number, waitingMax: number) {
    this.#activeMax = activeMax;
    this.#waitingMax = waitingMax;
  }

  get active(): number {
    return this.#active;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** `go`: under way; `wait`: `leave` hands over its turn; `full`: turned away. */
  come(who: T): "go" | "wait" | "full" {
    if (this.#active < this.#activeMax) {
      this.#active += 1;
      return "go";
    }
    if (this.#waiting.size >= this.#waitingMax) return "full";
    this.#waiting.add(who);
    return "wait";
  }

  /** It waits no longer; false: it was not waiting any more. */
  giveUp(who: T): boolean {
    return this.#waiting.delete(who);
  }

  /** One that was under way has ended. Whoever is next is under way now; undefined: nobody waits. */
  leave(): T | undefined {
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      return next;
    }
    this.#active -= 1;
    return undefined;
  }
}
