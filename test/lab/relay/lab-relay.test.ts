/** A lab with a relay before its nodes: who is where, what the gateway sees of a toxic, and what is left when the relay dies. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nowMs } from "#core/host/clock.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import { planCast } from "#lab/cast-plan.ts";
import { Lab, LAB_DEFAULTS, type LabOptions } from "#lab/lab.ts";

const ANY_PORT = { port: 0, isStrict: false };
const EVENT_MS_MAX = 20_000;

let root: string;
let lab: Lab;

function options(name: string, more: Partial<LabOptions>): LabOptions {
  return {
    ...LAB_DEFAULTS,
    seed: 1,
    nodesPerSite: 1,
    gatewayPort: ANY_PORT,
    controlPort: ANY_PORT,
    runtimeDir: join(root, name),
    journalFile: undefined,
    version: "0.0.0",
    ...more,
  };
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "anycastle-relay-"));
  lab = await Lab.start(options("runtime", { toxiproxyPort: ANY_PORT }));
  await lab.untilReady();
}, 60_000);

afterAll(async () => {
  await lab.stop("the tests are over", "now");
  rmSync(root, { recursive: true, force: true });
}, 30_000);

function event(
  what: string,
  sinceSeq: number,
  isIt: (event: JournalEvent) => boolean,
): Promise<JournalEvent> {
  return lab.waitFor(isIt, { sinceSeq, timeoutMs: EVENT_MS_MAX, what });
}

function relayPid(): number {
  return lab.status().processes.find(({ process }) => process === "relay")!.pid!;
}

async function fromNewYork(): Promise<{ status: number; route: unknown }> {
  const { port } = new URL(lab.gatewayUrl);
  const { statusCode, headers, body } = await request(lab.gatewayUrl, {
    headers: { host: `new-york.localhost:${port}` },
  });
  await body.dump();
  return { status: statusCode, route: headers["x-edge-route"] };
}

test("the relay stands at the addresses that the gateway knows, and passes on to the nodes", async () => {
  const { processes, sites, toxiproxyUrl } = lab.status();
  expect(processes.find(({ process }) => process === "relay")).toMatchObject({ state: "running" });
  expect(toxiproxyUrl).toBe(lab.relay!.url);
  const proxies = await lab.relay!.proxies();
  const nodes = sites.flatMap((site) => site.nodes);
  expect(Object.keys(proxies)).toEqual(nodes.map(({ node }) => node).sort());
  for (const { node, url } of nodes) {
    const proxy = proxies[node]!;
    expect(proxy).toMatchObject({ enabled: true, toxics: [] });
    expect(`http://${proxy.upstream}`).toBe(url);
    expect(proxy.listen).not.toBe(proxy.upstream);
  }
  expect(await fromNewYork()).toEqual({ status: 200, route: "ny1" });
  const metrics = await (await request(`${toxiproxyUrl}/metrics`)).body.text();
  expect(metrics).toMatch(/sent_bytes_total\{direction="downstream",proxy="ny1-1",.*\} [1-9]/);
});

test("a toxic of a node is seen by whoever asks it, and undone by a reset of the lab", async () => {
  const sinceSeq = lab.journal.lastSeq;
  await lab.relay!.addToxic("la1-1", { type: "latency", attributes: { latency: 200 } });
  const { listen } = (await lab.relay!.proxies())["la1-1"]!;
  const startMs = nowMs();
  await (await request(`http://${listen}/health/live`)).body.dump();
  expect(nowMs() - startMs).toBeGreaterThanOrEqual(200);
  expect(await event("the toxic to be told", sinceSeq, ({ kind }) => kind === "relay.toxic")).toMatchObject({
    source: "relay",
    proxy: "la1-1",
    state: "added",
    toxic: { name: "latency_downstream" },
  });
  await lab.reset();
  expect((await lab.relay!.proxies())["la1-1"]!.toxics).toEqual([]);
});

test("a partition between gateway and node: no request is lost, and the node is back when it heals", async () => {
  const sinceSeq = lab.journal.lastSeq;
  await lab.relay!.addToxic("ny1-1", { type: "blackhole", stream: "upstream" });
  const isOut = (event: JournalEvent): boolean =>
    event.kind === "gateway.node" && event.node === "ny1-1" && event.from === "healthy";
  await event("the gateway to give ny1-1 up", sinceSeq, isOut);
  expect(await fromNewYork()).toEqual({ status: 200, route: "la1" });
  await lab.relay!.removeToxic("ny1-1", "blackhole_upstream");
  await event(
    "the gateway to trust ny1-1 again",
    sinceSeq,
    (told) => told.kind === "gateway.node" && told.node === "ny1-1" && told.to === "healthy",
  );
  expect(await fromNewYork()).toEqual({ status: 200, route: "ny1" });
});

test("a node that dies behind the relay is found dead, and comes back at its own port", async () => {
  const sinceSeq = lab.journal.lastSeq;
  const before = (await lab.relay!.proxies())["ny1-1"];
  await lab.fail({ target: "ny1", how: "kill" });
  await event(
    "the gateway to give ny1-1 up",
    sinceSeq,
    (told) => told.kind === "gateway.node" && told.node === "ny1-1" && told.to !== "healthy",
  );
  expect(await fromNewYork()).toEqual({ status: 200, route: "la1" });
  await lab.reset();
  expect((await lab.relay!.proxies())["ny1-1"]).toEqual(before);
  expect(await fromNewYork()).toEqual({ status: 200, route: "ny1" });
});

test("killed with -9 the relay is started anew: the nodes' proxies are there, its toxics are not", async () => {
  const proxies = await lab.relay!.proxies();
  await lab.relay!.addToxic("hkg1-1", { type: "latency", attributes: { latency: 10 } });
  const sinceSeq = lab.journal.lastSeq;
  const pid = relayPid();
  process.kill(pid, "SIGKILL");
  await event("the relay's end", sinceSeq, (told) => told.kind === "process.exited" && told.pid === pid);
  await event(
    "the next relay",
    sinceSeq,
    (told) => told.kind === "process.ready" && told.process === "relay",
  );
  expect(relayPid()).not.toBe(pid);
  expect(await lab.relay!.proxies()).toEqual(proxies);
  await lab.reset();
  expect(await fromNewYork()).toEqual({ status: 200, route: "ny1" });
});

test("orders that the relay refuses, and one that it cannot hear, say so", async () => {
  await expect(lab.relay!.addToxic("nowhere-1", { type: "latency" })).rejects.toMatchObject({
    code: "RELAY_REFUSED",
    message: expect.stringContaining("proxy not found") as string,
  });
  await expect(lab.relay!.addToxic("ny1-1", { type: "plague" })).rejects.toThrow("invalid toxic type");
});

test("without the option there is no relay: no process, no address, and the gateway reaches the nodes themselves", async () => {
  const plan = await planCast({ ...options("none", {}), gatewayHost: "127.0.0.1", gatewayPort: 8080 });
  expect(plan).not.toHaveProperty("relay");
  const { sites } = plan.gatewayDocument as { sites: { nodes: { id: string; url: string }[] }[] };
  expect(sites.flatMap(({ nodes }) => nodes.map(({ url }) => url))).toEqual(
    plan.nodes.map(({ host, httpPort }) => `http://${host}:${httpPort}`),
  );
});

test("a port that was asked for and is taken is an error that names the API", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  const starting = Lab.start(options("taken", { toxiproxyPort: { port, isStrict: true } }));
  await expect(starting).rejects.toMatchObject({
    code: "PORT_BUSY",
    message: expect.stringContaining("Toxiproxy's API") as string,
  });
  holder.close();
});
