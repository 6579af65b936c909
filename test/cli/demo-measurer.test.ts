/** Tests and load of a demo, as keys and page order them, on a lab whose gateway is a server that answers. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EventBody, JournalEvent } from "#core/wire/events.ts";
import { Journal } from "#lab/journal.ts";
import type { Lab } from "#lab/lab.ts";
import { DemoMeasurer } from "../../cli/demo/demo-measurer.ts";

let gateway: Server;
let journal: Journal;
let measurer: DemoMeasurer;

beforeEach(async () => {
  gateway = createServer((_request, response) => {
    response.setHeader("x-edge-route", "ny1");
    response.end("page");
  });
  gateway.listen(0, "127.0.0.1");
  await once(gateway, "listening");
  journal = new Journal(undefined);
  const gatewayUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  measurer = new DemoMeasurer({
    gatewayUrl,
    status: () => ({ seed: 1, vantages: [{ vantage: "new-york", city: "New York" }] }),
    nodeUrls: () => [],
    emit: (body: EventBody, source = "lab") => journal.emit(body, undefined, source),
  } as unknown as Lab);
});

afterEach(async () => {
  await measurer.stopLoad();
  gateway.close();
  gateway.closeAllConnections();
});

function kinds(): string[] {
  return journal.since(0).map(({ kind }) => kind);
}

function heard(kind: JournalEvent["kind"]): Promise<void> {
  return expect.poll(() => kinds().includes(kind), { timeout: 15_000 }).toBe(true);
}

test("a test is reported city by city; a second one beside it is refused", async () => {
  const first = measurer.test();
  await expect(measurer.test()).rejects.toMatchObject({ code: "TEST_RUNS" });
  await first;
  expect(kinds()).toEqual(["test.row", "test.finished"]);
  await measurer.test();
  expect(kinds()).toHaveLength(4);
});

test("load runs until it is told to end, and says how it went", { timeout: 40_000 }, async () => {
  const starting = measurer.startLoad(50);
  await expect(measurer.startLoad(50)).rejects.toMatchObject({ code: "LOAD_STARTS" });
  await starting;
  await heard("load.window");
  expect(measurer.isLoading).toBe(true);
  await measurer.stopLoad();
  expect(measurer.isLoading).toBe(false);
  const end = journal.since(0).find((event) => event.kind === "load.finished");
  expect(end).toMatchObject({ source: "load", failed: 0 });
  await measurer.stopLoad();
});
