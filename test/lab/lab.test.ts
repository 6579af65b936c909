/**
 * One lab with real processes, taken through what an operator may do to it. The tests share it and each leaves it whole;
 * what happens in the network meanwhile is the business of test/e2e.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LabStatus, NodeStatus } from "#core/wire/control.ts";
import type { EventKind, JournalEvent } from "#core/wire/events.ts";
import { FAULT_HOWS } from "#core/wire/faults.ts";
import { LabClient } from "#lab/client.ts";
import { Lab, LAB_DEFAULTS, type LabOptions } from "#lab/lab.ts";
import { processState } from "#lab/process-stat.ts";

const ANY_PORT = { port: 0, isStrict: false };
const EVENT_MS_MAX = 15_000;

let root: string;
let lab: Lab;
let options: LabOptions;
let stopsAsked = 0;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "anycastle-lab-"));
  options = {
    ...LAB_DEFAULTS,
    seed: 1,
    drain: { quietMs: 50, maxMs: 1_000 },
    gatewayPort: ANY_PORT,
    controlPort: ANY_PORT,
    runtimeDir: join(root, "runtime"),
    journalFile: join(root, "journal.ndjson"),
    version: "0.0.0",
    onStopAsked: () => (stopsAsked += 1),
  };
  lab = await Lab.start(options);
  await lab.untilReady();
}, 60_000);

afterAll(async () => {
  await lab.stop("the tests are over", "now");
  rmSync(root, { recursive: true, force: true });
}, 30_000);

function nodeOf(id: string, status: LabStatus = lab.status()): NodeStatus {
  return status.sites.flatMap((site) => site.nodes).find(({ node }) => node === id)!;
}

function pidOf(process: string): number {
  return lab.status().processes.find((known) => known.process === process)!.pid!;
}

function eventsOf<K extends EventKind>(kind: K, sinceSeq: number): Extract<JournalEvent, { kind: K }>[] {
  const isOfKind = (event: JournalEvent): event is Extract<JournalEvent, { kind: K }> => event.kind === kind;
  return lab.journal.since(sinceSeq).filter(isOfKind);
}

function event(
  what: string,
  sinceSeq: number,
  isIt: (event: JournalEvent) => boolean,
): Promise<JournalEvent> {
  return lab.waitFor(isIt, { sinceSeq, timeoutMs: EVENT_MS_MAX, what });
}

test("a lab that is ready has announced nine sites, and its gateway trusts every node", () => {
  const status = lab.status();
  expect(status).toMatchObject({ isReady: true, feed: "live", mode: "anycast", seed: 1, pid: process.pid });
  expect(status.sites.map(({ isAnnounced }) => isAnnounced)).toEqual(Array(9).fill(true));
  expect(status.vantages).toHaveLength(14);
  expect(status.vantages.find(({ vantage }) => vantage === "new-york")).toMatchObject({
    city: "New York",
    site: "ny1",
    rttUs: 3_000,
  });
  for (const node of status.sites.flatMap((site) => site.nodes)) {
    expect(node).toMatchObject({
      process: "running",
      fault: null,
      serving: "ready",
      bgp: "up",
      gateway: "healthy",
    });
  }
  expect(status.processes.map(({ process, state }) => [process, state])).toEqual([
    ["sim", "running"],
    ["gateway", "running"],
    ["guardian", "running"],
  ]);
  const sites = eventsOf("site.announced", 0).map(({ site }) => site);
  expect(new Set(sites).size).toBe(9);
  expect(lab.nodeUrls()).toHaveLength(18);
});

/** What must be seen, and how the status names it while it lasts. */
const PROOF = {
  shutdown: { evidence: "said that it was draining, then exited with 0", process: "stopped" },
  kill: { evidence: "ended by SIGKILL", process: "stopped" },
  hang: { evidence: "process state T (stopped)", process: "frozen" },
  isolate: {
    evidence: "the node says that its cable is cut, and a request got no answer for 100 ms",
    process: "running",
  },
  "bgp-cut": { evidence: "the node says that its BGP is cut", process: "running" },
} as const;

