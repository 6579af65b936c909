/** The gateway's port was free when the lab looked, and somebody else's before the gateway could bind it. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { JournalEvent } from "#core/wire/events.ts";
import { LabClient } from "#lab/client.ts";
import { Lab, LAB_DEFAULTS } from "#lab/lab.ts";
import { freePorts } from "#lab/ports.ts";

const HOST = "127.0.0.1";

let runtimeDir: string;
let lab: Lab | undefined;
let thief: Server;

beforeEach(() => {
  runtimeDir = mkdtempSync(join(tmpdir(), "anycastle-port-"));
  thief = createServer((socket) => socket.destroy());
});

afterEach(async () => {
  await lab?.stop("the test is over", "now");
  await new Promise((resolve) => thief.close(resolve));
  rmSync(runtimeDir, { recursive: true, force: true });
}, 30_000);

/** A lab whose gateway finds its port taken: its process is started, and takes longer to come up than a bind does. */
async function startRobbed(port: number, isStrict: boolean): Promise<Lab> {
  lab = await Lab.start({
    ...LAB_DEFAULTS,
    seed: 1,
    nodesPerSite: 1,
    gatewayPort: { port, isStrict },
    controlPort: { port: 0, isStrict: false },
    runtimeDir,
    journalFile: undefined,
    version: "0.0.0",
  });
  expect(new URL(lab.gatewayUrl).port).toBe(String(port));
  await new Promise<void>((resolve, reject) => {
    thief.once("error", reject);
    thief.listen(port, HOST, resolve);
  });
  return lab;
}

test(
  "a default moves to the next free port, says so, and commands find it there",
  { timeout: 60_000 },
  async () => {
    const [port] = await freePorts(HOST, 1);
    const robbed = await startRobbed(port!, false);
    await robbed.untilReady();
    expect(Number(new URL(robbed.gatewayUrl).port)).toBeGreaterThan(port!);
    const note = robbed.notes.find((line) =>
      line.includes(`port ${port} on ${HOST}, for the gateway, is taken`),
    );
    expect(note).toContain(`it is ${new URL(robbed.gatewayUrl).port} instead`);
    expect(robbed.journal.since(0).some((it) => it.kind === "process.log" && it.line === note)).toBe(true);
    const client = LabClient.find(runtimeDir);
    expect(client.gatewayUrl).toBe(robbed.gatewayUrl);
    expect((await client.status()).gatewayUrl).toBe(robbed.gatewayUrl);
    expect((await fetch(`${client.gatewayUrl}/health`)).status).toBe(200);
  },
);

test(
  "a port that was asked for is insisted on: its holder is named, and it is served once it is free",
  { timeout: 60_000 },
  async () => {
    const [port] = await freePorts(HOST, 1);
    const robbed = await startRobbed(port!, true);
    const isTold = (it: JournalEvent): boolean =>
      it.kind === "process.log" && it.line.includes(`port ${port} on ${HOST}, for the gateway, is taken`);
    await robbed.waitFor(isTold, { sinceSeq: 0, timeoutMs: 15_000, what: "the holder to be named" });
    expect(new URL(robbed.gatewayUrl).port).toBe(String(port));
    await new Promise((resolve) => thief.close(resolve));
    await robbed.untilReady();
    expect((await fetch(`${robbed.gatewayUrl}/health`)).status).toBe(200);
  },
);
