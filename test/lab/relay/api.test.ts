/** What our API has of its own: who may call it, bounds, loopback only; and a public client of Toxiproxy at work on it. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Toxiproxy, type ICreateToxicBody, type Latency } from "toxiproxy-node-client";
import { nowMs } from "#core/host/clock.ts";
import { TOXIPROXY_VERSION } from "#lab/relay/api/api.ts";
import { parseAddress } from "#lab/relay/address.ts";
import { TOXICS } from "#lab/relay/toxics/registry.ts";
import { call, startRelay, type RelayServer } from "./relay-server.ts";

let relay: RelayServer;
let echo: Server;
let upstream: string;

beforeEach(async () => {
  relay = await startRelay();
  echo = createServer((socket) => socket.on("error", () => undefined).pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  upstream = `127.0.0.1:${(echo.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await relay.close();
  echo.close();
});

/** What comes back for `text`, and after how many ms; undefined when the connection ends before it has come. */
async function roundTrip(listen: string, text: string): Promise<{ text: string; ms: number } | undefined> {
  const { host, port } = parseAddress(listen);
  const startMs = nowMs();
  const socket = connect(port, host);
  socket.on("error", () => undefined);
  socket.write(text);
  let heard = "";
  for await (const bytes of socket.iterator({ destroyOnReturn: true })) {
    heard += String(bytes);
    if (heard.length >= text.length) break;
  }
  return heard.length < text.length ? undefined : { text: heard, ms: nowMs() - startMs };
}

async function post(path: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const answer = await call(relay.port, "POST", path, JSON.stringify(body));
  return { status: answer.status, body: answer.body === "" ? "" : JSON.parse(answer.body) };
}

describe("who may call", () => {
  test.for([
    ["another name in Host, as after DNS rebinding", { host: "evil.example:PORT" }, 421],
    ["the name without the port", { host: "127.0.0.1" }, 421],
    ["the port of somebody else", { host: "127.0.0.1:1" }, 421],
    ["any Origin, its own too", { origin: "http://127.0.0.1:PORT" }, 403],
    ["an Origin that hides itself", { origin: "null" }, 403],
    ["a browser", { "user-agent": "Mozilla/5.0 (X11; Linux x86_64)" }, 403],
    ["localhost", { host: "localhost:PORT" }, 204],
    ["a client that says who it is", { "user-agent": "toxiproxy-cli/2.12.0" }, 204],
  ] as const)("%s", async ([, headers, status]) => {
    await post("/proxies", { name: "p", listen: "127.0.0.1:0", upstream });
    await post("/proxies/p/toxics", { type: "latency" });
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace("PORT", String(relay.port))]),
    );
    expect((await call(relay.port, "POST", "/reset", undefined, filled)).status).toBe(status);
    expect(relay.proxies.get("p").toxicCount).toBe(status === 204 ? 0 : 1);
  });
});

describe("bounds", () => {
  test("a body above its bound is 413, and nothing is made of it", async () => {
    const body = JSON.stringify({ name: "p", upstream, more: "x".repeat(1024 * 1024) });
    const answer = await call(relay.port, "POST", "/proxies", body);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([413, { status: 413 }]);
    expect(relay.proxies.all()).toEqual([]);
  });

  test("a body that is nested to no end, or a number of a million digits, is refused like any other", async () => {
    for (const body of ["[".repeat(500_000), `{"name":${'{"a":'.repeat(100_000)}`]) {
      expect(await call(relay.port, "POST", "/proxies", body)).toMatchObject({ status: 400 });
    }
    await post("/proxies", { name: "p", listen: "127.0.0.1:0", upstream });
    const long = `{"type":"latency","attributes":{"latency":${"9".repeat(1_000_000)}}}`;
    expect(await call(relay.port, "POST", "/proxies/p/toxics", long)).toMatchObject({ status: 400 });
  });

  test("a proxy has 64 toxics, a relay 1,000 proxies", async () => {
    await post("/proxies", { name: "p", listen: "127.0.0.1:0", upstream });
    const made = Array.from({ length: 65 }, (_, index) =>
      post("/proxies/p/toxics", { type: "noop", name: `t${index}` }),
    );
    expect((await Promise.all(made)).map(({ status }) => status)).toEqual([...Array(64).fill(200), 400]);
    const many = Array.from({ length: 1_000 }, (_, index) => ({
      name: `n${index}`,
      upstream,
      enabled: false,
    }));
    expect(await post("/populate", many)).toMatchObject({
      status: 400,
      body: { error: "there are 1000 proxies already", proxies: { length: 999 } },
    });
  });

  test("proxies listen on loopback only; without a host that is where they listen", async () => {
    const foreign = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
    for (const listen of ["0.0.0.0:0", "[::]:0", ...(foreign === undefined ? [] : [`${foreign}:0`])]) {
      const refused = await post("/proxies", { name: "p", listen, upstream });
      expect(refused).toMatchObject({
        status: 500,
        body: { error: expect.stringContaining("only loopback addresses") as string },
      });
    }
    for (const listen of ["", ":0"]) {
      const made = await post("/proxies", { name: `p${listen}`, listen, upstream });
      expect(made).toMatchObject({
        status: 201,
        body: { listen: expect.stringMatching(/^127\.0\.0\.1:[1-9]/) as string },
      });
    }
  });

  test("a change whose second attribute is wrong changes nothing (in Toxiproxy it changes the first)", async () => {
    await post("/proxies", { name: "p", listen: "127.0.0.1:0", upstream });
    await post("/proxies/p/toxics", { type: "latency", attributes: { latency: 10, jitter: 1 } });
    const { status } = await post("/proxies/p/toxics/latency_downstream", {
      attributes: { latency: 5, jitter: "x" },
    });
    expect(status).toBe(400);
    expect(relay.proxies.get("p").toxics()).toMatchObject([{ attributes: { latency: 10, jitter: 1 } }]);
  });
});

