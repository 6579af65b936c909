/** A `SimClock` that stands still until a test moves it: timers fire in order of their time, at exactly that time. */
import type { SimClock } from "#sim/serve/sim-clock.ts";

export class VirtualClock implements SimClock {
  #nowMs: number;
  #timers: { readonly atMs: number; readonly fn: () => void }[] = [];

  constructor(startMs = 1_000_000) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  nowUs(): number {
    return Math.round(this.#nowMs * 1000);
  }

  after(ms: number, fn: () => void): { cancel(): void } {
    const timer = { atMs: this.#nowMs + ms, fn };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  afterReads(fn: () => void): void {
    fn();
  }

  /** Time passes, and nothing of this process runs meanwhile. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.fn();
    }
    this.#nowMs = untilMs;
  }
}
