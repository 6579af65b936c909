/** The number of the configuration. */
import { invariant } from "#core/assert.ts";
import type { ConcurrencyLimit } from "./concurrency-limit.ts";

export class FixedLimit implements ConcurrencyLimit {
  readonly limit: number;
  readonly phase = "fixed";

  constructor(limit: number) {
    invariant(Number.isInteger(limit) && limit >= 1, `nobody could be under way with the limit ${limit}`);
    this.limit = limit;
  }

  sample(): void {
    // Whatever nodes take.
  }
}
