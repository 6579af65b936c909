/**
 * How the network noticed nodes that went silent: when each router lost its node and by what, beside the window that was
 * computed for it and beside what the hold timer alone would have taken. For faults that close no connection; the
 * others end the session themselves.
 *
 * A receiver does not count its own stalls against anybody, so those that it journalled before its verdict widen the
 * window; lateness that is too short to be a stall is allowed for in `TIMER_LATE_MS`.
 */
import type { DetectionPlan } from "#core/detection.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import type { FaultHow } from "#core/wire/faults.ts";

const NS_PER_MS = 1e6;
/** A timer that is later than this is journalled as a stall; the last packet before the fault may have been as late. */
const TIMER_LATE_MS = 50;
const SILENT: readonly FaultHow[] = ["hang", "isolate", "bgp-cut"];

export interface Silence extends DetectionPlan {
  readonly nodes: readonly SilentNode[];
}

export interface SilentNode {
  readonly node: string;
  /** Null: the router did not lose it, or by another sign. */
  readonly by: "BFD" | "the hold timer" | null;
  /** After the fault was ordered. */
  readonly atMs: number | null;
  /** Own stalls of the routers' process until then. */
  readonly stalledMs: number;
  /** In the computed window. */
  readonly isWithin: boolean;
}

export interface SilenceQuery {
  readonly how: FaultHow;
  readonly plan: DetectionPlan;
  readonly nodes: readonly string[];
  readonly events: readonly JournalEvent[];
  readonly faultNs: number;
  readonly reviveNs: number;
}

/** Undefined: the fault is none of silence. */
export function measureSilence(query: SilenceQuery): Silence | undefined {
  const { how, plan, nodes } = query;
  if (!SILENT.includes(how)) return undefined;
  return { ...plan, nodes: nodes.map((node) => measureNode(node, query)) };
}

function measureNode(node: string, { plan, events, faultNs, reviveNs }: SilenceQuery): SilentNode {
  const lost = events.find(
    (event) =>
      event.kind === "router.session" &&
      event.state === "down" &&
      event.node === node &&
      event.atNs >= faultNs &&
      event.atNs < reviveNs,
  );
  if (lost?.kind !== "router.session") return { node, by: null, atMs: null, stalledMs: 0, isWithin: false };
  const by = signOf(lost.reason);
  const atMs = (lost.atNs - faultNs) / NS_PER_MS;
  const stalledMs = stallsBetween(events, faultNs, lost.atNs);
  const { minMs, maxMs } = plan.inForce;
  const isWithin =
    by === plan.inForce.by && atMs >= minMs - TIMER_LATE_MS && atMs <= maxMs + TIMER_LATE_MS + stalledMs;
  return { node, by, atMs, stalledMs, isWithin };
}

/** The words of `bgp/session.ts`. */
function signOf(reason: string): SilentNode["by"] {
  if (reason.startsWith("BFD down")) return "BFD";
  return reason === "hold timer expired" ? "the hold timer" : null;
}

function stallsBetween(events: readonly JournalEvent[], fromNs: number, untilNs: number): number {
  let sumMs = 0;
  for (const event of events) {
    if (event.kind !== "stall" || event.process !== "sim") continue;
    // Told when it is over: one that was told within the stall's own length after the verdict began before it.
    if (event.atNs >= fromNs && event.atNs - event.durationMs * NS_PER_MS < untilNs)
      sumMs += event.durationMs;
  }
  return sumMs;
}
