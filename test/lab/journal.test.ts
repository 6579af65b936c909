/** The journal in memory and on disks that behave and that do not. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
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

/** Numbers of the events in a file; its first line must name the schema. */
function seqsOf(file: string): number[] {
  const [head, ...events] = linesOf(file) as [unknown, ...JournalEvent[]];
  expect(head).toEqual({ schema: JOURNAL_SCHEMA });
  return events.map(({ seq }) => seq);
}

/** Appends `count` events of about 100 bytes, each written before the next comes. */
async function logEach(disk: JournalDisk, count: number, fromSeq = 1): Promise<void> {
  for (let seq = fromSeq; seq < fromSeq + count; seq++) {
    await disk.append(`${JSON.stringify({ seq, kind: "process.log", line: "x".repeat(60) })}\n`);
  }
}

const HEAD = `${JSON.stringify({ schema: JOURNAL_SCHEMA })}\n`;

test("a full file is put aside, the oldest goes, and each can be read alone", async () => {
  const file = join(dir, "journal.ndjson");
  const disk = new JournalFile(file, { bytesMax: 1_000, filesMax: 3 });
  await disk.append(HEAD);
  await logEach(disk, 100);
  await disk.close();
  expect(readdirSync(dir).sort()).toEqual(["journal.ndjson", "journal.ndjson.1", "journal.ndjson.2"]);
  for (const name of readdirSync(dir)) {
    expect(statSync(join(dir, name)).size).toBeLessThanOrEqual(1_000);
    expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
  }
  const kept = [`${file}.2`, `${file}.1`, file].flatMap(seqsOf);
  expect(kept.at(-1)).toBe(100);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 101 - kept.length + index));
  expect(kept.length).toBeGreaterThan(15);
});

test("one file at most: it begins anew when it is full", async () => {
  const file = join(dir, "journal.ndjson");
  const disk = new JournalFile(file, { bytesMax: 500, filesMax: 1 });
  await disk.append(HEAD);
  await logEach(disk, 20);
  await disk.close();
  expect(readdirSync(dir)).toEqual(["journal.ndjson"]);
  expect(seqsOf(file).at(-1)).toBe(20);
  expect(statSync(file).size).toBeLessThanOrEqual(500);
});

test("files that an earlier journal put aside are not taken for this one's", async () => {
  const file = join(dir, "journal.ndjson");
  for (const name of ["journal.ndjson", "journal.ndjson.1", "journal.ndjson.2", "journal.ndjson.9"]) {
    writeFileSync(join(dir, name), "old\n");
  }
  const disk = new JournalFile(file, { bytesMax: 10_000, filesMax: 3 });
  await disk.append(HEAD);
  await disk.close();
  expect(readdirSync(dir).sort()).toEqual(["journal.ndjson", "journal.ndjson.9"]);
});

test("an append larger than a file stays whole", async () => {
  const file = join(dir, "journal.ndjson");
  const disk = new JournalFile(file, { bytesMax: 200, filesMax: 2 });
  await disk.append(HEAD);
  const lines = Array.from({ length: 20 }, (_, index) => `${JSON.stringify({ seq: index + 1 })}\n`);
  await disk.append(lines.join(""));
  await disk.close();
  expect(seqsOf(file)).toHaveLength(20);
});

test("a rotation that fails half way loses nothing and is taken up where it stopped", async () => {
  const file = join(dir, "journal.ndjson");
  const disk = new JournalFile(file, { bytesMax: 1_000, filesMax: 2 });
  await disk.append(HEAD);
  await logEach(disk, 8);
  // A directory in the way: the full file cannot be put aside.
  mkdirSync(join(dir, "journal.ndjson.1", "inside"), { recursive: true });
  await expect(logEach(disk, 10, 9)).rejects.toMatchObject({ code: expect.any(String) as string });
  const before = seqsOf(file).length;
  await expect(logEach(disk, 1, before + 1)).rejects.toMatchObject({ code: expect.any(String) as string });
  expect(seqsOf(file)).toHaveLength(before);
  rmSync(join(dir, "journal.ndjson.1"), { recursive: true, force: true });
  await logEach(disk, 3, before + 1);
  await disk.close();
  expect([...seqsOf(`${file}.1`), ...seqsOf(file)]).toEqual(
    Array.from({ length: before + 3 }, (_, index) => index + 1),
  );
});

test("memory answers `since` alike while files come and go", async () => {
  const file = join(dir, "journal.ndjson");
  const journal = new Journal(new JournalFile(file, { bytesMax: 2_000, filesMax: 2 }), QUICK);
  for (let batch = 1; batch <= 10; batch++) {
    for (let index = 0; index < 20; index++) log(journal, `line ${index}`);
    await vi.waitFor(() => expect(readFileSync(file, "utf8")).toContain(`"seq":${batch * 20},`));
  }
  await journal.close();
  expect(journal.since(0).map(({ seq }) => seq)).toEqual(
    Array.from({ length: 200 }, (_, index) => index + 1),
  );
  expect(readdirSync(dir).sort()).toEqual(["journal.ndjson", "journal.ndjson.1"]);
  expect(seqsOf(file).at(-1)).toBe(200);
});
