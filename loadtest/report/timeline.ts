/**
 * The story of a run in milliseconds after the fault: what was done to it, what clients, gateway and network noticed,
 * and how it came back. Only first or last occurrences are told; the journal keeps the rest.
 */
import { FAULT_MEANING } from "#core/wire/faults.ts";
import type { EventKind, JournalEvent } from "#core/wire/events.ts";
import type { RequestRecord } from "../load/request-record.ts";
import type { FailoverEvidence } from "./evidence.ts";
import type { TimelineEntry, TimelineLane } from "./failover-report.ts";
import { firstOuts, sinceMs, type RunSpan } from "./span.ts";

/** More vantage moves than this are told as first and last. */
const MOVES_TOLD_MAX = 16;
/** Shorter ones are in the journal, because detection times are read beside them. */
const STALL_TOLD_MS = 200;

type EventOf<K extends EventKind> = Extract<JournalEvent, { kind: K }>;

export function buildTimeline(evidence: FailoverEvidence, span: RunSpan): TimelineEntry[] {
  if (span.faultNs === null) return [];
  const entries: TimelineEntry[] = [];
  const tell = (atNs: number, lane: TimelineLane, label: string, detail: string): void => {
    entries.push({ atMs: sinceMs(atNs, span), lane, label, detail });
  };
  tellFault(evidence, span, tell);
  tellClients(evidence, span, tell);
  tellGateway(evidence, span, tell);
  tellNetwork(evidence, span, tell);
  tellReturn(evidence, span, tell);
  for (const event of kindOf(evidence.events, "stall", span.faultNs, Infinity)) {
    // A node that was frozen on purpose says so when it is thawed; that is nothing about the box.
    if (event.durationMs < STALL_TOLD_MS || span.faultedNodes.has(event.process)) continue;
    tell(event.atNs, "box", "the box stood still", `${event.process} for ${event.durationMs.toFixed(0)} ms`);
  }
  // Stable, so that what happened in one and the same microsecond keeps the order of the story.
  return entries.toSorted((a, b) => a.atMs - b.atMs);
}

type Tell = (atNs: number, lane: TimelineLane, label: string, detail: string) => void;

function tellFault({ events, meta }: FailoverEvidence, span: RunSpan, tell: Tell): void {
  tell(
    span.zeroNs,
    "fault",
    `${meta.how} ordered`,
    `${meta.target} (${meta.nodes.join(", ")}). ${FAULT_MEANING[meta.how]}`,
  );
  const confirmed = kindOf(events, "fault.confirmed", span.zeroNs, span.reviveNs).filter((event) =>
    span.faultedNodes.has(event.node),
  );
  const last = confirmed.at(-1);
  if (last !== undefined) tell(last.atNs, "fault", "fault confirmed", `${last.node}: ${last.evidence}`);
}

function tellClients({ requests }: FailoverEvidence, span: RunSpan, tell: Tell): void {
  const failed = requests
    .filter((request) => request.error !== null && (request.endNs ?? request.dueNs) >= span.zeroNs)
    .toSorted((a, b) => a.dueNs - b.dueNs);
  const first = failed[0];
  if (first === undefined) return;
  tell(first.dueNs, "client", "first failed request", describeFailure(first));
  const last = failed.at(-1)!;
  if (last !== first) tell(last.dueNs, "client", "last failed request", describeFailure(last));
}

function tellGateway({ events }: FailoverEvidence, span: RunSpan, tell: Tell): void {
  for (const event of firstOuts(events, span.faultedNodes, span.zeroNs, span.reviveNs)) {
    tell(event.atNs, "gateway", `gateway takes ${event.node} out`, `${event.to}: ${event.reason}`);
  }
  const rescue = kindOf(events, "gateway.window", span.zeroNs, span.reviveNs).find(
    (event) => event.rescued > 0,
  );
  if (rescue !== undefined) {
    tell(
      rescue.atNs,
      "gateway",
      "first rescues counted",
      `${rescue.rescued} answered by another node, of ${rescue.requests} in this interval`,
    );
  }
}

