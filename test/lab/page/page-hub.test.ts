/** The stream of the pages: what a reader gets first, what it gets when it comes back, and what a slow one costs. */
import { afterEach, expect, test } from "vitest";
import type { LabStatus } from "#core/wire/control.ts";
import type { PageSnapshot } from "#core/wire/page.ts";
import { Journal, JOURNAL_LIMITS } from "#lab/journal.ts";
import { PageHub } from "#lab/page/page-hub.ts";
import { PageReader } from "./reader.ts";

const STATUS = { isReady: true } as unknown as LabStatus;
const hubs: PageHub[] = [];

afterEach(() => {
  for (const hub of hubs.splice(0)) hub.close();
});

function open(journal: Journal, behindBytesMax?: number): { hub: PageHub; watched: boolean[] } {
  const watched: boolean[] = [];
  const hub = new PageHub({
    journal,
    status: () => STATUS,
    places: [],
    canMeasure: () => true,
    run: "run",
    onWatched: (isWatched) => watched.push(isWatched),
    ...(behindBytesMax === undefined ? {} : { behindBytesMax }),
  });
  hubs.push(hub);
  return { hub, watched };
}

function join(hub: PageHub, lastId?: string, reader = new PageReader()): PageReader {
  hub.add(reader.response, { lastId, canAct: false });
  return reader;
}

function log(journal: Journal, count = 1): void {
  for (let index = 0; index < count; index++) {
    journal.emit({ kind: "process.log", process: "lab", line: `line ${index}` });
  }
}

test("a new page gets a snapshot, then each event under its number", () => {
  const journal = new Journal(undefined);
  log(journal, 3);
  const { hub } = open(journal);
  const reader = join(hub);
  const [first] = reader.events();
  expect(first).toMatchObject({ name: "snapshot", value: { run: "run", seq: 3, status: STATUS } });
  expect((first!.value as PageSnapshot).events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  log(journal, 2);
  expect(reader.events().map(({ name, id }) => [name, id])).toEqual([
    ["message", "run-4"],
    ["message", "run-5"],
  ]);
});

test.each([
  ["of this run and near", "run-2", ["message", "message", "status"]],
  ["of this run and up to date", "run-4", ["status"]],
  ["of another run", "old-2", ["snapshot"]],
  ["of the future", "run-9", ["snapshot"]],
  ["no id at all", "<script>", ["snapshot"]],
])("a page that comes back with an id %s", (_what, lastId, names) => {
  const journal = new Journal(undefined);
  log(journal, 4);
  const { hub } = open(journal);
  expect(
    join(hub, lastId)
      .events()
      .map(({ name }) => name),
  ).toEqual(names);
});

test("a page that missed more than memory holds gets a snapshot", () => {
  const journal = new Journal(undefined, { ...JOURNAL_LIMITS, eventsMax: 10 });
  log(journal, 50);
  const { hub } = open(journal);
  expect(join(hub, "run-3").events()[0]).toMatchObject({ name: "snapshot" });
  expect(join(hub, `run-${journal.firstSeq - 1}`).events()[0]).toMatchObject({
    id: `run-${journal.firstSeq}`,
  });
});

test("an event that changes the cast is followed by the status, others are not", () => {
  const journal = new Journal(undefined);
  const { hub } = open(journal);
  const reader = join(hub);
  reader.events();
  log(journal);
  journal.emit({ kind: "site.withdrawn", site: "ny1", reason: "test" });
  expect(reader.events().map(({ name }) => name)).toEqual(["message", "message", "status"]);
});

test("a burst of changes gives one status now and one at its end", async () => {
  const journal = new Journal(undefined);
  const { hub } = open(journal);
  const reader = join(hub);
  reader.events();
  for (let index = 0; index < 20; index++)
    journal.emit({ kind: "site.withdrawn", site: `s${index}`, reason: "test" });
  const seen = reader.events();
  await expect
    .poll(() => {
      seen.push(...reader.events());
      return seen.filter(({ name }) => name === "status").length;
    })
    .toBe(2);
  expect(seen.filter(({ name }) => name === "message")).toHaveLength(20);
});

test("a page that does not read is cut off; the others go on", async () => {
  const journal = new Journal(undefined);
  const { hub } = open(journal, 4_096);
  const slow = join(hub, "run-0", new PageReader(64));
  const quick = join(hub, "run-0");
  const gone = new Promise((resolve) => slow.once("close", resolve));
  let isGone = false;
  void gone.then(() => (isGone = true));
  for (let round = 0; round < 200; round++) {
    log(journal);
    quick.events();
  }
  await gone;
  expect(isGone).toBe(true);
  expect(hub.pageCount).toBe(1);
  log(journal);
  expect(quick.events()).toHaveLength(1);
});

test("the lab is told when the first page comes and when the last one goes", async () => {
  const { hub, watched } = open(new Journal(undefined));
  const [one, two] = [join(hub), join(hub)];
  expect(watched).toEqual([true]);
  one.destroy();
  two.destroy();
  await expect.poll(() => watched).toEqual([true, false]);
});

test("no more pages than the bound; closing ends those that are there", () => {
  const { hub } = open(new Journal(undefined));
  const readers = Array.from({ length: 32 }, () => join(hub));
  expect(() => hub.refuseWhenFull()).toThrow(/32 pages watch already/);
  hub.close();
  expect(readers.every((reader) => reader.writableEnded)).toBe(true);
  expect(() => hub.refuseWhenFull()).toThrow(/about to end/);
});
