/**
 * The journal as an NDJSON answer: what is known after `since`, then, if asked, what comes. The reader is a cursor over
 * the journal's own memory, so a slow one costs nothing but its lag; one that lags behind what memory holds is told how
 * many events it missed.
 */
import type { ServerResponse } from "node:http";
import { nowNs } from "#core/host/clock.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import type { Journal } from "../journal.ts";

/** Events turned into text in one go. */
const BATCH_MAX = 500;

export class EventStream {
  readonly #journal: Journal;
  readonly #output: ServerResponse;
  readonly #isFollowing: boolean;
  readonly #unsubscribe: () => void;
  /** Sequence number of the last event sent. */
  #seq: number;
  #isBlocked = false;
  #isEnded = false;

  constructor(journal: Journal, output: ServerResponse, since: number, isFollowing: boolean) {
    this.#journal = journal;
    this.#output = output;
    this.#seq = since;
    this.#isFollowing = isFollowing;
    output.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
    output.flushHeaders();
    output.on("error", () => undefined);
    output.on("drain", () => {
      this.#isBlocked = false;
      this.#pump();
    });
    this.#unsubscribe = isFollowing ? journal.subscribe(() => this.#pump()) : () => undefined;
    output.on("close", this.#unsubscribe);
    this.#pump();
  }

  /** Sends what is left, as far as the reader takes it at once, and ends the answer. */
  end(): void {
    this.#pump();
    this.#finish();
  }

  #pump(): void {
    while (!this.#isBlocked && !this.#isEnded) {
      this.#tellMissed();
      const events = this.#journal.since(this.#seq, BATCH_MAX);
      if (events.length === 0) break;
      this.#seq = events.at(-1)!.seq;
      this.#isBlocked = !this.#output.write(events.map(lineOf).join(""));
    }
    if (!this.#isFollowing && !this.#isBlocked) this.#finish();
  }

  /** They are not in the journal, so the line has no number of its own: that of the last one missed. */
  #tellMissed(): void {
    const count = this.#journal.firstSeq - 1 - this.#seq;
    if (count <= 0) return;
    this.#seq += count;
    const body = { kind: "events.dropped", process: "lab", count } as const;
    this.#output.write(lineOf({ seq: this.#seq, atNs: nowNs(), source: "lab", ...body }));
  }

  #finish(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#unsubscribe();
    this.#output.end();
  }
}

function lineOf(event: JournalEvent): string {
  return `${JSON.stringify(event)}\n`;
}
