/** Numbers as people read them. */

/** `3.1 ms`, `412 ms`, `2.41 s`. */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size < 10) return `${ms.toFixed(1)} ms`;
  if (size < 1_000) return `${Math.round(ms)} ms`;
  return `${(ms / 1_000).toFixed(2)} s`;
}

/** Thousands with a thin space; the same in every language. */
export function count(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, "\u2009");
}

/** Resident memory. */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`;
}

/** The 95 % upper bound of a failure ratio of which nothing was seen in n tries (rule of three). */
export function failureBound(sent: number): number | null {
  return sent === 0 ? null : Math.min(1, 3 / sent);
}

/** `0.012 %` with two significant digits. */
export function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(2))} %`;
}

export function signed(value: number): string {
  return `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(1)}`;
}
