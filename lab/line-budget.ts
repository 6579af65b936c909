/**
 * How many lines of one child may become events: so many a second, the rest counted. Pure: time is an argument.
 * A window begins with the first line after the last one ended; what was left out is told once, with the next line.
 */
const WINDOW_MS = 1_000;

export class LineBudget {
  readonly #linesMax: number;
  #windowMs = -Infinity;
  #inWindow = 0;

  constructor(linesPerSecondMax: number) {
    this.#linesMax = linesPerSecondMax;
  }

  /** `leftOut` is how many lines of the last window were refused; not zero only once for each window. */
  admit(nowMs: number): { readonly isAdmitted: boolean; readonly leftOut: number } {
    let leftOut = 0;
    if (nowMs - this.#windowMs >= WINDOW_MS) {
      leftOut = this.takeLeftOut();
      this.#windowMs = nowMs;
      this.#inWindow = 0;
    }
    this.#inWindow += 1;
    return { isAdmitted: this.#inWindow <= this.#linesMax, leftOut };
  }

  /** Refused and not told yet. */
  takeLeftOut(): number {
    const leftOut = Math.max(0, this.#inWindow - this.#linesMax);
    this.#inWindow = Math.min(this.#inWindow, this.#linesMax);
    return leftOut;
  }
}
