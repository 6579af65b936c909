/**
 * The deadlines of all open requests on one timer: each request has one moment at which it wants to be looked at
 * (hedge, per-try timeout, total timeout, whichever is first), and a sweep every `SWEEP_MS` calls those that are due.
 *
 * Nearly every request ends before any of its deadlines, so setting one must cost nothing: it is a number in a field.
 * The sweep runs only while requests are open. A deadline is met up to `SWEEP_MS` late and never early.
 */
import type { Timer } from "#core/host/clock.ts";
import type { GatewayClock } from "../gateway-clock.ts";

const SWEEP_MS = 5;

export interface Deadlined {
  /** Monotonic milliseconds; `Infinity` for none. Read at each sweep, so it may change at any time. */
  dueMs: number;
  /** Place in the table; written by the table only. */
  deadlineSlot: number;
  /** `dueMs` is over. Called at each sweep until it is moved. May remove itself or others. */
  due(nowMs: number): void;
}

export class Deadlines {
  readonly #clock: GatewayClock;
  /** As many as there are open requests; unordered. */
  readonly #entries: Deadlined[] = [];
  #timer: Timer | undefined;

  constructor(clock: GatewayClock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  add(entry: Deadlined): void {
    entry.deadlineSlot = this.#entries.length;
    this.#entries.push(entry);
    this.#timer ??= this.#clock.after(SWEEP_MS, this.#sweep);
  }

  /** Does nothing for an entry that is not in the table. */
  remove(entry: Deadlined): void {
    const slot = entry.deadlineSlot;
    if (this.#entries[slot] !== entry) return;
    const last = this.#entries.pop()!;
    if (last !== entry) {
      this.#entries[slot] = last;
      last.deadlineSlot = slot;
    }
    entry.deadlineSlot = -1;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#entries.length = 0;
  }

  readonly #sweep = (): void => {
    const nowMs = this.#clock.nowMs();
    // From the end: what an entry's removal moves into its place has been looked at already.
    for (let slot = this.#entries.length - 1; slot >= 0; slot--) {
      const entry = this.#entries[slot];
      if (entry !== undefined && entry.dueMs <= nowMs) entry.due(nowMs);
    }
    this.#timer = this.#entries.length === 0 ? undefined : this.#clock.after(SWEEP_MS, this.#sweep);
  };
}
