/** The whole cast as processes: what must hold when parts of it die. Facts only; times belong to benches. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { JournalEvent } from "#core/wire/events.ts";
import { LabClient } from "#lab/client.ts";
import { Lab, LAB_DEFAULTS } from "#lab/lab.ts";
import { allCities, runSpeedTest } from "#loadtest/speed/speed-test.ts";

const ANY_PORT = { port: 0, isStrict: false };

let runtimeDir: string;
let lab: Lab;

beforeEach(async () => {
  runtimeDir = mkdtempSync(join(tmpdir(), "anycastle-e2e-"));
  lab = await Lab.start({
    ...LAB_DEFAULTS,
    seed: 1,
    gatewayPort: ANY_PORT,
    controlPort: ANY_PORT,
    runtimeDir,
    journalFile: undefined,
    version: "0.0.0",
  });
  await lab.untilReady();
}, 60_000);

afterEach(async () => {
  await lab.stop("the test is over", "now");
  rmSync(runtimeDir, { recursive: true, force: true });
}, 30_000);

function speedTest(): ReturnType<typeof runSpeedTest> {
  return runSpeedTest({
    gatewayUrl: lab.gatewayUrl,
    vantages: allCities(),
    rounds: 1,
    label: "e2e",
    originSite: "ny1",
  });
}

function sitesOf(test: Awaited<ReturnType<typeof speedTest>>): Record<string, string | null> {
  return Object.fromEntries(
    test.rows.map((row) => [row.vantage, row.status === 200 ? row.site : `${row.status}`]),
  );
}

const HOME = {
  "new-york": "ny1",
  "los-angeles": "la1",
  "san-francisco": "la1",
  london: "ams1",
  frankfurt: "ams1",
  amsterdam: "ams1",
  "hong-kong": "hkg1",
  singapore: "hkg1",
  sydney: "syd1",
  shanghai: "hgh1",
  hangzhou: "hgh1",
  wuhan: "wuh1",
  chengdu: "ctu1",
  shenzhen: "szx1",
};

async function vantageReaches(vantage: string, site: string): Promise<void> {
  const isThere = (event: JournalEvent): boolean =>
    event.kind === "vantage.moved" && event.vantage === vantage && event.to === site;
  if (lab.status().vantages.find((known) => known.vantage === vantage)?.site === site) return;
  await lab.waitFor(isThere, { timeoutMs: 15_000, what: `${vantage} to reach ${site}` });
}

test(
  "a killed site is served by the next at once, and comes home when revived",
  { timeout: 60_000 },
  async () => {
    expect(sitesOf(await speedTest())).toEqual(HOME);
    await lab.fail({ target: "ny1", how: "kill" });
    expect(sitesOf(await speedTest())).toEqual({ ...HOME, "new-york": "la1" });
    await vantageReaches("new-york", "la1");
    await lab.revive({ target: "ny1" });
    await lab.untilReady();
    await vantageReaches("new-york", "ny1");
    expect(sitesOf(await speedTest())).toEqual(HOME);
  },
);

test("a killed node moves no vantage", { timeout: 60_000 }, async () => {
  const sinceSeq = lab.journal.lastSeq;
  await lab.fail({ target: "ny1-1", how: "kill" });
  expect(sitesOf(await speedTest())).toEqual(HOME);
  await lab.waitFor(
    (event) => event.kind === "router.session" && event.node === "ny1-1" && event.state === "down",
    {
      sinceSeq,
      timeoutMs: 10_000,
      what: "the router to lose ny1-1",
    },
  );
  expect(lab.journal.since(sinceSeq).filter((event) => event.kind === "vantage.moved")).toEqual([]);
});

test(
  "a killed simulator fails nobody: routes stay, flagged, and its sessions come back",
  { timeout: 60_000 },
  async () => {
    const sinceSeq = lab.journal.lastSeq;
    const { pid } = lab.status().processes.find(({ process }) => process === "sim")!;
    process.kill(pid!, "SIGKILL");
    await lab.waitFor((event) => event.kind === "gateway.feed" && event.state === "stale", {
      sinceSeq,
      timeoutMs: 10_000,
      what: "the gateway to lose the feed",
    });
    expect(sitesOf(await speedTest())).toEqual(HOME);
    await lab.waitFor((event) => event.kind === "gateway.feed" && event.state === "live", {
      sinceSeq: lab.journal.lastSeq - 1,
      timeoutMs: 30_000,
      what: "the feed to come back",
    });
    expect(sitesOf(await speedTest())).toEqual(HOME);
  },
);

test(
  "a drained site is left by the network before its nodes stop, and revive undoes it",
  { timeout: 60_000 },
  async () => {
    await lab.drain({ target: "ny1" });
    await vantageReaches("new-york", "la1");
    expect(sitesOf(await speedTest())).toEqual({ ...HOME, "new-york": "la1" });
    await lab.revive({ target: "ny1" });
    await vantageReaches("new-york", "ny1");
    await lab.untilReady();
    expect(sitesOf(await speedTest())).toEqual(HOME);
  },
);

test(
  "commands find the lab by its file, and a second lab refuses to start",
  { timeout: 30_000 },
  async () => {
    const client = LabClient.find(runtimeDir);
    expect((await client.status()).sites).toHaveLength(9);
    await expect(client.fail({ target: "ny2", how: "kill" })).rejects.toMatchObject({
      code: "TARGET_UNKNOWN",
    });
    await client.fail({ target: "syd1", how: "hang" });
    await expect(client.fail({ target: "syd1", how: "kill" })).rejects.toMatchObject({
      code: "FAULT_ACTIVE",
    });
    expect((await client.reset()).nodes).toEqual(["syd1-1", "syd1-2"]);
  },
);
