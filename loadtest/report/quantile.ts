/** Nearest-rank quantiles (no interpolation: every figure shown is a sample that was measured). */

/** The smallest sample that at least `share` of all samples do not exceed; null when there is none. */
export function quantile(sorted: ArrayLike<number>, share: number): number | null {
  if (sorted.length === 0) return null;
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[Math.min(rank, sorted.length) - 1]!;
}

export function sortedNumbers(values: Iterable<number>): Float64Array {
  return Float64Array.from(values).sort();
}
