/**
 * Everything the page shows, and how one message of the stream changes it. Pure: a new state comes back, and the parts
 * that did not change are the same objects, so that what draws them need not look. Every list has a bound.
 */
import type { JournalEvent, ProcessUsage } from "../../core/wire/events.ts";
import type { PageSnapshot, PageStatus, PageTotals, Place } from "../../core/wire/page.ts";
import { logLineOf } from "./log-line.ts";
import { beginStory, continueStory, NO_STORY, type Story } from "./story.ts";

/** 90 s of windows of 100 ms. */
const WINDOWS_MAX = 900;
const LOG_LINES_MAX = 20;
const LOGS_MAX = 96;
const MARKS_MAX = 40;

export type LoadWindow = Extract<JournalEvent, { kind: "load.window" }>;
export type TestRow = Extract<JournalEvent, { kind: "test.row" }>;

/** A moment worth a line across the chart. */
export interface Mark {
  readonly atNs: number;
  readonly sort: "fault" | "revive";
  readonly label: string;
}

export interface Tests {
  /** The last one before the story began; by vantage. */
  readonly before: ReadonlyMap<string, TestRow>;
  readonly last: ReadonlyMap<string, TestRow>;
  /** Start of `last`, monotonic ns. */
  readonly lastNs: number | null;
}

export interface PageState {
  readonly run: string;
  /** Events up to this one are in `totals` by way of the snapshot. */
  readonly countedSeq: number;
  readonly status: PageStatus;
  readonly places: readonly Place[];
  readonly canAct: boolean;
  readonly canMeasure: boolean;
  readonly totals: PageTotals;
  readonly windows: readonly LoadWindow[];
  readonly marks: readonly Mark[];
  readonly tests: Tests;
  readonly story: Story;
  readonly usage: ReadonlyMap<string, ProcessUsage>;
  readonly logs: ReadonlyMap<string, readonly string[]>;
}

const NO_TESTS: Tests = { before: new Map(), last: new Map(), lastNs: null };

export function fromSnapshot(snapshot: PageSnapshot): PageState {
  const { run, seq, status, places, canAct, canMeasure, totals, events } = snapshot;
  const empty: PageState = {
    run,
    countedSeq: seq,
    status,
    places,
    canAct,
    canMeasure,
    totals,
    windows: [],
    marks: [],
    tests: NO_TESTS,
    story: NO_STORY,
    usage: new Map(),
    logs: new Map(),
  };
  return events.reduce(hear, empty);
}

export function withStatus(state: PageState, status: PageStatus): PageState {
  return { ...state, status };
}

export function hear(state: PageState, event: JournalEvent): PageState {
  const next = hearLog(hearStory(state, event), event);
  switch (event.kind) {
    case "load.window":
      return { ...counted(next, event), windows: kept([...next.windows, event], WINDOWS_MAX) };
    case "gateway.window":
    case "load.started":
    case "load.finished":
    case "load.failed":
      return counted(next, event);
    case "test.row":
      return { ...next, tests: withRow(next.tests, event) };
    case "process.usage":
      return { ...next, usage: new Map(event.processes.map((usage) => [usage.process, usage])) };
    default:
      return next;
  }
}

function hearLog(state: PageState, event: JournalEvent): PageState {
  const said = logLineOf(event);
  return said === undefined ? state : { ...state, logs: withLine(state.logs, said.process, said.line) };
}

function hearStory(state: PageState, event: JournalEvent): PageState {
  const isBegin = event.kind === "fault.injected" || event.kind === "drain.started";
  const begins = isBegin && state.story.troubled.size === 0;
  const story = begins ? beginStory(event) : continueStory(state.story, event);
  const mark = markOf(event);
  if (story === state.story && mark === undefined) return state;
  return {
    ...state,
    story,
    tests: begins && state.tests.last.size > 0 ? { ...state.tests, before: state.tests.last } : state.tests,
    marks: mark === undefined ? state.marks : kept([...state.marks, mark], MARKS_MAX),
  };
}

function markOf(event: JournalEvent): Mark | undefined {
  const { atNs } = event;
  switch (event.kind) {
    case "fault.injected":
      return { atNs, sort: "fault", label: `${event.how} ${event.target}` };
    case "drain.started":
      return { atNs, sort: "fault", label: `drain ${event.target}` };
    case "revive.asked":
      return { atNs, sort: "revive", label: `revive ${event.target}` };
    case "reset.done":
      return { atNs, sort: "revive", label: "reset" };
    default:
      return undefined;
  }
}

/** What the snapshot has counted already is not counted again. */
function counted(state: PageState, event: JournalEvent): PageState {
  if (event.seq <= state.countedSeq) return state;
  const { load, gateway } = state.totals;
  switch (event.kind) {
    case "load.started":
      return {
        ...state,
        totals: {
          load: { rate: event.rate, planned: 0, sent: 0, ok: 0, failed: 0, failedPosts: 0 },
          gateway: { requests: 0, failed: 0, rescued: 0, hedged: 0, resets: 0 },
        },
      };
    case "load.finished":
      return { ...state, totals: { load: { ...load, rate: null }, gateway } };
    case "load.failed":
      if (event.method !== "POST") return state;
      return { ...state, totals: { gateway, load: { ...load, failedPosts: load.failedPosts + 1 } } };
    case "load.window":
      return {
        ...state,
        totals: {
          gateway,
          load: {
            ...load,
            planned: load.planned + event.planned,
            sent: load.sent + event.sent,
            ok: load.ok + event.ok,
            failed: load.failed + event.failed,
          },
        },
      };
    case "gateway.window":
      return {
        ...state,
        totals: {
          load,
          gateway: {
            requests: gateway.requests + event.requests,
            failed: gateway.failed + event.failed,
            rescued: gateway.rescued + event.rescued,
            hedged: gateway.hedged + event.hedged,
            resets: gateway.resets + event.resets,
          },
        },
      };
    default:
      return state;
  }
}

/** Rows of one test have its start in common; a new start is a new test. */
function withRow(tests: Tests, row: TestRow): Tests {
  const last = new Map(tests.lastNs === row.startNs ? tests.last : []);
  last.set(row.vantage, row);
  return { ...tests, last, lastNs: row.startNs };
}

function withLine(
  logs: ReadonlyMap<string, readonly string[]>,
  process: string,
  line: string,
): ReadonlyMap<string, readonly string[]> {
  if (!logs.has(process) && logs.size >= LOGS_MAX) return logs;
  return new Map(logs).set(process, kept([...(logs.get(process) ?? []), line], LOG_LINES_MAX));
}

/** The newest. */
function kept<T>(list: readonly T[], countMax: number): readonly T[] {
  return list.length > countMax ? list.slice(-countMax) : list;
}
