/**
 * The moments that cut a run into its stretches, read from the journal:
 *
 *   before | failover        | down          | failback            | after
 *          ^ fault ordered   ^ settled       ^ revival asked for   ^ returned
 *
 * Zero is when the fault was *ordered*, not when it was confirmed: what the order itself took is charged to us.
 */
import type { JournalEvent } from "#core/wire/events.ts";
import type { FailoverEvidence } from "./evidence.ts";
import type { Phase } from "./failover-report.ts";
import type { RequestRecord } from "../load/request-record.ts";

const NS_PER_MS = 1e6;

export interface RunSpan {
  /** Null: no fault was ordered; then the whole run is `before`. */
  readonly faultNs: number | null;
  readonly zeroNs: number;
  /** The last vantage has moved, the gateway has taken out the last faulted node, the last failure is over. */
  readonly settledNs: number;
  readonly reviveNs: number;
  readonly returnedNs: number;
  readonly faultedNodes: ReadonlySet<string>;
}

export function spanOf(evidence: FailoverEvidence): RunSpan {
  const { events, meta, loadResult } = evidence;
  const nodes = new Set(meta.nodes);
  const fault = events.find((event) => event.kind === "fault.injected" && event.target === meta.target);
  if (fault === undefined) {
    return {
      faultNs: null,
      zeroNs: loadResult.startNs,
      settledNs: Infinity,
      reviveNs: Infinity,
      returnedNs: Infinity,
      faultedNodes: nodes,
    };
  }
  const faultNs = fault.atNs;
  const reviveNs =
    events.find((event) => event.kind === "revive.asked" && event.atNs > faultNs)?.atNs ?? Infinity;
  const settledNs = Math.max(
    faultNs,
    ...movesNs(events, faultNs, reviveNs),
    ...firstOuts(events, nodes, faultNs, reviveNs).map((event) => event.atNs),
    ...lastFailureNs(evidence.requests, faultNs, reviveNs),
  );
  const returnedNs =
    reviveNs === Infinity
      ? Infinity
      : Math.max(
          reviveNs,
          ...movesNs(events, reviveNs, Infinity),
          ...firstPerNode(events, nodes, reviveNs, Infinity, isTrusted).map((event) => event.atNs),
        );
  return { faultNs, zeroNs: faultNs, settledNs, reviveNs, returnedNs, faultedNodes: nodes };
}

/** A request belongs to the fault when it was in flight as the fault struck, however early it was due. */
export function phaseOf(request: RequestRecord, span: RunSpan): Phase {
  if (span.faultNs === null || (request.endNs ?? request.dueNs) < span.faultNs) return "before";
  if (request.dueNs < span.settledNs) return "failover";
  if (request.dueNs < span.reviveNs) return "down";
  return request.dueNs < span.returnedNs ? "failback" : "after";
}

export function sinceMs(atNs: number, span: RunSpan): number {
  return roundMs((atNs - span.zeroNs) / NS_PER_MS);
}

/** To the microsecond: finer digits are noise of the clock's reader. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

type GatewayNodeEvent = Extract<JournalEvent, { kind: "gateway.node" }>;

/** When the gateway first took each faulted node out; a later flap of the same node is not a second detection. */
export function firstOuts(
  events: readonly JournalEvent[],
  nodes: ReadonlySet<string>,
  fromNs: number,
  untilNs: number,
): GatewayNodeEvent[] {
  return firstPerNode(
    events,
    nodes,
    fromNs,
    untilNs,
    ({ to }) => to === "ejected" || to === "unhealthy" || to === "draining",
  );
}

function firstPerNode(
  events: readonly JournalEvent[],
  nodes: ReadonlySet<string>,
  fromNs: number,
  untilNs: number,
  isWanted: (event: GatewayNodeEvent) => boolean,
): GatewayNodeEvent[] {
  const first = new Map<string, GatewayNodeEvent>();
  for (const event of events) {
    if (event.kind !== "gateway.node" || !nodes.has(event.node) || !isWanted(event)) continue;
    if (event.atNs < fromNs || event.atNs >= untilNs) continue;
    const known = first.get(event.node);
    if (known === undefined || event.atNs < known.atNs) first.set(event.node, event);
  }
  return [...first.values()].toSorted((a, b) => a.atNs - b.atNs);
}

function isTrusted(event: GatewayNodeEvent): boolean {
  return event.to === "healthy";
}

function movesNs(events: readonly JournalEvent[], fromNs: number, untilNs: number): number[] {
  return events
    .filter((event) => event.kind === "vantage.moved" && event.atNs >= fromNs && event.atNs < untilNs)
    .map((event) => event.atNs);
}

function lastFailureNs(requests: readonly RequestRecord[], fromNs: number, untilNs: number): number[] {
  let lastNs = -1;
  for (const request of requests) {
    if (request.error === null || request.dueNs < fromNs || request.dueNs >= untilNs) continue;
    // One past the due time, so that the failed request itself still belongs to the failover.
    lastNs = Math.max(lastNs, request.dueNs + 1);
  }
  return lastNs < 0 ? [] : [lastNs];
}
