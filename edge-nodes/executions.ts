/**
 * Counts how often each request that must not be repeated was executed here, by its `Idempotency-Key` or
 * `x-request-id`, so that a measurement can tell "lost" from "done twice", across nodes too.
 */
const KEYS_MAX = 100_000;

export class Executions {
  /** Insertion order: the oldest key is the first to be forgotten. */
  readonly #counts = new Map<string, number>();
  #forgotten = 0;

  record(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    if (this.#counts.size <= KEYS_MAX) return;
    this.#counts.delete(this.#counts.keys().next().value!);
    this.#forgotten += 1;
  }

  report(): { readonly keys: Record<string, number>; readonly forgotten: number } {
    return { keys: Object.fromEntries(this.#counts), forgotten: this.#forgotten };
  }

  clear(): void {
    this.#counts.clear();
    this.#forgotten = 0;
  }
}