test("orders at the same time are carried out one after another", async () => {
  // A name takes a while to resolve: time enough for the others to come in between.
  const order = { name: "p", listen: "localhost:0", upstream };
  const made = await Promise.all(Array.from({ length: 5 }, () => post("/proxies", order)));
  expect(made.map(({ status }) => status).sort((one, other) => one - other)).toEqual([
    201, 409, 409, 409, 409,
  ]);
  const changes = Array.from({ length: 20 }, (_, index) => post("/proxies/p", { enabled: index % 2 === 1 }));
  for (const { status } of await Promise.all(changes)) expect(status).toBe(200);
});

test("what is changed is told as events", async () => {
  await post("/proxies", { name: "p", listen: "127.0.0.1:0", upstream });
  await post("/proxies/p/toxics", { type: "latency", attributes: { latency: 5 } });
  await post("/proxies/p/toxics/latency_downstream", { toxicity: 0.5 });
  await post("/proxies/p", { enabled: false });
  await call(relay.port, "POST", "/reset");
  // It cannot listen there, and has left where it was.
  await post("/proxies/p", { listen: upstream });
  await call(relay.port, "DELETE", "/proxies/p");
  const told = relay.events.map((event) => [event.kind, "state" in event ? event.state : ""]);
  expect(told).toEqual([
    ["relay.proxy", "enabled"],
    ["relay.toxic", "added"],
    ["relay.toxic", "changed"],
    ["relay.proxy", "disabled"],
    ["relay.proxy", "enabled"],
    ["relay.toxic", "removed"],
    ["relay.proxy", "disabled"],
    ["relay.proxy", "removed"],
  ]);
  expect(relay.events[2]).toMatchObject({
    proxy: "p",
    toxic: { attributes: { latency: 5, jitter: 0 }, toxicity: 0.5 },
  });
});

test("every toxic of the registry can be made, with its own attributes and no others", async () => {
  await post("/proxies", { name: "p", listen: "127.0.0.1:0", upstream });
  for (const { type, attributes } of TOXICS.values()) {
    const names = Object.keys(attributes);
    const given = Object.fromEntries([...names, "other"].map((name, index) => [name, index + 1]));
    const { status, body } = await post("/proxies/p/toxics", { type, attributes: given });
    expect([status, body]).toMatchObject([200, { type, name: `${type}_downstream` }]);
    expect((body as { attributes: object }).attributes).toEqual(
      Object.fromEntries(names.map((name, index) => [name, index + 1])),
    );
  }
  expect(TOXICS.size).toBe(11);
});

describe("the npm client of Toxiproxy", () => {
  test("makes, changes and removes proxies", async () => {
    const toxiproxy = new Toxiproxy(relay.url);
    expect(JSON.parse(await toxiproxy.getVersion())).toEqual({ version: TOXIPROXY_VERSION });
    const made = await toxiproxy.createProxy({ name: "one", listen: "127.0.0.1:0", upstream });
    expect((await roundTrip(made.listen, "hello"))?.text).toBe("hello");
    await expect(toxiproxy.createProxy({ name: "one", listen: "127.0.0.1:0", upstream })).rejects.toThrow(
      "409",
    );
    await made.update({ enabled: false, listen: made.listen, upstream });
    expect(await roundTrip(made.listen, "hello").catch(() => undefined)).toBeUndefined();
    await toxiproxy.reset();
    expect((await toxiproxy.get("one")).enabled).toBe(true);
    const both = await toxiproxy.populate([
      { name: "one", listen: made.listen, upstream },
      { name: "two", listen: "127.0.0.1:0", upstream },
    ]);
    expect(both["one"]!.listen).toBe(made.listen);
    expect(Object.keys(await toxiproxy.getAll())).toEqual(["one", "two"]);
    await made.remove();
    await expect(toxiproxy.get("one")).rejects.toThrow("404");
  });

  test("delays bytes by a toxic, changes it and takes it off", async () => {
    const toxiproxy = new Toxiproxy(relay.url);
    const proxy = await toxiproxy.createProxy({ name: "one", listen: "127.0.0.1:0", upstream });
    const order = { type: "latency", attributes: { latency: 120, jitter: 0 } };
    const toxic = await proxy.addToxic<Latency>(order as ICreateToxicBody<Latency>);
    expect(toxic).toMatchObject({ name: "latency_downstream", stream: "downstream", toxicity: 1 });
    expect((await roundTrip(proxy.listen, "hello"))!.ms).toBeGreaterThanOrEqual(120);
    const other = await (
      await proxy.getToxic("latency_downstream")
    ).update({
      ...toxic.toJson(),
      attributes: { latency: 240, jitter: 0 },
    });
    expect(other.attributes).toEqual({ latency: 240, jitter: 0 });
    expect((await roundTrip(proxy.listen, "hello"))!.ms).toBeGreaterThanOrEqual(240);
    await other.remove();
    expect(await call(relay.port, "GET", "/proxies/one/toxics")).toMatchObject({ status: 200, body: "[]" });
    expect((await roundTrip(proxy.listen, "hello"))!.text).toBe("hello");
  });
});
