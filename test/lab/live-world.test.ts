/**
 * A cast on a world of one's own: the example that needs nobody's graph, its sites real processes, its Internet generated.
 * New York dies and comes back, as on the built-in world.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { JournalEvent } from "#core/wire/events.ts";
import type { LiveWorld } from "#core/wire/world.ts";
import { Lab, LAB_DEFAULTS } from "#lab/lab.ts";
import { placesOf } from "#lab/page/places.ts";
import { runSpeedTest } from "#loadtest/speed/speed-test.ts";
import { liveWorldOf } from "../../cli/sim/live-world-of.ts";
import type { Output } from "../../cli/output.ts";
import { PROJECT_ROOT } from "../tidy/project-files.ts";

const ANY_PORT = { port: 0, isStrict: false };
const EVENT_MS_MAX = 15_000;
const SILENT: Output = {
  isColour: false,
  isTerminal: false,
  print: () => undefined,
  printJson: () => undefined,
  tell: () => undefined,
  paint: (_, text) => text,
};

let root: string;
let world: LiveWorld;
let lab: Lab;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "anycastle-live-world-"));
  world = await liveWorldOf(join(PROJECT_ROOT, "examples", "world-generated.yaml"), SILENT);
  lab = await Lab.start({
    ...LAB_DEFAULTS,
    seed: 1,
    nodesPerSite: 1,
    drain: { quietMs: 50, maxMs: 1_000 },
    gatewayPort: ANY_PORT,
    controlPort: ANY_PORT,
    runtimeDir: join(root, "runtime"),
    journalFile: undefined,
    version: "0.0.0",
    world,
    onStopAsked: () => undefined,
  });
  await lab.untilReady();
}, 60_000);

afterAll(async () => {
  await lab.stop("the tests are over", "now");
  rmSync(root, { recursive: true, force: true });
}, 30_000);

async function servedFrom(): Promise<Record<string, string | null>> {
  const { vantages } = lab.status();
  const { rows } = await runSpeedTest({ gatewayUrl: lab.gatewayUrl, vantages, rounds: 1, label: "test" });
  expect(rows.map(({ status }) => status)).toEqual(rows.map(() => 200));
  return Object.fromEntries(rows.map(({ vantage, site }) => [vantage, site]));
}

function moved(to: string, sinceSeq: number): Promise<JournalEvent> {
  return lab.waitFor(
    (event) => event.kind === "vantage.moved" && event.vantage === "new-york" && event.to === to,
    { sinceSeq, timeoutMs: EVENT_MS_MAX, what: `New York at ${to}` },
  );
}

const BEFORE = {
  "new-york": "ny1",
  "los-angeles": "la1",
  "san-francisco": "la1",
  london: "ams1",
  amsterdam: "ams1",
  "hong-kong": "hkg1",
  singapore: "hkg1",
  toronto: "ny1",
};

test("the part of the Internet that matters is small; sites and vantages are the world's", () => {
  expect(world.network.asn.length).toBeLessThan(500);
  const { sites, vantages } = lab.status();
  expect(sites.map(({ site, city }) => [site, city])).toEqual([
    ["ny1", "New York"],
    ["la1", "Los Angeles"],
    ["ams1", "Amsterdam"],
    ["hkg1", "Hong Kong"],
  ]);
  expect(vantages.find(({ vantage }) => vantage === "toronto")).toMatchObject({
    city: "Toronto",
    site: "ny1",
  });
  expect(lab.status().places?.vantages).toEqual(world.vantages);
  const places = placesOf(world);
  expect(places.find(({ vantage }) => vantage === "new-york")).toMatchObject({ site: "ny1" });
  expect(places.find(({ vantage }) => vantage === "toronto")).toMatchObject({ site: null, latitude: 43.7 });
});

test("New York dies: its clients, Toronto too, are served by la1; it comes back, and so do they", async () => {
  expect(await servedFrom()).toEqual(BEFORE);
  const deathSeq = lab.journal.lastSeq;
  await lab.fail({ target: "ny1", how: "kill" });
  // Before BGP has told anybody, the gateway asks another site.
  expect(await servedFrom()).toMatchObject({ "los-angeles": "la1", london: "ams1" });
  await moved("la1", deathSeq);
  expect(await servedFrom()).toEqual({ ...BEFORE, "new-york": "la1", toronto: "la1" });
  const returnSeq = lab.journal.lastSeq;
  await lab.revive({ target: "ny1" });
  await moved("ny1", returnSeq);
  await lab.untilReady();
  expect(await servedFrom()).toEqual(BEFORE);
});
