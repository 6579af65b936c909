/**
 * The last `size` calls, each failed, slow, both or neither: exact counts in a ring. Shares are compared as whole numbers.
 * A call that hangs is entered when it has become slow, and its entry is completed when it fails in the end.
 */
import { invariant } from "#core/assert.ts";

const FAILED = 1;
const SLOW = 2;

export class CallWindow {
  readonly #entries: Uint8Array;
  /** Calls entered ever; the place of one is its number modulo the size. */
  #count = 0;
  #failed = 0;
  #slow = 0;

  constructor(size: number) {
    invariant(Number.isInteger(size) && size > 0, `a window of ${size} calls`);
    this.#entries = new Uint8Array(size);
  }

  get calls(): number {
    return Math.min(this.#count, this.#entries.length);
  }

  get failed(): number {
    return this.#failed;
  }

  get slow(): number {
    return this.#slow;
  }

  /** Number of the entry, for `fail`. */
  enter(isFailed: boolean, isSlow: boolean): number {
    const place = this.#count % this.#entries.length;
    this.#tally(this.#entries[place]!, -1);
    const entry = (isFailed ? FAILED : 0) | (isSlow ? SLOW : 0);
    this.#entries[place] = entry;
    this.#tally(entry, 1);
    return this.#count++;
  }

  /** The call entered so has failed after all. Nothing, if it has left the window. */
  fail(number: number): void {
    if (this.#count - number > this.#entries.length) return;
    const place = number % this.#entries.length;
    if ((this.#entries[place]! & FAILED) !== 0) return;
    this.#entries[place]! |= FAILED;
    this.#failed += 1;
  }

  /** Whether at least so many percent of the calls failed, of `of`, which is in the window. */
  isShareAtLeast(of: "failed" | "slow", percent: number): boolean {
    const count = of === "failed" ? this.#failed : this.#slow;
    return this.calls > 0 && count * 100 >= percent * this.calls;
  }

  clear(): void {
    this.#entries.fill(0);
    this.#count = this.#failed = this.#slow = 0;
  }

  #tally(entry: number, by: number): void {
    if ((entry & FAILED) !== 0) this.#failed += by;
    if ((entry & SLOW) !== 0) this.#slow += by;
  }
}
