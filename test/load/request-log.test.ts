import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readRequestLog, RequestLogWriter } from "#loadtest/load/request-log.ts";
import type { RequestRecord } from "#loadtest/load/request-record.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "request-log-"));
});
afterAll(() => rm(folder, { recursive: true }));

const ns = fc.double({ min: 0, max: 2 ** 53, noNaN: true, noDefaultInfinity: true }).map(Math.floor);
const text = fc.string({ maxLength: 40, unit: "grapheme" });
const record: fc.Arbitrary<RequestRecord> = fc.record({
  index: fc.nat(2 ** 32 - 1),
  dueNs: ns,
  sentNs: fc.option(ns),
  connectNs: fc.option(ns),
  firstByteNs: fc.option(ns),
  endNs: fc.option(ns),
  status: fc.option(fc.integer({ min: 100, max: 999 })),
  error: fc.option(text),
  node: fc.option(text),
  site: fc.option(text),
  cohort: text,
  vantage: text,
  method: text,
  isReused: fc.boolean(),
});

async function roundTrip(records: readonly RequestRecord[]): Promise<RequestRecord[]> {
  const file = join(folder, "log");
  const writer = new RequestLogWriter(file);
  for (const entry of records) writer.write(entry);
  expect(await writer.close()).toBe(undefined);
  return readRequestLog(file);
}

test("what was written is read back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { maxLength: 20 }), async (records) => {
      expect(await roundTrip(records)).toEqual(records);
    }),
    { numRuns: 60 },
  );
});

const SAMPLE: RequestRecord = {
  index: 1,
  dueNs: 5e12,
  sentNs: 5e12 + 10,
  connectNs: null,
  firstByteNs: 5e12 + 20,
  endNs: 5e12 + 30,
  status: 200,
  error: null,
  node: "ny1-1",
  site: "ny1",
  cohort: "keep-alive",
  vantage: "new-york",
  method: "GET",
  isReused: true,
};

test("many chunks are one log", async () => {
  const records = Array.from({ length: 20_000 }, (_, index) => ({
    ...SAMPLE,
    index,
    node: `node-${index % 300}`,
  }));
  expect(await roundTrip(records)).toEqual(records);
});

test("chunks that are on disk are filled again, and nothing is written over", async () => {
  const file = join(folder, "log");
  const writer = new RequestLogWriter(file);
  const records = Array.from({ length: 20_000 }, (_, index) => ({ ...SAMPLE, index }));
  for (const entry of records) {
    writer.write(entry);
    // The disk gets its turn now and then, so that chunks come back between.
    if (entry.index % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await writer.close()).toBe(undefined);
  expect(await readRequestLog(file)).toEqual(records);
});

test("a server that makes up names fills neither memory nor log", async () => {
  const records = Array.from({ length: 6_000 }, (_, index) => ({
    ...SAMPLE,
    index,
    node: `${index}-${"é".repeat(200)}`,
  }));
  const read = await roundTrip(records);
  expect(read).toHaveLength(6_000);
  expect(Buffer.byteLength(read[0]!.node!)).toBeLessThanOrEqual(255);
  expect(read[0]!.node).toMatch(/^0-é+$/);
  expect(read.at(-1)!.node).toBe("(others)");
  expect(read.at(-1)!.site).toBe("ny1");
});

test("a log that was cut off is read up to its last whole record", async () => {
  await roundTrip([SAMPLE, { ...SAMPLE, index: 2 }, { ...SAMPLE, index: 3 }]);
  const file = join(folder, "log");
  await truncate(file, (await readFile(file)).length - 7);
  expect((await readRequestLog(file)).map(({ index }) => index)).toEqual([1, 2]);
});

test("a file that is no log is refused with its name", async () => {
  const file = join(folder, "other");
  await writeFile(file, "something else entirely");
  await expect(readRequestLog(file)).rejects.toThrow(/other is no request log/);
});

test("a full disk ends the log, not the run", async () => {
  const writer = new RequestLogWriter("/dev/full");
  for (let index = 0; index < 5_000; index++) writer.write({ ...SAMPLE, index });
  expect(await writer.close()).toMatch(/ENOSPC/);
});

test("a folder that is not there is told", async () => {
  const writer = new RequestLogWriter(join(folder, "no", "such", "log"));
  writer.write(SAMPLE);
  expect(await writer.close()).toMatch(/ENOENT/);
});
