/** The limit that follows, as a configuration asks for it; undefined: none. */
import { AimdLimit, type AimdOptions } from "./aimd-limit.ts";
import type { ConcurrencyLimit, LimitAlgorithm } from "./concurrency-limit.ts";
import { GradientLimit, type GradientOptions } from "./gradient-limit.ts";

export type AdaptiveOptions = GradientOptions & AimdOptions & { readonly algorithm: LimitAlgorithm };

/** `aheadMs`: by how much the wall clock is ahead of `nowMs`. */
export function createLimit(
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
      return undefined;
  }
}
