/**
 * The directives of Cache-Control (RFC 9111 §5.2), as far as a shared cache heeds them. Unknown ones are ignored; of one that
 * comes twice the first counts, and a number that is none makes a response stale and asks no more of a request (§4.2.1).
 */
export interface CacheControl {
  readonly noStore: boolean;
  /** Also with field names, which is more careful than need be. */
  readonly noCache: boolean;
  readonly isPrivate: boolean;
  /** Requests with Authorization too (§3.5): `public`, `must-revalidate`, `s-maxage`. */
  readonly isForAll: boolean;
  readonly mustRevalidate: boolean;
  readonly onlyIfCached: boolean;
  /** Seconds. */
  readonly maxAge: number | undefined;
  readonly sharedMaxAge: number | undefined;
  readonly minFresh: number | undefined;
  /** Infinity: however stale. */
  readonly maxStale: number | undefined;
  /** RFC 5861 §4. */
  readonly staleIfError: number | undefined;
}

/** The largest number of seconds (§1.2.2). */
const SECONDS_MAX = 2 ** 31;
const DIRECTIVE = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?/g;

export function readCacheControl(text: string | undefined): CacheControl {
  const given = new Map<string, string | undefined>();
  for (const [, name, quoted, plain] of (text ?? "").matchAll(DIRECTIVE)) {
    const key = name!.toLowerCase();
    if (!given.has(key)) given.set(key, quoted ?? plain);
  }
  const seconds = (name: string): number | undefined => {
    if (!given.has(name)) return undefined;
    const value = given.get(name) ?? "";
    return /^\d+$/.test(value) ? Math.min(SECONDS_MAX, Number(value)) : 0;
  };
  return {
    noStore: given.has("no-store"),
    noCache: given.has("no-cache"),
    isPrivate: given.has("private"),
    isForAll: given.has("public") || given.has("must-revalidate") || given.has("s-maxage"),
    mustRevalidate: given.has("must-revalidate") || given.has("proxy-revalidate") || given.has("s-maxage"),
    onlyIfCached: given.has("only-if-cached"),
    maxAge: seconds("max-age"),
    sharedMaxAge: seconds("s-maxage"),
    minFresh: seconds("min-fresh"),
    maxStale:
      given.has("max-stale") && given.get("max-stale") === undefined ? Infinity : seconds("max-stale"),
    staleIfError: seconds("stale-if-error"),
  };
}
