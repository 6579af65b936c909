/** The page beside a cast that no lab started, over sockets: what it serves, what it refuses, who may go and come back. */
import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { JournalEvent } from "#core/wire/events.ts";
import type { PageSnapshot, PageStatus } from "#core/wire/page.ts";
import { PAGE_HEADERS } from "#lab/page/page-files.ts";
import { Watch } from "#lab/watch/watch.ts";
import { parseEvents, type SentEvent } from "../page/reader.ts";
import { announced, FakeService, feedState, gatewayStatus, routes, simStatus } from "./fake-services.ts";

let gateway: FakeService;
let sim: FakeService;
let watch: Watch;

beforeEach(async () => {
  gateway = new FakeService(gatewayStatus());
  sim = new FakeService(simStatus());
  sim.feed = feedState();
  await Promise.all([gateway.start(), sim.start()]);
  watch = new Watch({
    gatewayUrl: "http://127.0.0.1:1",
    adminUrl: gateway.url,
    simUrl: sim.url,
    host: "127.0.0.1",
    port: 0,
    hostNames: ["page.example"],
    version: "0.0.0",
    testMs: 10_000,
  });
  await watch.start();
});

afterEach(async () => {
  await watch.stop();
  await Promise.all([gateway.stop(), sim.stop()]);
});

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

function ask(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const { hostname, port } = new URL(watch.url);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    request.on("error", reject);
    request.end(method === "POST" ? "{}" : undefined);
  });
}

/** Reads the stream until `isEnough`. */
function stream(isEnough: (events: SentEvent[]) => boolean, after = ""): Promise<SentEvent[]> {
  return new Promise((resolve, reject) => {
    let text = "";
    const request = httpRequest(`${watch.url}api/v1/stream${after}`, (response) => {
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        const events = parseEvents(text.slice(0, text.lastIndexOf("\n\n") + 2));
        if (!isEnough(events)) return;
        request.destroy();
        resolve(events);
      });
      response.on("error", () => undefined);
    });
    request.on("error", reject);
    request.end();
  });
}

function statusSuch(isIt: (status: PageStatus) => boolean): (events: SentEvent[]) => boolean {
  return (events) =>
    events.some(({ name, value }) => {
      if (name === "status") return isIt(value as PageStatus);
      return name === "snapshot" && isIt((value as PageSnapshot).status);
    });
}

/** Those of the snapshot, then those that came after it. */
function eventsOf(events: readonly SentEvent[]): JournalEvent[] {
  return events.flatMap(({ name, value }) => {
    if (name === "snapshot") return (value as PageSnapshot).events;
    return name === "message" ? [value as JournalEvent] : [];
  });
}

const untilWhole = (): Promise<SentEvent[]> => stream(statusSuch(({ isReady }) => isReady));

test("the page and its files, under the page's own policy", async () => {
  for (const path of ["/", "/page.js", "/page.css", "/icon.svg"]) {
    const { status, headers } = await ask("GET", path);
    expect([path, status]).toEqual([path, 200]);
    expect(headers).toMatchObject(PAGE_HEADERS);
  }
  expect((await ask("GET", "/health")).status).toBe(200);
});

test("the stream begins with what can be known, for looking only", async () => {
  await untilWhole();
  const [snapshot] = await stream((events) => events.length > 0);
  expect(snapshot).toMatchObject({
    name: "snapshot",
    value: { canAct: false, canMeasure: false, status: { isReady: true, feed: "live", seed: 7 } },
  });
  const { status } = snapshot!.value as PageSnapshot;
  expect(status.watch).toEqual({
    isGatewayThere: true,
    isSimulatorThere: true,
    lookMs: 250,
    testMs: 10_000,
  });
});

test("New York's withdrawal and return go out as they happen", async () => {
  await untilWhole();
  const following = stream((events) => eventsOf(events).some(({ kind }) => kind === "site.announced"));
  sim.say(announced("ny1", []));
  sim.say(routes("new-york", ["la1"]));
  gateway.document = gatewayStatus({ "ny1-1": "unhealthy" });
  await stream(statusSuch(({ sites }) => sites[0]!.nodes[0]!.gateway === "unhealthy"));
  sim.say(announced("ny1", ["ny1-1"]));
  const kinds = eventsOf(await following).map(({ kind }) => kind);
  expect(kinds).toEqual(
    expect.arrayContaining(["site.withdrawn", "vantage.moved", "gateway.node", "site.announced"]),
  );
});

test("a reader that comes back gets what it missed, under its number", async () => {
  await untilWhole();
  const [snapshot] = await stream((events) => events.length > 0);
  const { run, seq } = snapshot!.value as PageSnapshot;
  sim.say(announced("ny1", []));
  await stream(statusSuch(({ sites }) => !sites[0]!.isAnnounced));
  const [first] = await stream((events) => events.length > 0, `?after=${run}-${seq}`);
  expect(first).toMatchObject({ id: `${run}-${seq + 1}`, value: { kind: "site.withdrawn", site: "ny1" } });
});

