/**
 * The journal: everything that happened, numbered in the order in which the lab heard of it, in memory for those who
 * ask and on disk for later. The lab is its only writer.
 *
 * Writing never blocks and never fails the lab. When the disk takes nothing more, the journal says so once, keeps what
 * waits (up to a bound, then counted as lost), tries again every second, and says when it is back. Memory holds the
 * last `EVENTS_MAX` events.
 */
import { messageOf } from "#core/errors.ts";
import { after, nowNs, type Timer } from "#core/host/clock.ts";
import { JOURNAL_SCHEMA, type EventBody, type JournalEvent, type ProcessEvent } from "#core/wire/events.ts";
import type { JournalDisk } from "./journal-file.ts";

export interface JournalLimits {
  /** Events kept in memory. */
  readonly eventsMax: number;
  /** Lines, and characters of lines, that wait for the disk. */
  readonly pendingLinesMax: number;
  readonly pendingCharsMax: number;
  /** Lines are gathered for this long before they are written. */
  readonly flushMs: number;
  /** Pause between two tries while the disk takes nothing. */
  readonly retryMs: number;
}

export const JOURNAL_LIMITS: JournalLimits = {
  // A lab under load tells some 20 a second: a fault's whole story, and memory that is full after half an hour.
  eventsMax: 30_000,
  pendingLinesMax: 50_000,
  pendingCharsMax: 32 * 1024 * 1024,
  flushMs: 100,
  retryMs: 1_000,
};

/** A tenth more than the bound is kept, so that the oldest leave in bulk. */
const SLACK = 1.1;

export class Journal {
  readonly #disk: JournalDisk | undefined;
  readonly #limits: JournalLimits;
  readonly #listeners = new Set<(event: JournalEvent) => void>();
  readonly #events: JournalEvent[] = [];
  /** Sequence number of the first event in memory. */
  #firstSeq = 1;
  #seq = 0;
  #pending: string[] = [];
  #pendingChars = 0;
  #lostCount = 0;
  #isDegraded = false;
  #isClosed = false;
  #writing: Promise<void> | undefined;
  #timer: Timer | undefined;

  /** Without a disk the journal lives in memory only. */
  constructor(disk: JournalDisk | undefined, limits: JournalLimits = JOURNAL_LIMITS) {
    this.#disk = disk;
    this.#limits = limits;
    if (disk !== undefined) this.#enqueue({ schema: JOURNAL_SCHEMA });
  }

  get lastSeq(): number {
    return this.#seq;
  }

  /** Sequence number of the oldest event still in memory. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  get isDegraded(): boolean {
    return this.#isDegraded;
  }

  append(event: ProcessEvent): JournalEvent {
    const seq = ++this.#seq;
    const numbered: JournalEvent = Object.assign({ seq }, event, { seq });
    this.#events.push(numbered);
    if (this.#events.length > this.#limits.eventsMax * SLACK) {
      const surplus = this.#events.length - this.#limits.eventsMax;
      this.#events.splice(0, surplus);
      this.#firstSeq += surplus;
    }
    if (this.#disk !== undefined) this.#enqueue(numbered);
    for (const listener of this.#listeners) listener(numbered);
    return numbered;
  }

  /** An event of the lab's own, unless `source` says whose. */
  emit(body: EventBody, atNs: number = nowNs(), source = "lab"): JournalEvent {
    return this.append({ atNs, source, ...body });
  }

  /** Events after `seq`, oldest first, as far as memory reaches back; at most `countMax` of them. */
  since(seq: number, countMax = Infinity): readonly JournalEvent[] {
    const start = Math.max(0, seq + 1 - this.#firstSeq);
    return this.#events.slice(start, start + countMax);
  }

  /** Called for each event as it is written. Returns the way to stop. */
  subscribe(listener: (event: JournalEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Writes what waits, if the disk takes it, and closes the file. Events after that stay in memory. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#writing;
    await this.#write();
    await this.#disk?.close().catch(() => undefined);
  }

  #enqueue(value: unknown): void {
    if (this.#isClosed) return;
    const line = `${JSON.stringify(value)}\n`;
    const { pendingLinesMax, pendingCharsMax } = this.#limits;
    if (this.#pending.length >= pendingLinesMax || this.#pendingChars + line.length > pendingCharsMax) {
      this.#lostCount += 1;
      return;
    }
    this.#pending.push(line);
    this.#pendingChars += line.length;
    this.#arm();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#writing !== undefined || this.#isClosed) return;
    const flush = (): void => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#pending.length > 0) this.#arm();
      });
    };
    this.#timer = after(this.#isDegraded ? this.#limits.retryMs : this.#limits.flushMs, flush, {
      unref: true,
    });
  }

  async #write(): Promise<void> {
    if (this.#disk === undefined || this.#pending.length === 0) return;
    const lines = this.#pending;
    const text = lines.join("");
    this.#pending = [];
    this.#pendingChars = 0;
    try {
      await this.#disk.append(text);
    } catch (error) {
      this.#giveBack(lines, text.length);
      return this.#degraded(messageOf(error));
    }
    this.#recovered();
  }

  /** Lines that the disk refused wait again, before what came meanwhile; what does not fit any more is lost. */
  #giveBack(lines: string[], chars: number): void {
    const newer = this.#pending;
    const { pendingLinesMax, pendingCharsMax } = this.#limits;
    this.#pending = lines;
    this.#pendingChars = chars;
    for (const line of newer) {
      const isRoom =
        this.#pending.length < pendingLinesMax && this.#pendingChars + line.length <= pendingCharsMax;
      if (!isRoom) {
        this.#lostCount += 1;
        continue;
      }
      this.#pending.push(line);
      this.#pendingChars += line.length;
    }
  }

  #degraded(reason: string): void {
    if (this.#isDegraded) return;
    this.#isDegraded = true;
    this.emit({ kind: "journal.degraded", reason });
  }

  #recovered(): void {
    if (!this.#isDegraded) return;
    this.#isDegraded = false;
    const lostCount = this.#lostCount;
    this.#lostCount = 0;
    this.emit({ kind: "journal.recovered", lostCount });
  }
}