test.for(FAULT_HOWS)(
  "%s of a site: ordered at once, seen on each node, undone by revive",
  { timeout: 60_000 },
  async (how) => {
    const sinceSeq = lab.journal.lastSeq;
    const reply = await lab.fail({ target: "ny1", how });
    expect(reply).toMatchObject({ nodes: ["ny1-1", "ny1-2"], how });
    expect(eventsOf("fault.injected", sinceSeq)).toMatchObject([
      { nodes: ["ny1-1", "ny1-2"], atNs: reply.atNs },
    ]);
    const confirmed = eventsOf("fault.confirmed", sinceSeq);
    expect(confirmed.map(({ node }) => node).sort()).toEqual(["ny1-1", "ny1-2"]);
    for (const { evidence, atNs } of confirmed) {
      expect(evidence).toBe(PROOF[how].evidence);
      expect(atNs).toBeGreaterThan(reply.atNs);
    }
    expect(nodeOf("ny1-1")).toMatchObject({ fault: how, process: PROOF[how].process });
    expect(nodeOf("la1-1")).toMatchObject({ fault: null, process: "running" });
    await lab.revive({ target: "ny1" });
    expect(eventsOf("fault.removed", sinceSeq).map(({ node }) => node)).toEqual(["ny1-1", "ny1-2"]);
    await lab.untilReady();
    expect(nodeOf("ny1-1")).toMatchObject({
      fault: null,
      process: "running",
      serving: "ready",
      gateway: "healthy",
    });
  },
);

test(
  "a node under a fault stays down; the rest of its site can still fail",
  { timeout: 60_000 },
  async () => {
    const sinceSeq = lab.journal.lastSeq;
    await lab.fail({ target: "ny1-1", how: "kill" });
    await expect(lab.fail({ target: "ny1-1", how: "hang" })).rejects.toMatchObject({
      code: "FAULT_ACTIVE",
      message: 'ny1-1 is under "kill" already',
    });
    expect((await lab.fail({ target: "ny1", how: "kill" })).nodes).toEqual(["ny1-2"]);
    expect(eventsOf("process.restarting", sinceSeq)).toEqual([]);
    expect(eventsOf("process.exited", sinceSeq).map(({ wasAsked }) => wasAsked)).toEqual([true, true]);
    expect((await lab.reset()).nodes).toEqual(["ny1-1", "ny1-2"]);
  },
);

test(
  "a revive during a shutdown waits for the old process and starts one new one",
  { timeout: 60_000 },
  async () => {
    const sinceSeq = lab.journal.lastSeq;
    const { pid } = nodeOf("ny1-1");
    const failing = lab.fail({ target: "ny1-1", how: "shutdown" });
    await lab.revive({ target: "ny1-1" });
    await failing;
    await event("ny1-1 to start", sinceSeq, ({ kind }) => kind === "process.started");
    await lab.untilReady();
    expect(nodeOf("ny1-1").pid).not.toBe(pid);
    const story = lab.journal
      .since(sinceSeq)
      .filter(({ kind }) => kind === "process.exited" || kind === "process.started");
    expect(story.map(({ kind }) => kind)).toEqual(["process.exited", "process.started"]);
  },
);

test("who dies unasked is started again after 100 ms, on the same port", { timeout: 60_000 }, async () => {
  for (const name of ["ny1-1", "sim", "gateway"]) {
    const sinceSeq = lab.journal.lastSeq;
    const { url } = nodeOf("ny1-1");
    process.kill(name === "ny1-1" ? nodeOf(name).pid! : pidOf(name), "SIGKILL");
    const isOver = (it: JournalEvent): boolean => it.kind === "process.ready" && it.process === name;
    await event(`${name} to come back`, sinceSeq, isOver);
    await lab.untilReady();
    expect(eventsOf("process.exited", sinceSeq)).toMatchObject([
      { process: name, signal: "SIGKILL", wasAsked: false },
    ]);
    expect(eventsOf("process.restarting", sinceSeq)).toMatchObject([
      { process: name, attempt: 1, delayMs: 100 },
    ]);
    expect(nodeOf("ny1-1").url).toBe(url);
  }
});

test(
  "a frozen node that is killed by somebody else comes back, and its fault is over",
  { timeout: 60_000 },
  async () => {
    await lab.fail({ target: "ny1-1", how: "hang" });
    const { pid } = nodeOf("ny1-1");
    expect(processState(pid!)).toBe("T");
    const sinceSeq = lab.journal.lastSeq;
    process.kill(pid!, "SIGKILL");
    await event("the fault to end", sinceSeq, (it) => it.kind === "fault.removed" && it.node === "ny1-1");
    await event(
      "ny1-1 to come back",
      sinceSeq,
      (it) => it.kind === "process.ready" && it.process === "ny1-1",
    );
    await lab.untilReady();
    expect(nodeOf("ny1-1").fault).toBeNull();
  },
);

