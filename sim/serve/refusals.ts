/**
 * Refused peers as events, without letting one that tries again every 25 ms fill the journal: the same reason is told
 * once in `QUIET_MS`, with the number of times it came in between.
 */
const QUIET_MS = 5000;
/** Distinct reasons remembered; beyond that the oldest is forgotten, and may be told again too early. */
const REASONS_MAX = 64;

export class Refusals {
  readonly #tell: (reason: string) => void;
  readonly #told = new Map<string, { readonly untilMs: number; held: number }>();

  constructor(tell: (reason: string) => void) {
    this.#tell = tell;
  }

  note(reason: string, nowMs: number): void {
    const known = this.#told.get(reason);
    if (known !== undefined && nowMs < known.untilMs) {
      known.held += 1;
      return;
    }
    this.#told.delete(reason);
    if (this.#told.size >= REASONS_MAX) this.#told.delete(this.#told.keys().next().value!);
    this.#told.set(reason, { untilMs: nowMs + QUIET_MS, held: 0 });
    const held = known?.held ?? 0;
    this.#tell(held === 0 ? reason : `${reason} (and ${held} times before)`);
  }
}
