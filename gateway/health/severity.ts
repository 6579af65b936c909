/**
 * How bad it is that a node changed its state: by what is left of its site, since one of ten nodes is a nuisance and the last one
 * of a site is a move of all its clients.
 */
import type { NodeHealth } from "#core/wire/events.ts";

export const SEVERITIES = ["critical", "major", "minor", "info"] as const;

export type Severity = (typeof SEVERITIES)[number];

/** `healthy` of `total` nodes of the site may be asked, after the change. */
export function severityOf(
  to: NodeHealth,
  { healthy, total }: { readonly healthy: number; readonly total: number },
): Severity {
  // Back, or out by somebody's order.
  if (to === "healthy" || to === "draining" || to === "unproven") return "info";
  if (healthy === 0) return "critical";
  return healthy * 2 <= total ? "major" : "minor";
}
