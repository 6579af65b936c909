/**
 * How fast a line gets shorter: turns given while somebody waited, the last `TURNS_MAX` of them, over the time they took up to
 * now, so that a line that has come to a stop shows at once. What was seen before the line was empty stands in until there are
 * `TURNS_MIN` new ones, for a while; fewer may say that it is faster by now, not that it is slower. Pure.
 */
const TURNS_MAX = 64;
const TURNS_MIN = 8;
const REMEMBERED_MS = 10_000;

export class ServiceRate {
  readonly #turnMs = new Float64Array(TURNS_MAX);
  #turns = 0;
  /** Undefined: nobody waits. */
  #sinceMs: number | undefined;
  #before: { readonly perMs: number; readonly atMs: number } | undefined;

  /** Somebody waits from now on. */
  began(nowMs: number): void {
    this.#sinceMs ??= nowMs;
  }

  /** Whoever was next has got a turn. */
  turn(nowMs: number): void {
    this.#turnMs[this.#turns % TURNS_MAX] = nowMs;
    this.#turns += 1;
  }

  /** Nobody waits any more. */
  ended(nowMs: number): void {
    const perMs = this.#seen(nowMs, 1) ?? 0;
    if (this.#turns >= TURNS_MIN || perMs > (this.perMs(nowMs) ?? 0)) this.#before = { perMs, atMs: nowMs };
    this.#sinceMs = undefined;
    this.#turns = 0;
  }

  /** Turns a millisecond; undefined: not known. */
  perMs(nowMs: number): number | undefined {
    const seen = this.#seen(nowMs, TURNS_MIN);
    if (seen !== undefined) return seen;
    const before = this.#before;
    return before !== undefined && nowMs - before.atMs < REMEMBERED_MS ? before.perMs : undefined;
  }

  #seen(nowMs: number, turnsMin: number): number | undefined {
    if (this.#sinceMs === undefined || this.#turns < turnsMin) return undefined;
    const isWhole = this.#turns > TURNS_MAX;
    const counted = isWhole ? TURNS_MAX - 1 : this.#turns;
    const fromMs = isWhole ? this.#turnMs[this.#turns % TURNS_MAX]! : this.#sinceMs;
    return nowMs > fromMs ? counted / (nowMs - fromMs) : undefined;
  }
}
