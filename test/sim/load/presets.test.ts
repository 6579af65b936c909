/** The built-in worlds: `nine-pops` is the demo's own, `book` is decided by no tie, and all of them open. */
import { expect, test } from "vitest";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { openWorld, type OpenWorld } from "#sim/load/open-world.ts";
import { PRESET_NAMES, type PresetName } from "#sim/load/preset-names.ts";
import { presetDocument } from "#sim/load/presets.ts";
import { worldDocumentSchema } from "#sim/load/world-document.ts";
import { defaultWorld } from "#sim/topology/default-world.ts";

function openPreset(name: PresetName): Promise<OpenWorld> {
  return openWorld(worldDocumentSchema.parse(presetDocument(name)), ".");
}

/** Site of each vantage while the sites at `up` announce; with a star where a tie decides. */
function catchmentOf(world: OpenWorld, up: readonly string[]): Record<string, string | undefined> {
  const sites = world.sites.filter(({ site }) => up.includes(site));
  const solved = new CatchmentSolver(world.graph).solveWithTies(sites);
  return Object.fromEntries(
    world.vantages.map(({ vantage, vertex }) => {
      const ties = solved.ties[vertex]!;
      const name = sites.find((site) => site.vertex === solved.site[vertex])?.site;
      return [vantage, (ties & (ties - 1)) === 0 ? name : `${name}*`];
    }),
  );
}

test.for(PRESET_NAMES)("%s opens, and each of its vantages knows how far each site is", async (name) => {
  const { vantages, sites, timers } = await openPreset(name);
  expect(vantages).toHaveLength(14);
  expect(timers?.name).toBe("own");
  for (const { rttUs } of vantages) {
    expect(rttUs).toHaveLength(sites.length);
    expect(rttUs.every((us) => us !== undefined && us > 0)).toBe(true);
  }
});

test("nine-pops is the demo's world: the same site from each vantage in all 512 combinations", async () => {
  const preset = await openPreset("nine-pops");
  const world = defaultWorld();
  const solver = new CatchmentSolver(world.graph);
  const names = world.sites.map(({ site }) => site);
  for (let bits = 1; bits < 2 ** names.length; bits++) {
    const sources = world.sites.filter((_, index) => (bits & (1 << index)) !== 0);
    const solved = solver.solve(sources);
    const wanted = Object.fromEntries(
      world.vantages.map(({ vantage, vertex }) => [
        vantage,
        sources.find((source) => source.vertex === solved.site[vertex])?.site,
      ]),
    );
    expect(
      catchmentOf(
        preset,
        sources.map(({ site }) => site),
      ),
    ).toEqual(wanted);
  }
  for (const { vantage, rttUs } of preset.vantages) {
    expect(rttUs).toEqual(names.map((site) => world.rttUs(vantage, site)));
  }
  expect(preset.timers?.engine).toMatchObject(world.engine);
});

test("book: the cities of the source reach the sites it shows, and New York falls to Ashburn", async () => {
  const world = await openPreset("book");
  const all = world.sites.map(({ site }) => site);
  expect(all).toEqual(["ny1", "ash1", "la1", "ams1", "fra1", "sgp1", "syd1"]);
  const whole = catchmentOf(world, all);
  expect(whole).toMatchObject({
    frankfurt: "ams1",
    "new-york": "ny1",
    "hong-kong": "sgp1",
    sydney: "syd1",
    shanghai: "sgp1",
  });
  const without = catchmentOf(
    world,
    all.filter((site) => site !== "ny1"),
  );
  expect(without["new-york"]).toBe("ash1");
});

test("book: no tie decides anything, whichever sites are up", async () => {
  const world = await openPreset("book");
  const all = world.sites.map(({ site }) => site);
  for (let bits = 1; bits < 2 ** all.length; bits++) {
    const up = all.filter((_, index) => (bits & (1 << index)) !== 0);
    const tied = Object.entries(catchmentOf(world, up)).filter(([, site]) => site?.endsWith("*") !== false);
    expect({ up, tied }).toEqual({ up, tied: [] });
  }
});
