/**
 * What a page that opens late must be told of the past, and no more: the story since the last fault, the test before
 * it and the newest one, the last minute and a half of load, the newest use of the processes, the ends of their logs,
 * and sums of what was counted meanwhile. Bounded in every part.
 *
 * A story begins with a fault or a drain while nothing else was wrong: what comes on top of it belongs to it.
 */
import type { PageTotals } from "#core/wire/page.ts";
import type { EventKind, JournalEvent } from "#core/wire/events.ts";

/** Of one story; in the middle of a long one there is a gap then. */
const STORY_EVENTS_MAX = 1_000;
/** 90 s of windows of 100 ms. */
const WINDOWS_MAX = 900;
const LOG_LINES_MAX = 20;
/** Processes with a log: a whole cast of eight nodes a site, and the rest. */
const LOGS_MAX = 96;
/** Cities of one test. */
const ROWS_MAX = 64;

type LoadWindow = Extract<JournalEvent, { kind: "load.window" }>;
type TestRow = Extract<JournalEvent, { kind: "test.row" }>;

const NO_LOAD = { rate: null, planned: 0, sent: 0, ok: 0, failed: 0, failedPosts: 0 } as const;
const NO_REQUESTS = { requests: 0, failed: 0, rescued: 0, hedged: 0, resets: 0 } as const;

/** What the page tells as a story. Windows, stalls and the like would push it out. */
const STORY_KINDS: ReadonlySet<EventKind> = new Set<EventKind>([
  "lab.started",
  "lab.ready",
  "fault.injected",
  "fault.confirmed",
  "fault.removed",
  "drain.started",
  "drain.finished",
  "revive.asked",
  "reset.done",
  "gateway.node",
  "router.session",
  "bfd.session",
  "site.announced",
  "site.withdrawn",
  "vantage.moved",
  "routes.settled",
]);

/** What a node says of itself is a line of its log. */
const LOG_KINDS: ReadonlySet<EventKind> = new Set<EventKind>([
  "process.log",
  "process.started",
  "process.ready",
  "process.exited",
  "node.serving",
  "node.cable",
  "bgp.session",
  "bgp.announced",
  "bgp.withdrawn",
]);

export class PageMemory {
  #story: JournalEvent[] = [];
  #firstFailures = new Set<string>();
  readonly #windows: LoadWindow[] = [];
  readonly #logs = new Map<string, JournalEvent[]>();
  #usage: JournalEvent | undefined;
  #loadStart: JournalEvent | undefined;
  /** Nodes under a fault or a drain. */
  readonly #troubled = new Set<string>();
  #testBefore: readonly TestRow[] = [];
  #testLast: TestRow[] = [];
  #load: PageTotals["load"] = NO_LOAD;
  #gateway: PageTotals["gateway"] = NO_REQUESTS;

  hear(event: JournalEvent): void {
    switch (event.kind) {
      case "process.usage":
        this.#usage = event;
        return;
      case "test.row":
        return this.#hearRow(event);
      case "load.window":
        return this.#hearWindow(event);
      case "gateway.window":
        return this.#hearGateway(event);
      case "load.failed":
        if (event.method === "POST") {
          this.#load = { ...this.#load, failedPosts: this.#load.failedPosts + 1 };
        }
        return this.#hearFailure(event);
      case "gateway.failed":
        return this.#hearFailure(event);
      case "load.started":
        this.#loadStart = event;
        this.#load = { ...NO_LOAD, rate: event.rate };
        this.#gateway = NO_REQUESTS;
        break;
      case "load.finished":
        this.#load = { ...this.#load, rate: null };
        break;
      default:
    }
    if (LOG_KINDS.has(event.kind)) this.#hearLog("process" in event ? event.process : event.source, event);
    this.#hearTrouble(event);
    if (STORY_KINDS.has(event.kind)) this.#remember(event);
  }

  totals(): PageTotals {
    return { load: this.#load, gateway: this.#gateway };
  }

  /** In order, each once. */
  events(): JournalEvent[] {
    const start = this.#loadStart;
    const known = new Set<JournalEvent>([
      ...this.#testBefore,
      ...this.#testLast,
      ...this.#story,
      ...this.#windows,
      ...[...this.#logs.values()].flat(),
      ...(this.#usage === undefined ? [] : [this.#usage]),
      ...(start === undefined ? [] : [start]),
    ]);
    return [...known].sort((a, b) => a.seq - b.seq);
  }

  #hearTrouble(event: JournalEvent): void {
    switch (event.kind) {
      case "fault.injected":
      case "drain.started":
        if (this.#troubled.size === 0) this.#beginStory();
        for (const node of event.nodes) this.#troubled.add(node);
        return;
      case "fault.removed":
        this.#troubled.delete(event.node);
        return;
      case "revive.asked":
        for (const node of event.nodes) this.#troubled.delete(node);
        return;
      case "reset.done":
        this.#troubled.clear();
        return;
      default:
    }
  }

  #beginStory(): void {
    this.#story = [];
    this.#firstFailures.clear();
    if (this.#testLast.length > 0) this.#testBefore = this.#testLast;
  }

  #remember(event: JournalEvent): void {
    this.#story.push(event);
    // The first is the fault: it stays.
    if (this.#story.length > STORY_EVENTS_MAX) this.#story.splice(1, 1);
  }

  /** Of each kind the first one of a story: the others are counted. */
  #hearFailure(event: JournalEvent): void {
    if (this.#firstFailures.has(event.kind)) return;
    this.#firstFailures.add(event.kind);
    this.#remember(event);
  }

  #hearLog(process: unknown, event: JournalEvent): void {
    if (typeof process !== "string") return;
    const lines = this.#logs.get(process) ?? [];
    lines.push(event);
    if (lines.length > LOG_LINES_MAX) lines.shift();
    if (this.#logs.size < LOGS_MAX) this.#logs.set(process, lines);
  }

  #hearRow(event: TestRow): void {
    if (this.#testLast[0]?.startNs !== event.startNs) this.#testLast = [];
    if (this.#testLast.length < ROWS_MAX) this.#testLast.push(event);
  }

  #hearWindow(event: LoadWindow): void {
    this.#windows.push(event);
    if (this.#windows.length > WINDOWS_MAX) this.#windows.shift();
    const { planned, sent, ok, failed } = this.#load;
    this.#load = {
      ...this.#load,
      planned: planned + event.planned,
      sent: sent + event.sent,
      ok: ok + event.ok,
      failed: failed + event.failed,
    };
  }

  #hearGateway(event: Extract<JournalEvent, { kind: "gateway.window" }>): void {
    const { requests, failed, rescued, hedged, resets } = this.#gateway;
    this.#gateway = {
      requests: requests + event.requests,
      failed: failed + event.failed,
      rescued: rescued + event.rescued,
      hedged: hedged + event.hedged,
      resets: resets + event.resets,
    };
    // A window in which requests were rescued is part of the story; the first tells when rescue began.
    if (event.rescued > 0) this.#hearFailure(event);
  }
}
