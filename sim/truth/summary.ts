/** Figures of several runs, in the words of a row. */

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** `(110 to 171, median of 20 runs)`. */
export function spreadOf(values: readonly number[], digits: number): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `(${least.toFixed(digits)} to ${most.toFixed(digits)}, median of ${values.length} runs)`;
}
