/**
 * The whole cast as processes: what must hold when a site dies or is drained. One cast for all tests, each leaves it
 * whole; what dies under load is `under-load.test.ts`. Facts only; times belong to benches.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { JournalEvent } from "#core/wire/events.ts";
import { LabClient } from "#lab/client.ts";
import { Lab, LAB_DEFAULTS } from "#lab/lab.ts";
import { allCities, runSpeedTest } from "#loadtest/speed/speed-test.ts";
import { HOME } from "./home.ts";

const ANY_PORT = { port: 0, isStrict: false };

let runtimeDir: string;
let lab: Lab;

beforeAll(async () => {
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

afterAll(async () => {
  await lab.stop("the tests are over", "now");
  rmSync(runtimeDir, { recursive: true, force: true });
}, 30_000);

function speedTest(): ReturnType<typeof runSpeedTest> {
  return runSpeedTest({
    gatewayUrl: lab.gatewayUrl,
    vantages: allCities(),
    rounds: 1,
    label: "e2e",
  });
}

function sitesOf(test: Awaited<ReturnType<typeof speedTest>>): Record<string, string | null> {
  return Object.fromEntries(
    test.rows.map((row) => [row.vantage, row.status === 200 ? row.site : `${row.status}`]),
  );
}

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
