/** Failed requests of a soak by what they were and after which order they happened; the table is bounded. */
import type { SoakFailure } from "./evidence.ts";

/** Reasons times orders; what does not fit any more is counted in one row. */
const ROWS_MAX = 2_000;
const OTHERS = "(others)";

export class FailureTable {
  readonly #rows = new Map<string, { method: string; reason: string; after: string; count: number }>();
  readonly #byMethod = new Map<string, number>();
  /** The order given last. */
  after = "the start";

  add(method: string, reason: string): void {
    this.#byMethod.set(method, this.countOf(method) + 1);
    const key = `${method} ${reason} ${this.after}`;
    const known = this.#rows.get(key) ?? this.#rows.get(OTHERS);
    if (this.#rows.has(key) || this.#rows.size >= ROWS_MAX) {
      if (known !== undefined) known.count += 1;
      else this.#rows.set(OTHERS, { method: OTHERS, reason: OTHERS, after: OTHERS, count: 1 });
      return;
    }
    this.#rows.set(key, { method, reason, after: this.after, count: 1 });
  }

  countOf(method: string): number {
    return this.#byMethod.get(method) ?? 0;
  }

  /** Most first. */
  rows(): SoakFailure[] {
    return [...this.#rows.values()].toSorted((a, b) => b.count - a.count);
  }
}
