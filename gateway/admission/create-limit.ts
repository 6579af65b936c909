/** The limit that a configuration asks for; undefined: none. */
import { AimdLimit, type AimdOptions } from "./aimd-limit.ts";
import type { ConcurrencyLimit, LimitAlgorithm } from "./concurrency-limit.ts";
import { FixedLimit } from "./fixed-limit.ts";
import { GradientLimit, type GradientOptions } from "./gradient-limit.ts";

export type AdaptiveOptions = GradientOptions & AimdOptions & { readonly algorithm: LimitAlgorithm };

/** `activeMax`: of the limit that stays; 0: none. `aheadMs`: by how much the wall clock is ahead of `nowMs`. */
export function createLimit(
  activeMax: number,
  adaptive: AdaptiveOptions,
  aheadMs: number,
  nowMs: number,
): ConcurrencyLimit | undefined {
  switch (adaptive.algorithm) {
    case "gradient":
      return new GradientLimit(adaptive, aheadMs, nowMs);
    case "aimd":
      return new AimdLimit(adaptive, nowMs);
    case "off":
      return activeMax === 0 ? undefined : new FixedLimit(activeMax);
  }
}
