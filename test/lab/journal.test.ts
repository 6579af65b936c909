/** The journal in memory and on disks that behave and that do not. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JOURNAL_SCHEMA, type EventKind, type JournalEvent } from "#core/wire/events.ts";
import { JournalFile, type JournalDisk } from "#lab/journal-file.ts";
import { Journal, JOURNAL_LIMITS, type JournalLimits } from "#lab/journal.ts";

const QUICK: JournalLimits = { ...JOURNAL_LIMITS, flushMs: 1, retryMs: 1 };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "anycastle-journal-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function log(journal: Journal, line: string): JournalEvent {
  return journal.emit({ kind: "process.log", process: "lab", line });
}

function heard(journal: Journal, kind: EventKind): Promise<JournalEvent> {
  const { promise, resolve } = Promise.withResolvers<JournalEvent>();
  journal.subscribe((event) => event.kind === kind && resolve(event));
  return promise;
}

function linesOf(file: string): unknown[] {
  const text = readFileSync(file, "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}

/** Takes nothing while it is full; `texts` is what it took. */
class FakeDisk implements JournalDisk {
  isFull = false;
  readonly texts: string[] = [];
  async append(text: string): Promise<void> {
    if (this.isFull) throw new Error("ENOSPC: no space left on device");
    this.texts.push(text);
  }
  async close(): Promise<void> {}
}

test("the first line names the schema, the others are numbered from 1 as they came", async () => {
  const file = join(dir, "made", "journal.ndjson");
  const journal = new Journal(new JournalFile(file), QUICK);
  for (const line of ["a", "b", "c"]) log(journal, line);
  await journal.close();
  const [head, ...events] = linesOf(file) as [unknown, ...JournalEvent[]];
  expect(head).toEqual({ schema: JOURNAL_SCHEMA });
  expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(events).toEqual(journal.since(0));
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("an event cannot bring its own number", () => {
  const journal = new Journal(undefined);
  const forged = { seq: 99, atNs: 1, source: "sim", kind: "process.log", process: "sim", line: "x" } as const;
  expect(journal.append(forged).seq).toBe(1);
});

test("memory keeps the newest events and says where it begins", () => {
  const journal = new Journal(undefined, { ...QUICK, eventsMax: 100 });
  for (let index = 1; index <= 1_000; index++) log(journal, String(index));
  const known = journal.since(0);
  expect(known.length).toBeLessThanOrEqual(110);
  expect(known.length).toBeGreaterThanOrEqual(100);
  expect(known[0]!.seq).toBe(journal.firstSeq);
  expect(known.at(-1)!.seq).toBe(1_000);
  expect(journal.since(998).map(({ seq }) => seq)).toEqual([999, 1_000]);
  expect(journal.since(1_000)).toEqual([]);
  expect(journal.since(0, 2)).toHaveLength(2);
});

test.skipIf(!existsSync("/dev/full"))(
  "a full disk is told once, and the journal goes on in memory",
  async () => {
    const journal = new Journal(new JournalFile("/dev/full"), QUICK);
    const degraded = heard(journal, "journal.degraded");
    log(journal, "a");
    expect(await degraded).toMatchObject({ reason: expect.stringContaining("ENOSPC") as string });
    for (let index = 0; index < 100; index++) log(journal, "more");
    await journal.close();
    const kinds = journal.since(0).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "journal.degraded")).toHaveLength(1);
    expect(kinds.filter((kind) => kind === "process.log")).toHaveLength(101);
  },
);

test("a directory in the file's place is told, not thrown", async () => {
  const journal = new Journal(new JournalFile(dir), QUICK);
  const degraded = heard(journal, "journal.degraded");
  log(journal, "a");
  expect(await degraded).toMatchObject({ reason: expect.stringContaining("EISDIR") as string });
  await journal.close();
});

test("when the disk takes lines again nothing is missing, in order, and that is said", async () => {
  const disk = new FakeDisk();
  disk.isFull = true;
  const journal = new Journal(disk, QUICK);
  const degraded = heard(journal, "journal.degraded");
  log(journal, "a");
  await degraded;
  log(journal, "b");
  const recovered = heard(journal, "journal.recovered");
  disk.isFull = false;
  expect(await recovered).toMatchObject({ lostCount: 0 });
  await journal.close();
  const [, ...events] = disk.texts.join("").trimEnd().split("\n");
  expect(events.map((line) => JSON.parse(line) as JournalEvent)).toEqual(journal.since(0));
});

test("what waits for a full disk is bounded, and what was lost is counted", async () => {
  const disk = new FakeDisk();
  disk.isFull = true;
  const journal = new Journal(disk, { ...QUICK, pendingLinesMax: 10 });
  const degraded = heard(journal, "journal.degraded");
  log(journal, "first");
  await degraded;
  for (let index = 0; index < 100; index++) log(journal, "more");
  const recovered = heard(journal, "journal.recovered");
  disk.isFull = false;
  const { lostCount } = (await recovered) as { lostCount: number };
  await journal.close();
  const written = disk.texts.join("").trimEnd().split("\n").length - 1;
  expect(lostCount).toBeGreaterThan(0);
  expect(written + lostCount).toBe(journal.lastSeq);
});

test("a listener that left hears no more", () => {
  const journal = new Journal(undefined);
  const seen: number[] = [];
  const stop = journal.subscribe(({ seq }) => seen.push(seq));
  log(journal, "a");
  stop();
  log(journal, "b");
  expect(seen).toEqual([1]);
});
