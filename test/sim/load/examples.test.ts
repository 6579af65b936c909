/** The worlds that ship as examples: each is a document that its loader reads, and the one that brings its graph serves all. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { openWorld, type OpenWorld } from "#sim/load/open-world.ts";
import { worldDocumentSchema, type WorldDocument } from "#sim/load/world-document.ts";
import { dataFile, NO_DATA } from "../../../bench/shared-data.ts";
import { PROJECT_ROOT } from "../../tidy/project-files.ts";

const FOLDER = join(PROJECT_ROOT, "examples");
const NAMES = readdirSync(FOLDER).filter((name) => /^world-.*\.yaml$/.test(name));

function documentOf(name: string): WorldDocument {
  return worldDocumentSchema.parse(parse(readFileSync(join(FOLDER, name), "utf8")));
}

/** Site that each vantage reaches. */
function reached({ graph, sites, vantages }: OpenWorld): Record<string, string | undefined> {
  const { site } = new CatchmentSolver(graph).solve(sites);
  return Object.fromEntries(
    vantages.map(({ vantage, vertex }) => [
      vantage,
      sites.find((each) => each.vertex === site[vertex])?.site,
    ]),
  );
}

test("there are two", () => expect(NAMES).toEqual(["world-caida.yaml", "world-generated.yaml"]));

test.for(NAMES)("%s is a world", (name) => expect(documentOf(name).sites.length).toBeGreaterThan(3));

test("on the Internet that it names every vantage is served, New York by ny1", async (context) => {
  const file = dataFile("as-rel/20250901.as-rel.txt.gz");
  if (file === undefined) return context.skip(NO_DATA);
  const world = await openWorld({ ...documentOf("world-caida.yaml"), graph: { file } }, "/");
  const sites = reached(world);
  expect(Object.values(sites)).not.toContain(undefined);
  expect(sites).toMatchObject({ "new-york": "ny1", "los-angeles": "la1", london: "ams1", sydney: "syd1" });
});
