/**
 * A target without its query. Queries hold what is nobody else's: tokens of links, addresses, what was searched for; patterns
 * do not look at them, and logs and traces do not show them.
 */
export function pathOf(target: string): string {
  const end = target.indexOf("?");
  return end === -1 ? target : target.slice(0, end);
}
