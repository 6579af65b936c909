/** What the cache did with a request, as metrics count it and as Cache-Status tells the client (RFC 9211). */
export const CACHE_RESULTS = ["hit", "miss", "revalidated", "stale", "collapsed", "bypass"] as const;

export type CacheResult = (typeof CACHE_RESULTS)[number];

/** The cache had a hand in the answer. */
export type AnsweredResult = Exclude<CacheResult, "bypass">;

/** Why a node is asked (§2.2): `request` where only the request's own directives ask for more than is kept. */
export type Need = "uri-miss" | "vary-miss" | "stale" | "request";

/** `hit` and `fwd` exclude each other (§2.1, §2.2). `isCollapsed`: it is the answer to somebody else's request (§2.6). */
export function cacheStatus(result: AnsweredResult, need: Need, isCollapsed = false): string {
  const parts = ["anycastle"];
  if (result === "hit") parts.push("hit");
  else parts.push(`fwd=${need}`);
  if (result === "revalidated") parts.push("fwd-status=304");
  if (result === "collapsed" || isCollapsed) parts.push("collapsed");
  if (result === "stale") parts.push("detail=stale-if-error");
  return parts.join("; ");
}
