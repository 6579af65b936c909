/** How long a process that died unasked waits for its next start: doubling, bounded, forgiven after a while up. */
const FIRST_MS = 100;
const MAX_MS = 5_000;
const FORGIVEN_AFTER_MS = 10_000;

export class RestartPolicy {
  #attempts = 0;

  /** It was up for `upMs` and died. */
  died(upMs: number): { readonly attempt: number; readonly delayMs: number } {
    if (upMs >= FORGIVEN_AFTER_MS) this.#attempts = 0;
    const delayMs = Math.min(MAX_MS, FIRST_MS * 2 ** this.#attempts);
    this.#attempts = Math.min(this.#attempts + 1, 16);
    return { attempt: this.#attempts, delayMs };
  }

  /** Somebody asked for it: begin anew. */
  reset(): void {
    this.#attempts = 0;
  }
}
