/** The journal as an NDJSON answer, for readers quick and slow. */
import type { ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { JournalEvent } from "#core/wire/events.ts";
import { EventStream } from "#lab/control/event-stream.ts";
import { Journal, JOURNAL_LIMITS } from "#lab/journal.ts";

/** A response whose reader takes what is asked for by `read`. */
class Response extends PassThrough {
  constructor() {
    super({ highWaterMark: 256 });
  }
  writeHead(): this {
    return this;
  }
  flushHeaders(): void {}
  lines(): JournalEvent[] {
    const chunks: Buffer[] = [];
    for (let chunk = this.read() as Buffer | null; chunk !== null; chunk = this.read() as Buffer | null)
      chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8").trimEnd();
    return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as JournalEvent);
  }
  async untilWritable(): Promise<void> {
    if (this.writableNeedDrain) await new Promise((resolve) => this.once("drain", resolve));
  }
}

function open(
  journal: Journal,
  since: number,
  isFollowing: boolean,
): { stream: EventStream; response: Response } {
  const response = new Response();
  return {
    response,
    stream: new EventStream(journal, response as unknown as ServerResponse, since, isFollowing),
  };
}

function fill(journal: Journal, count: number): void {
  for (let index = 0; index < count; index++) {
    journal.emit({ kind: "process.log", process: "lab", line: "x".repeat(40) });
  }
}

test("without following it gives what is known and ends", () => {
  const journal = new Journal(undefined);
  fill(journal, 3);
  const { response } = open(journal, 1, false);
  expect(response.lines().map(({ seq }) => seq)).toEqual([2, 3]);
  expect(response.writableEnded).toBe(true);
});

test("following goes on, and ends with the lab", () => {
  const journal = new Journal(undefined);
  const { stream, response } = open(journal, 0, true);
  fill(journal, 1);
  expect(response.lines().map(({ seq }) => seq)).toEqual([1]);
  fill(journal, 1);
  expect(response.lines().map(({ seq }) => seq)).toEqual([2]);
  stream.end();
  expect(response.writableEnded).toBe(true);
  fill(journal, 1);
  expect(response.lines()).toEqual([]);
});

test("a slow reader holds no buffer and is told what it missed", async () => {
  const journal = new Journal(undefined, { ...JOURNAL_LIMITS, eventsMax: 10 });
  const { response } = open(journal, 0, true);
  fill(journal, 500);
  expect(response.writableLength + response.readableLength).toBeLessThan(4_096);
  const seen: JournalEvent[] = [];
  while (seen.at(-1)?.seq !== 500) {
    seen.push(...response.lines());
    await response.untilWritable();
  }
  const missed = seen.filter((event) => event.kind === "events.dropped");
  const told = missed.reduce((sum, event) => sum + event.count, 0);
  expect(told).toBeGreaterThan(0);
  expect(seen.length - missed.length + told).toBe(500);
});
