/** Events as the stream brings them, numbered from 1, at given milliseconds. */
import type { EventBody, JournalEvent } from "#core/wire/events.ts";
import type { LabStatus } from "#core/wire/control.ts";
import type { PageSnapshot } from "#core/wire/page.ts";

const NS_PER_MS = 1e6;

export type At = readonly [ms: number, body: EventBody, source?: string];

export function eventsAt(script: readonly At[], firstSeq = 1): JournalEvent[] {
  return script.map(([ms, body, source = "lab"], index) =>
    Object.assign({ seq: firstSeq + index, atNs: ms * NS_PER_MS, source }, body),
  );
}

export const STATUS = { isReady: true, sites: [], vantages: [] } as unknown as LabStatus;

export function snapshotOf(events: readonly JournalEvent[], more: Partial<PageSnapshot> = {}): PageSnapshot {
  return {
    schema: "anycastle.page/v1",
    run: "run",
    seq: events.at(-1)?.seq ?? 0,
    atNs: 0,
    status: STATUS,
    places: [],
    canAct: true,
    canMeasure: true,
    totals: {
      load: { rate: null, planned: 0, sent: 0, ok: 0, failed: 0, failedPosts: 0 },
      gateway: { requests: 0, failed: 0, rescued: 0, hedged: 0, resets: 0 },
    },
    events,
    ...more,
  };
}

export const kill = (target: string): EventBody => ({
  kind: "fault.injected",
  target,
  how: "kill",
  nodes: [`${target}-1`, `${target}-2`],
});

export const mended = (node: string): EventBody => ({
  kind: "fault.removed",
  target: node,
  how: "kill",
  node,
});

export const moved = (vantage: string, from: string | null, to: string | null): EventBody => ({
  kind: "vantage.moved",
  vantage,
  from,
  to,
  revision: 1,
});

export const loadWindow = (p50Ms: number, p99Ms: number, failed = 0): EventBody => ({
  kind: "load.window",
  fromNs: 0,
  planned: 20,
  sent: 20,
  ok: 20 - failed,
  failed,
  p50Ms,
  p99Ms,
  ttfbMs: p50Ms - 1,
});

export const row = (startNs: number, vantage: string, site: string, ttfbMs: number | null): EventBody => ({
  kind: "test.row",
  label: "t",
  startNs,
  vantage,
  status: ttfbMs === null ? null : 200,
  site,
  node: `${site}-1`,
  connectMs: 1,
  ttfbMs,
  totalMs: ttfbMs,
  floorMs: 1,
  singleOriginMs: 34,
  error: ttfbMs === null ? "refused" : null,
  head: null,
});