test(
  "a drain outlives the gateway's and the node's process, and revive undoes it",
  { timeout: 60_000 },
  async () => {
    let sinceSeq = lab.journal.lastSeq;
    await lab.drain({ target: "ny1-1" });
    expect(eventsOf("drain.finished", sinceSeq)).toMatchObject([{ node: "ny1-1", requestsOpen: 0 }]);
    await event(
      "the gateway to see it",
      sinceSeq,
      (it) => it.kind === "gateway.node" && it.to === "draining",
    );
    await expect(lab.drain({ target: "ny1-1" })).rejects.toMatchObject({ code: "FAULT_ACTIVE" });
    for (const pid of [nodeOf("ny1-1").pid!, pidOf("gateway")]) {
      sinceSeq = lab.journal.lastSeq;
      process.kill(pid, "SIGKILL");
      await event("it to come back", sinceSeq, ({ kind }) => kind === "process.ready");
      await event(
        "ny1-1 to be drained",
        sinceSeq,
        (it) => it.kind === "gateway.node" && it.to === "draining",
      );
    }
    expect(nodeOf("ny1-1").serving).toBe("draining");
    await lab.revive({ target: "ny1-1" });
    await lab.untilReady();
    expect(nodeOf("ny1-1")).toMatchObject({ serving: "ready", gateway: "healthy" });
  },
);

test("a revive before the end of a drain says so to who waits for it", { timeout: 30_000 }, async () => {
  const draining = lab.drain({ target: "ny1-1" });
  const reviving = lab.revive({ target: "ny1-1" });
  await expect(draining).rejects.toMatchObject({ code: "DRAIN_UNDONE" });
  await reviving;
  await lab.untilReady();
});

test("a command finds the lab by its file and has its answers", async () => {
  const client = LabClient.find(options.runtimeDir);
  expect(await client.status()).toMatchObject({ pid: process.pid, controlUrl: lab.controlUrl });
  expect((await client.revive({ target: "ny1" })).nodes).toEqual([]);
  await expect(client.fail({ target: "ny2", how: "kill" })).rejects.toMatchObject({
    code: "TARGET_UNKNOWN",
    hint: 'did you mean "ny1"?',
    exitCode: 2,
  });
  await expect(client.drain({ target: "atlantis" })).rejects.toMatchObject({
    hint: expect.stringMatching(/^sites are ny1, la1, /) as string,
  });
});

test("events are read after a number, and reported from outside the cast", async () => {
  const client = LabClient.find(options.runtimeDir);
  const sinceSeq = lab.journal.lastSeq;
  await client.emit({ kind: "test.finished", label: "here", ok: 14, failed: 0 });
  const seen: JournalEvent[] = [];
  for await (const it of client.events(sinceSeq, false)) seen.push(it);
  expect(seen).toContainEqual(
    expect.objectContaining({ seq: sinceSeq + 1, kind: "test.finished", source: "load", label: "here" }),
  );
  await expect(client.emit({ kind: "lab.ready", sinceStartMs: 1 })).rejects.toMatchObject({
    code: "BODY_INVALID",
  });
});

test("who follows sees what happens, until they leave", { timeout: 30_000 }, async () => {
  const client = LabClient.find(options.runtimeDir);
  const sinceSeq = lab.journal.lastSeq;
  for (let round = 0; round < 2; round++) {
    const following = client.events(sinceSeq, true);
    const next = following.next();
    if (round === 0) lab.emit({ kind: "test.finished", label: "followed", ok: 1, failed: 0 });
    expect((await next).value).toMatchObject({ kind: "test.finished", label: "followed" });
    await following.return(undefined);
  }
});

test("asking to stop is passed on to whoever holds the lab", async () => {
  const client = LabClient.find(options.runtimeDir);
  await client.stop();
  await expect.poll(() => stopsAsked).toBe(1);
  expect((await client.status()).isReady).toBe(true);
});

interface Refusal {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly status: number;
  readonly code: string;
}