function tellNetwork({ events }: FailoverEvidence, span: RunSpan, tell: Tell): void {
  for (const event of kindOf(events, "bfd.session", span.zeroNs, span.reviveNs)) {
    if (event.by !== "router" || event.detectMs === null || !span.faultedNodes.has(event.node)) continue;
    tell(event.atNs, "network", `BFD misses ${event.node}`, event.reason);
  }
  for (const event of kindOf(events, "router.session", span.zeroNs, span.reviveNs)) {
    if (event.state !== "down" || !span.faultedNodes.has(event.node)) continue;
    tell(event.atNs, "network", `router loses ${event.node}`, event.reason);
  }
  for (const event of events) {
    if (event.atNs < span.zeroNs || event.atNs >= span.reviveNs) continue;
    if (event.kind === "site.withdrawn") tell(event.atNs, "network", `${event.site} withdrawn`, event.reason);
    if (event.kind === "site.announced" && event.isGracefulShutdown) {
      tell(event.atNs, "network", `${event.site} asks to be avoided`, "GRACEFUL_SHUTDOWN announced");
    }
  }
  tellMoves(kindOf(events, "vantage.moved", span.zeroNs, span.reviveNs), tell);
  tellSettled(events, span.zeroNs, span.reviveNs, tell);
}

function tellReturn({ events }: FailoverEvidence, span: RunSpan, tell: Tell): void {
  if (span.reviveNs === Infinity) return;
  tell(span.reviveNs, "recovery", "revival asked for", "");
  for (const event of events) {
    if (event.atNs < span.reviveNs) continue;
    if (event.kind === "node.serving" && event.state === "ready" && span.faultedNodes.has(event.node)) {
      tell(event.atNs, "recovery", `${event.node} ready`, event.reason);
    } else if (event.kind === "bgp.announced" && span.faultedNodes.has(event.node)) {
      tell(event.atNs, "recovery", `${event.node} announces`, "");
    }
  }
  tellFirstTrust(events, span, tell);
  tellMoves(kindOf(events, "vantage.moved", span.reviveNs, Infinity), tell);
  tellSettled(events, span.reviveNs, Infinity, tell);
}

function tellFirstTrust(events: readonly JournalEvent[], span: RunSpan, tell: Tell): void {
  const told = new Set<string>();
  for (const event of kindOf(events, "gateway.node", span.reviveNs, Infinity)) {
    if (event.to !== "healthy" || !span.faultedNodes.has(event.node) || told.has(event.node)) continue;
    told.add(event.node);
    tell(event.atNs, "gateway", `gateway trusts ${event.node}`, event.reason);
  }
}

function tellMoves(moves: readonly EventOf<"vantage.moved">[], tell: Tell): void {
  const told = moves.length <= MOVES_TOLD_MAX ? moves : [moves[0]!, moves.at(-1)!];
  for (const move of told) {
    const detail = `${move.from ?? "nowhere"} to ${move.to ?? "nowhere"}`;
    tell(move.atNs, "network", `${move.vantage} moves`, detail);
  }
}

/** Routes settle after every change; the last settling of the stretch is the one that ends the story. */
function tellSettled(events: readonly JournalEvent[], fromNs: number, untilNs: number, tell: Tell): void {
  const last = kindOf(events, "routes.settled", fromNs, untilNs).at(-1);
  if (last !== undefined) {
    tell(last.atNs, "network", "routes settled", `${last.durationMs.toFixed(0)} ms of propagation`);
  }
}

function describeFailure(request: RequestRecord): string {
  return `${request.method} from ${request.vantage}, ${request.cohort}: ${request.error ?? ""}`;
}

function kindOf<K extends EventKind>(
  events: readonly JournalEvent[],
  kind: K,
  fromNs: number,
  untilNs: number,
): EventOf<K>[] {
  return events.filter(
    (event): event is EventOf<K> => event.kind === kind && event.atNs >= fromNs && event.atNs < untilNs,
  );
}