test("gateway and simulator may go and come back: the page says so, and follows them again", async () => {
  await untilWhole();
  await gateway.stop();
  await stream(statusSuch((status) => !status.watch!.isGatewayThere));
  await sim.stop();
  await stream(statusSuch((status) => !status.watch!.isSimulatorThere && status.feed === "stale"));
  await Promise.all([gateway.start(), sim.start()]);
  await stream(
    statusSuch(({ watch, feed }) => watch!.isGatewayThere && watch!.isSimulatorThere && feed === "live"),
  );
  const logs = watch.journal.since(0).filter(({ kind }) => kind === "process.log");
  expect(logs).toContainEqual(expect.objectContaining({ process: "gateway", line: "it answers again" }));
  expect(logs).toContainEqual(expect.objectContaining({ process: "sim", line: "it answers again" }));
});

test("something else that answers at the gateway's address is not taken for a gateway", async () => {
  gateway.document = { schema: "anycastle.gateway-status/v1", nodes: null };
  await stream(statusSuch((status) => !status.watch!.isGatewayThere && status.watch!.isSimulatorThere));
  expect(watch.journal.since(0)).toContainEqual(
    expect.objectContaining({
      process: "gateway",
      line: expect.stringContaining("its answer is no anycastle.gateway-status/v1") as string,
    }),
  );
});

test.each([
  ["no line at all", null],
  ["a site without nodes", { type: "announced", site: "ny1" }],
  ["a route to nowhere", { type: "routes", vantage: "new-york", revision: 1, sites: [null] }],
  ["another protocol", { type: "hello", schema: "anycastle.catchments/v9" }],
])("a feed that says %s is left, and followed again when it makes sense", async (_what, nonsense) => {
  await untilWhole();
  sim.feed = [];
  sim.say(nonsense as never);
  await stream(statusSuch((status) => !status.watch!.isSimulatorThere));
  sim.feed = feedState("b");
  await sim.stop();
  await sim.start();
  await stream(statusSuch((status) => status.watch!.isSimulatorThere));
  expect(sim.readers.size).toBe(1);
});

test("a feed that says more than this reader knows is read on", async () => {
  await untilWhole();
  sim.say({ type: "weather", is: "fine" } as never);
  sim.say(announced("ny1", []));
  await stream(statusSuch(({ sites }) => !sites[0]!.isAnnounced));
  expect(sim.readers.size).toBe(1);
});

test("what was measured is told as it is, and nothing else of a city", async () => {
  await untilWhole();
  const row = {
    kind: "test.row",
    label: "watch",
    startNs: 1,
    vantage: "new-york",
    status: 200,
    site: "ny1",
    node: "ny1-1",
    connectMs: 1,
    ttfbMs: 34,
    totalMs: 35,
    floorMs: 0,
    singleOriginMs: 34,
    error: null,
    head: null,
  } as const;
  const [snapshot] = await stream((events) => events.length > 0);
  expect((snapshot!.value as PageSnapshot).events.filter(({ kind }) => kind === "test.row")).toEqual([]);
  watch.emit(row);
  const [late] = await stream((events) => events.length > 0);
  expect((late!.value as PageSnapshot).events).toContainEqual(expect.objectContaining(row));
});

test.each(["fail", "revive", "drain", "reset", "test", "load", "session", "links", "stop"])(
  "an order is answered with a sentence: %s",
  async (order) => {
    const { status, text } = await ask("POST", `/api/v1/${order}`, {
      "content-type": "application/json",
      authorization: "Bearer anything",
    });
    expect([status, JSON.parse(text)]).toEqual([
      405,
      {
        error: {
          code: "READ_ONLY",
          message: expect.stringMatching(
            /watches a cast that somebody else started; .*docker kill/,
          ) as string,
        },
      },
    ]);
  },
);

test("only loopback, its own address and the names it was given reach it; other origins do not", async () => {
  const { port } = new URL(watch.url);
  const statusWith = async (headers: Record<string, string>): Promise<number> =>
    (await ask("GET", "/", headers)).status;
  expect(await statusWith({ host: `localhost:${port}` })).toBe(200);
  expect(await statusWith({ host: `page.example:${port}` })).toBe(200);
  expect(await statusWith({ host: `evil.example:${port}` })).toBe(421);
  expect(await statusWith({ host: "page.example:1" })).toBe(421);
  expect(await statusWith({ host: `localhost:${port}`, origin: "http://evil.example" })).toBe(403);
});

test("it ends while pages are open", async () => {
  await untilWhole();
  const ended = new Promise<void>((resolve, reject) => {
    const request = httpRequest(`${watch.url}api/v1/stream`, (response) => {
      response.resume().on("end", resolve);
      void watch.stop();
    });
    request.on("error", reject);
    request.end();
  });
  await expect(ended).resolves.toBeUndefined();
});
