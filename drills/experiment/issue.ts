/** What is wrong in a document, by path: the place in the text is found when it is told. */
import { suggest } from "#core/suggest.ts";

export interface Issue {
  readonly path: readonly string[];
  /** What is wrong and what to type instead. */
  readonly message: string;
  readonly didYouMean?: string;
  /** The key itself is wrong, not what stands behind it. */
  readonly part?: "key";
}

/** With the known word nearest to `given`, if one is near. */
export function nearMiss(
  path: readonly string[],
  message: string,
  given: string,
  known: Iterable<string>,
): Issue {
  const near = suggest(given, known);
  return near === undefined ? { path, message } : { path, message, didYouMean: near };
}
