/**
 * How long a process that died unasked waits for its next start: 100 ms, doubling to 5 s, forgiven after 10 s up.
 * There is no last try: a lab that runs for days heals itself, and the bound on the pace keeps it cheap.
 */
const DELAY_FIRST_MS = 100;
const DELAY_MAX_MS = 5_000;
const FORGIVEN_AFTER_MS = 10_000;
/** 2^6 x 100 ms is past the largest delay: the exponent need not grow on. */
const EXPONENT_MAX = 6;

export class RestartPolicy {
  #attempt = 0;

  /** It was up for `upMs` and died. `attempt` counts its deaths since it last stayed up. */
  died(upMs: number): { readonly attempt: number; readonly delayMs: number } {
    if (upMs >= FORGIVEN_AFTER_MS) this.#attempt = 0;
    const delayMs = Math.min(DELAY_MAX_MS, DELAY_FIRST_MS * 2 ** Math.min(this.#attempt, EXPONENT_MAX));
    this.#attempt += 1;
    return { attempt: this.#attempt, delayMs };
  }

  /** Somebody asked for it: begin anew. */
  reset(): void {
    this.#attempt = 0;
  }
}
