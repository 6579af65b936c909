/** `--log-format json`: every line that a process says of itself is a record, from its first word to its last. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anycastle, LongRun, run, LAUNCHER, scratch } from "./run-cli.ts";
import { PROJECT_ROOT } from "../tidy/project-files.ts";

interface Record {
  readonly [extra: string]: unknown;
  readonly timestamp: string;
  readonly level: string;
  readonly message: string;
  readonly module: string;
  readonly function: string;
  readonly line: number;
}

const { dir, remove } = scratch();
let upstream: Server;

beforeAll(async () => {
  upstream = createServer((_request, response) => response.end("ok"));
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const { port } = upstream.address() as AddressInfo;
  writeFileSync(
    join(dir, "anycastle.yaml"),
    `listen: 127.0.0.1:0
admin: "off"
sites:
  - id: fra
    nodes: [{ id: fra-1, url: "http://127.0.0.1:${port}" }]
health: { intervalMs: 20, timeoutMs: 20 }
`,
  );
});
afterAll(() => {
  upstream.close();
  upstream.closeAllConnections();
  remove();
});

/** All of them, each held against what a record is. */
function recordsIn(text: string): Record[] {
  const records = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record);
  for (const record of records) {
    expect(record.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.parse(record.timestamp) - Date.now())).toBeLessThan(3_600_000);
    expect(["DEBUG", "INFO", "WARNING", "ERROR"]).toContain(record.level);
    // The place is one in the source at which something is said.
    const source = readFileSync(join(PROJECT_ROOT, `${record.module}.ts`), "utf8").split("\n");
    expect(source[record.line - 1]).toMatch(/emit|say|tell|throw|UserError/);
  }
  return records;
}

test("the gateway: warnings of the file, addresses, verdicts, a reload, its end; standard output is empty", async () => {
  const gateway = new LongRun(dir, ["gateway", "--log-format", "json"]);
  await gateway.said("unproven -> healthy");
  gateway.kill("SIGHUP");
  await gateway.said("new configuration in force");
  gateway.kill("SIGTERM");
  expect(await gateway.ended).toEqual({ status: 143, signal: null });
  expect(gateway.stdout).toBe("");
  const records = recordsIn(gateway.stderr);
  const saidBy = (message: string): Record => records.find((record) => record.message.includes(message))!;
  expect(saidBy('site "fra" has one node')).toMatchObject({
    level: "WARNING",
    event_type: "config.warning",
    at: "5:12",
  });
  expect(saidBy("the gateway serves")).toMatchObject({
    level: "INFO",
    module: "cli/gateway/run-gateway",
    function: "run",
    url: expect.stringMatching(/^http:/) as string,
  });
  expect(saidBy("unproven -> healthy")).toMatchObject({
    level: "INFO",
    event_type: "gateway.node",
    node: "fra-1",
    to: "healthy",
  });
  expect(saidBy("unproven -> healthy").module).toMatch(/^gateway\//);
  expect(saidBy("new configuration")).toMatchObject({
    event_type: "gateway.reload",
    changes: 0,
    function: "reload",
  });
  expect(records.at(-1)).toMatchObject({ level: "INFO", module: "cli/departure" });
  expect(records.filter(({ level }) => level === "DEBUG")).toEqual([]);
});

test("a level hides what is below it; debug has the windows too", async () => {
  const quiet = new LongRun(dir, ["gateway", "--log-format", "json", "--log-level", "warning"]);
  await quiet.said("has one node");
  const loud = new LongRun(dir, ["gateway", "--log-format", "json", "--log-level", "debug"]);
  await loud.said("the gateway serves");
  const { url } = recordsIn(loud.stderr).find(({ message }) => message === "the gateway serves")!;
  await loud.said("unproven -> healthy");
  await fetch(String(url));
  await loud.said("DEBUG");
  for (const gateway of [quiet, loud]) {
    gateway.kill("SIGTERM");
    await gateway.ended;
  }
  expect(new Set(recordsIn(quiet.stderr).map(({ level }) => level))).toEqual(new Set(["WARNING"]));
  expect(recordsIn(loud.stderr).find(({ level }) => level === "DEBUG")).toHaveProperty("event_type");
});

test("what keeps it from starting is a record too", async () => {
  writeFileSync(join(dir, "bad.yaml"), "sites: []\n");
  for (const [file, code] of [
    ["bad.yaml", undefined],
    ["none.yaml", "CONFIG_UNREADABLE"],
  ] as const) {
    const { status, stdout, stderr } = await anycastle(dir, "gateway", "-c", file, "--log-format", "json");
    expect([status, stdout]).toEqual([2, ""]);
    const last = recordsIn(stderr).at(-1)!;
    expect(last.level).toBe("ERROR");
    if (code !== undefined) expect(last).toMatchObject({ event_type: "error", error_type: code });
  }
});

test("node and simulator speak the same way", async () => {
  for (const words of [
    ["node", "--id", "fra-1", "--listen", "127.0.0.1:0"],
    ["sim", "serve", "--listen", "127.0.0.1:0", "-c", "sim.yaml"],
  ]) {
    writeFileSync(join(dir, "sim.yaml"), "routers: [{ site: ny1, port: 0, peers: [] }]\n");
    const running = new LongRun(dir, [...words, "--log-format", "json"]);
    await running.said('"message"');
    running.kill("SIGTERM");
    await running.ended;
    expect(running.stdout).toBe("");
    expect(recordsIn(running.stderr).length).toBeGreaterThan(0);
  }
});

test("another word than a format or a level is refused with those that there are", async () => {
  const { status, stderr } = await run(process.execPath, [LAUNCHER, "gateway", "--log-format", "jason"], dir);
  expect(status).toBe(2);
  expect(stderr).toContain("It must be one of text, json. Did you mean json?");
});