const REFUSALS: readonly Refusal[] = [
  { name: "no token", headers: { authorization: "" }, status: 401, code: "TOKEN_REFUSED" },
  { name: "a wrong token", headers: { authorization: "Bearer guess" }, status: 401, code: "TOKEN_REFUSED" },
  {
    name: "a foreign Host (DNS rebinding)",
    headers: { host: "evil.example:80" },
    status: 421,
    code: "HOST_REFUSED",
  },
  {
    name: "a foreign Host, to read",
    method: "GET",
    path: "/api/v1/status",
    headers: { host: "evil.example:80" },
    status: 421,
    code: "HOST_REFUSED",
  },
  {
    name: "a foreign Origin",
    headers: { origin: "http://evil.example" },
    status: 403,
    code: "ORIGIN_REFUSED",
  },
  { name: "a form's body", headers: { "content-type": "text/plain" }, status: 415, code: "TYPE_REFUSED" },
  { name: "GET for what changes something", method: "GET", status: 404, code: "PATH_UNKNOWN" },
  {
    name: "an unknown way to fail",
    body: '{"target":"ny1","how":"melt"}',
    status: 400,
    code: "BODY_INVALID",
  },
  { name: "an unknown key", body: '{"target":"ny1","how":"kill","x":1}', status: 400, code: "BODY_INVALID" },
  { name: "broken JSON", body: '{"target":', status: 400, code: "FST_ERR_CTP_INVALID_JSON_BODY" },
  { name: "since=x", method: "GET", path: "/api/v1/events?since=x", status: 400, code: "SINCE_INVALID" },
];

test.for(REFUSALS)(
  "refused: $name",
  async ({ method = "POST", path = "/api/v1/fail", headers, body, status, code }) => {
    const sinceSeq = lab.journal.lastSeq;
    const { hostname, port } = new URL(lab.controlUrl);
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number | undefined;
      text: string;
    }>();
    const request = httpRequest(
      { hostname, port, path, method, headers: { ...goodHeaders(), ...headers } },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode, text }));
      },
    );
    request.on("error", reject);
    request.end(method === "GET" ? undefined : (body ?? '{"target":"ny1","how":"kill"}'));
    const answer = await promise;
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code } });
    expect(eventsOf("fault.injected", sinceSeq)).toEqual([]);
  },
);

function goodHeaders(): Record<string, string> {
  const { host } = new URL(lab.controlUrl);
  return { host, authorization: `Bearer ${lab.token}`, "content-type": "application/json" };
}

test("a second lab is refused before it starts anybody, and takes nothing from the first", async () => {
  await expect(Lab.start({ ...options, journalFile: undefined })).rejects.toMatchObject({
    code: "LAB_RUNNING",
    message: expect.stringContaining(`pid ${process.pid}, ${lab.gatewayUrl}`) as string,
  });
  expect((await LabClient.find(options.runtimeDir).status()).isReady).toBe(true);
});

test.skipIf(process.platform !== "linux")(
  "a Ctrl-C of the terminal reaches none of the children: each has a process group of its own",
  () => {
    const { sites, processes } = lab.status();
    const pids = [...sites.flatMap(({ nodes }) => nodes), ...processes].map(({ pid }) => pid!);
    expect(pids).toHaveLength(18 + 3);
    expect(pids.map(processGroup)).toEqual(pids);
    expect(pids).not.toContain(processGroup(process.pid));
  },
);

/** proc(5), field 5. */
function processGroup(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[2]);
}

test("a busy port that was asked for is refused, with its holder, and nothing is left", async () => {
  const port = Number(new URL(lab.controlUrl).port);
  const runtimeDir = join(root, "other");
  const other = { ...options, runtimeDir, journalFile: undefined, controlPort: { port, isStrict: true } };
  await expect(Lab.start(other)).rejects.toMatchObject({
    code: "PORT_BUSY",
    message: expect.stringContaining(`port ${port} on 127.0.0.1, for the control API, is taken`) as string,
  });
  expect(readdirSync(runtimeDir)).toEqual([]);
});

test(
  "a gentle stop ends every process, closes the journal and leaves no file",
  { timeout: 30_000 },
  async () => {
    const pids = lab.status().sites.flatMap((site) => site.nodes.map(({ pid }) => pid!));
    pids.push(...lab.status().processes.map(({ pid }) => pid!));
    await lab.fail({ target: "syd1", how: "hang" });
    const client = LabClient.find(options.runtimeDir);
    const followed: JournalEvent[] = [];
    const following = (async () => {
      for await (const it of client.events(lab.journal.lastSeq, true)) followed.push(it);
    })();
    await Promise.all([lab.stop("the test", "drain"), lab.stop("asked twice", "drain")]);
    await following;
    expect(pids.map(processState)).toEqual(pids.map(() => undefined));
    expect(readdirSync(options.runtimeDir)).toEqual([]);
    const lines = readFileSync(options.journalFile!, "utf8").trimEnd().split("\n");
    const written = lines.slice(1).map((line) => JSON.parse(line) as JournalEvent);
    expect(written).toEqual(lab.journal.since(0));
    expect(written.filter(({ kind }) => kind === "lab.stopping")).toHaveLength(1);
    await expect(lab.untilReady()).rejects.toMatchObject({ code: "LAB_NOT_READY" });
  },
);
