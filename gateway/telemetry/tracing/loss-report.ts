/**
 * When lost spans are told: the first at once, then those that have come together since, once a minute at most. A collector
 * that is away for a day costs a line a minute, not one for each batch.
 */
const PERIOD_MS = 60_000;

export class LossReport {
  #untold = 0;
  #nextMs = -Infinity;

  /** How many are to be told now; 0: none, not yet. */
  add(count: number, nowMs: number): number {
    this.#untold += count;
    if (nowMs < this.#nextMs) return 0;
    this.#nextMs = nowMs + PERIOD_MS;
    return this.rest();
  }

  /** At the end: what nobody was told of. */
  rest(): number {
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }
}
