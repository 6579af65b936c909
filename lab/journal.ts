/**
 * The journal: everything that happened, numbered in the order in which the lab heard of it, in memory for those who
 * ask and in a file for later. The lab is its only writer.
 *
 * Writing never blocks and never fails the lab: when the disk is full the journal says so once, goes on in memory, and
 * counts what the file lacks. Memory is a ring of `EVENTS_MAX` events.
 */
import { open, type FileHandle } from "node:fs/promises";
import { messageOf } from "#core/errors.ts";
import { after, nowNs, type Timer } from "#core/host/clock.ts";
import { JOURNAL_SCHEMA, type EventBody, type JournalEvent, type ProcessEvent } from "#core/wire/events.ts";

const EVENTS_MAX = 200_000;
/** Lines gathered before they go to the file. */
const FLUSH_MS = 100;
/** Lines that may wait for a disk that does not take them. */
const PENDING_MAX = 50_000;
/** While degraded: pause between two tries. */
const RETRY_MS = 1_000;

export class Journal {
  readonly #file: string | undefined;
  readonly #events: JournalEvent[] = [];
  /** Sequence number of the first event in memory. */
  #firstSeq = 1;
  #seq = 0;
  readonly #listeners = new Set<(event: JournalEvent) => void>();
  #handle: FileHandle | undefined;
  #pending: string[] = [];
  #lostCount = 0;
  #isDegraded = false;
  #isWriting = false;
  #isClosed = false;
  #timer: Timer | undefined;

  /** Without a file the journal lives in memory only. */
  constructor(file: string | undefined) {
    this.#file = file;
    if (file !== undefined) this.#pending.push(`${JSON.stringify({ schema: JOURNAL_SCHEMA })}\n`);
  }

  get lastSeq(): number {
    return this.#seq;
  }

  append(event: ProcessEvent): JournalEvent {
    this.#seq += 1;
    const numbered: JournalEvent = { seq: this.#seq, ...event };
    this.#events.push(numbered);
    if (this.#events.length > EVENTS_MAX * 1.1) {
      const surplus = this.#events.length - EVENTS_MAX;
      this.#events.splice(0, surplus);
      this.#firstSeq += surplus;
    }
    if (this.#file !== undefined) this.#enqueue(`${JSON.stringify(numbered)}\n`);
    for (const listener of this.#listeners) listener(numbered);
    return numbered;
  }

  /** Of the lab itself. */
  emit(body: EventBody, atNs: number = nowNs()): JournalEvent {
    return this.append({ atNs, source: "lab", ...body });
  }

  /** Events after `seq`, as far as memory reaches back. */
  since(seq: number): readonly JournalEvent[] {
    return this.#events.slice(Math.max(0, seq + 1 - this.#firstSeq));
  }

  /** Called for each event as it is written. Returns the way to stop. */
  subscribe(listener: (event: JournalEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Writes what is left and closes the file. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#flush();
    await this.#handle?.close().catch(() => undefined);
  }

  #enqueue(line: string): void {
    if (this.#pending.length >= PENDING_MAX) {
      this.#lostCount += 1;
      return;
    }
    this.#pending.push(line);
    this.#arm(this.#isDegraded ? RETRY_MS : FLUSH_MS);
  }

  #arm(ms: number): void {
    if (this.#timer !== undefined || this.#isWriting || this.#isClosed) return;
    this.#timer = after(
      ms,
      () => {
        this.#timer = undefined;
        void this.#flush();
      },
      { unref: true },
    );
  }

  async #flush(): Promise<void> {
    if (this.#isWriting || this.#file === undefined || this.#pending.length === 0) return;
    this.#isWriting = true;
    const lines = this.#pending;
    this.#pending = [];
    try {
      this.#handle ??= await open(this.#file, "w", 0o600);
      await this.#handle.writeFile(lines.join(""));
      this.#recovered();
    } catch (error) {
      this.#degraded(lines.length, messageOf(error));
    } finally {
      this.#isWriting = false;
    }
    if (this.#pending.length > 0) this.#arm(this.#isDegraded ? RETRY_MS : FLUSH_MS);
  }

  #degraded(lostLines: number, reason: string): void {
    this.#lostCount += lostLines;
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
