/** What a late page is told of the past: enough, and bounded. */
import { expect, test } from "vitest";
import type { EventBody } from "#core/wire/events.ts";
import { Journal } from "#lab/journal.ts";
import { PageMemory } from "#lab/page/page-memory.ts";

function remember(bodies: readonly EventBody[]): PageMemory {
  const journal = new Journal(undefined);
  const memory = new PageMemory();
  journal.subscribe((event) => memory.hear(event));
  for (const body of bodies) journal.emit(body);
  return memory;
}

const kill = (target: string): EventBody => ({
  kind: "fault.injected",
  target,
  how: "kill",
  nodes: [`${target}-1`],
});
const mended = (target: string): EventBody => ({
  kind: "fault.removed",
  target,
  how: "kill",
  node: `${target}-1`,
});
const row = (startNs: number, vantage = "new-york"): EventBody => ({
  kind: "test.row",
  label: "t",
  startNs,
  vantage,
  status: 200,
  site: "ny1",
  node: "ny1-1",
  connectMs: 3,
  ttfbMs: 34,
  totalMs: 35,
  floorMs: 1,
  singleOriginMs: 34,
  error: null,
  head: "HTTP/1.1 200 OK",
});
const loadWindow: EventBody = {
  kind: "load.window",
  fromNs: 0,
  planned: 10,
  sent: 9,
  ok: 8,
  failed: 1,
  p50Ms: 30,
  p99Ms: 60,
};
const gatewayWindow = (rescued: number): EventBody => ({
  kind: "gateway.window",
  fromNs: 0,
  requests: 10,
  failed: 0,
  rescued,
  hedged: 1,
  resets: 0,
});

function times(count: number, body: EventBody): EventBody[] {
  return Array.from({ length: count }, () => body);
}

function kindsOf(memory: PageMemory): string[] {
  return memory.events().map(({ kind }) => kind);
}

test("a story begins with a fault while nothing else was wrong", () => {
  const withdrawn: EventBody = { kind: "site.withdrawn", site: "ny1", reason: "" };
  expect(kindsOf(remember([kill("ny1"), withdrawn, mended("ny1"), kill("la1")]))).toEqual(["fault.injected"]);
  expect(kindsOf(remember([kill("ny1"), withdrawn, kill("la1")]))).toEqual([
    "fault.injected",
    "site.withdrawn",
    "fault.injected",
  ]);
});

test("a drain is a story too, and a reset ends all of them", () => {
  const drain: EventBody = { kind: "drain.started", target: "ny1", nodes: ["ny1-1"] };
  const reset: EventBody = { kind: "reset.done", nodes: ["ny1-1"] };
  expect(kindsOf(remember([drain, reset, kill("la1")]))).toEqual(["fault.injected"]);
});

test("the test before the fault is kept beside the newest", () => {
  const memory = remember([row(1), row(2), kill("ny1"), row(3), row(4), row(4, "london")]);
  const starts = memory.events().flatMap((event) => (event.kind === "test.row" ? [event.startNs] : []));
  expect(starts).toEqual([2, 4, 4]);
});

test("sums begin anew with a load, and go on past what is kept", () => {
  const start: EventBody = { kind: "load.started", rate: 100, planned: 1000, startNs: 0 };
  const memory = remember([
    loadWindow,
    gatewayWindow(5),
    start,
    ...times(2_000, loadWindow),
    gatewayWindow(2),
    gatewayWindow(3),
  ]);
  expect(memory.totals()).toEqual({
    load: { rate: 100, planned: 20_000, sent: 18_000, ok: 16_000, failed: 2_000, failedPosts: 0 },
    gateway: { requests: 20, failed: 0, rescued: 5, hedged: 2, resets: 0 },
  });
  expect(kindsOf(memory).filter((kind) => kind === "load.window")).toHaveLength(900);
  expect(kindsOf(memory).filter((kind) => kind === "gateway.window")).toHaveLength(1);
});

test("failures and logs are kept by the first and the last few, not all", () => {
  const failed: EventBody = {
    kind: "load.failed",
    index: 1,
    vantage: "new-york",
    method: "GET",
    dueNs: 0,
    reason: "reset",
    node: null,
  };
  const log: EventBody = { kind: "process.log", process: "ny1-1", line: "x" };
  const memory = remember([kill("ny1"), ...times(50, failed), ...times(50, log)]);
  expect(kindsOf(memory).filter((kind) => kind === "load.failed")).toHaveLength(1);
  expect(kindsOf(memory).filter((kind) => kind === "process.log")).toHaveLength(20);
});

test("a story without end keeps its beginning and its end", () => {
  const step = (reason: string): EventBody => ({ kind: "site.withdrawn", site: "ny1", reason });
  const memory = remember([kill("ny1"), ...Array.from({ length: 3_000 }, (_, index) => step(`${index}`))]);
  const events = memory.events();
  expect(events).toHaveLength(1_000);
  expect(events[0]).toMatchObject({ kind: "fault.injected" });
  expect(events.at(-1)).toMatchObject({ reason: "2999" });
});
