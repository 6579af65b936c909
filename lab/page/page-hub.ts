/**
 * The stream of the pages (`core/wire/page.ts`): one subscription to the journal for all of them, each event turned
 * into text once. A page that does not read loses its connection, not the lab its memory: the page comes back by itself and
 * gets what it missed, or a snapshot.
 */
import type { ServerResponse } from "node:http";
import { EXIT, UserError } from "#core/errors.ts";
import { after, every, nowMs, nowNs, type Timer } from "#core/host/clock.ts";
import type { EventKind, JournalEvent } from "#core/wire/events.ts";
import {
  PAGE_SCHEMA,
  type PageBeat,
  type PageSnapshot,
  type PageStatus,
  type Place,
} from "#core/wire/page.ts";
import type { Journal } from "../journal.ts";
import { PageMemory } from "./page-memory.ts";

const PAGES_MAX = 32;
/** A page this far behind is cut off: more than a snapshot and ten seconds of the busiest stream. */
const BEHIND_BYTES_MAX = 4 * 1024 * 1024;
const BEAT_MS = 2_000;
/** What a page shows of the cast changes in bursts; a screen shows 60 pictures a second at most. */
const STATUS_MS = 25;
/** A page that missed more than this gets a snapshot: it is smaller. */
const RESUME_EVENTS_MAX = 5_000;

/** Events after which the status may be another one. */
const STATUS_KINDS: ReadonlySet<EventKind> = new Set<EventKind>([
  "lab.ready",
  "process.started",
  "process.ready",
  "process.exited",
  "fault.injected",
  "fault.confirmed",
  "fault.removed",
  "drain.started",
  "drain.finished",
  "revive.asked",
  "reset.done",
  "node.serving",
  "router.session",
  "bfd.session",
  "site.announced",
  "site.withdrawn",
  "vantage.moved",
  "gateway.node",
  "gateway.feed",
]);

export interface PageHubParts {
  readonly journal: Journal;
  readonly status: () => PageStatus;
  readonly places: readonly Place[];
  readonly canMeasure: () => boolean;
  /** Names the run, in ids. */
  readonly run: string;
  /** The first page has come, or the last one has gone. */
  readonly onWatched: (isWatched: boolean) => void;
  readonly behindBytesMax?: number;
}

export interface PageReader {
  /** Id of the last event it has seen, if any. */
  readonly lastId: string | undefined;
  readonly canAct: boolean;
}

export class PageHub {
  readonly #parts: PageHubParts;
  readonly #memory = new PageMemory();
  readonly #pages = new Set<ServerResponse>();
  readonly #unsubscribe: () => void;
  readonly #beat: Timer;
  #statusAtMs = 0;
  #statusTimer: Timer | undefined;
  #isClosed = false;

  /** Subscribe it after whatever makes the status, so that the status it sends is that after the event. */
  constructor(parts: PageHubParts) {
    this.#parts = parts;
    for (const event of parts.journal.since(0)) this.#memory.hear(event);
    this.#unsubscribe = parts.journal.subscribe((event) => this.#hear(event));
    this.#beat = every(BEAT_MS, () => this.#send("beat", { atNs: nowNs() } satisfies PageBeat), {
      unref: true,
    });
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  /** Throws `LAB_ENDS` or `PAGES_MAX` before anything was answered. */
  refuseWhenFull(): void {
    if (this.#isClosed) {
      throw new UserError("LAB_ENDS", "the lab is about to end", { exitCode: EXIT.failure });
    }
    if (this.#pages.size < PAGES_MAX) return;
    throw new UserError("PAGES_MAX", `${PAGES_MAX} pages watch already`, {
      hint: "close one of them",
      exitCode: EXIT.failure,
    });
  }

  /** Answers with the stream, from now on. */
  add(output: ServerResponse, reader: PageReader): void {
    output.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    output.on("error", () => undefined);
    output.on("close", () => this.#leave(output));
    output.write(`retry: 500\n\n${this.#opening(reader)}`);
    this.#pages.add(output);
    if (this.#pages.size === 1) this.#parts.onWatched(true);
  }

  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#beat.cancel();
    this.#statusTimer?.cancel();
    for (const page of this.#pages) page.end();
  }

  /** Sends it at once, then no sooner than every `STATUS_MS`. Events that change it call this by themselves. */
  statusChanged(): void {
    if (this.#isClosed || this.#statusTimer !== undefined) return;
    const waitMs = this.#statusAtMs + STATUS_MS - nowMs();
    if (waitMs <= 0) return this.#sendStatus();
    this.#statusTimer = after(waitMs, () => this.#sendStatus(), { unref: true });
  }

  #leave(output: ServerResponse): void {
    if (!this.#pages.delete(output) || this.#pages.size > 0) return;
    this.#parts.onWatched(false);
  }

  #opening(reader: PageReader): string {
    const missed = this.#missedBy(reader.lastId);
    const { status } = this.#parts;
    if (missed !== undefined)
      return `${missed.map((event) => this.#eventText(event)).join("")}${named("status", status())}`;
    return named("snapshot", this.#snapshot(reader.canAct));
  }

  /** Undefined: its place is not to be found, or too far back. */
  #missedBy(lastId: string | undefined): readonly JournalEvent[] | undefined {
    const { journal, run } = this.#parts;
    const match = /^([\w-]+)-(\d{1,15})$/.exec(lastId ?? "");
    if (match === null || match[1] !== run) return undefined;
    const seq = Number(match[2]);
    const isKnown = seq >= journal.firstSeq - 1 && seq <= journal.lastSeq;
    return isKnown && journal.lastSeq - seq <= RESUME_EVENTS_MAX ? journal.since(seq) : undefined;
  }

  #snapshot(canAct: boolean): PageSnapshot {
    const { journal, run, status, places, canMeasure } = this.#parts;
    return {
      schema: PAGE_SCHEMA,
      run,
      seq: journal.lastSeq,
      atNs: nowNs(),
      status: status(),
      places,
      canAct,
      canMeasure: canMeasure(),
      totals: this.#memory.totals(),
      events: this.#memory.events(),
    };
  }

  #hear(event: JournalEvent): void {
    this.#memory.hear(event);
    if (this.#pages.size === 0) return;
    this.#write(this.#eventText(event));
    if (STATUS_KINDS.has(event.kind)) this.statusChanged();
  }

  #sendStatus(): void {
    this.#statusTimer = undefined;
    this.#statusAtMs = nowMs();
    this.#send("status", this.#parts.status());
  }

  #send(name: string, value: unknown): void {
    if (this.#pages.size > 0) this.#write(named(name, value));
  }

  #write(text: string): void {
    const behindMax = this.#parts.behindBytesMax ?? BEHIND_BYTES_MAX;
    for (const page of this.#pages) {
      if (page.writableLength > behindMax) page.destroy();
      else page.write(text);
    }
  }

  #eventText(event: JournalEvent): string {
    return `id: ${this.#parts.run}-${event.seq}\ndata: ${JSON.stringify(event)}\n\n`;
  }
}

function named(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
