/**
 * What can be done to a service and to the sessions it hangs on, as a list in order of time. A change (a loss, a drain,
 * a flap, a move, a leak) is such a list; whoever plays it needs to know no more.
 */
import type { PropagationEngine } from "#sim/propagation/engine.ts";
import type { RouteMarks } from "#sim/propagation/paths.ts";
import type { ServiceSites } from "#sim/propagation/service-sites.ts";

export type Deed =
  /** A site begins to announce, or announces something else than before. */
  | { readonly kind: "announce"; readonly vertex: number; readonly marks: RouteMarks }
  | { readonly kind: "withdraw"; readonly vertex: number }
  /** From now on the site serves nobody who comes, whatever it announces; and again. */
  | { readonly kind: "fail" | "recover"; readonly vertex: number }
  /** The owner of the slot holds the session for dead; the other end finds out by itself. */
  | { readonly kind: "close"; readonly slot: number }
  | { readonly kind: "open"; readonly slot: number }
  /** The AS tells everybody what it has from providers and peers (RFC 7908), and no more. */
  | { readonly kind: "leak" | "stop-leak"; readonly vertex: number };

export type Act = Deed & {
  /** Since the change began, whole µs. */
  readonly atUs: number;
  /** One line for people, `ny1 fails`; without it the act is a detail. */
  readonly what?: string;
};

/** What an act does to routes. */
export function carryOut(engine: PropagationEngine, act: Act): void {
  switch (act.kind) {
    case "announce":
      return engine.announce(act.vertex, act.marks, act.atUs);
    case "withdraw":
      return engine.withdraw(act.vertex, act.atUs);
    case "close":
      return engine.closeSession(act.slot, act.atUs);
    case "open":
      return engine.openSession(act.slot, act.atUs);
    case "leak":
    case "stop-leak":
      return engine.setLeaking(act.vertex, act.kind === "leak", act.atUs);
    case "fail":
    case "recover":
  }
}

/** What an act says about whether a site serves. */
export function tellSites(sites: ServiceSites, act: Act): void {
  switch (act.kind) {
    case "fail":
    case "recover":
      return sites.setServing(act.vertex, act.kind === "recover");
    case "announce":
      return sites.announced(act.vertex, act.marks);
    case "withdraw":
    case "close":
    case "open":
    case "leak":
    case "stop-leak":
  }
}
