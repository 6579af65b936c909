/** `anycastle sim validate` as a person types it; the rows themselves are tested in test/sim/truth. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { TruthRow } from "#sim/truth/truth-row.ts";
import { dataFile, NO_DATA } from "../../bench/shared-data.ts";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

test("every row has a source and a verdict, what was not run says why, and the laws hold", async () => {
  const { status, stdout } = await anycastle(dir, "sim", "validate", "--quick", "--json");
  const { rows, isFailed } = JSON.parse(stdout) as { rows: TruthRow[]; isFailed: boolean };
  expect([status, isFailed]).toEqual([0, false]);
  expect(rows.filter(({ verdict }) => verdict === "equal").length).toBeGreaterThan(40);
  expect(rows.filter(({ verdict }) => verdict === "differs")).toEqual([]);
  for (const { source, got } of rows) expect([source, got]).not.toContain("");
  const unrun = rows.filter(({ verdict }) => verdict === "not run");
  expect(unrun.map(({ quantity }) => quantity)).toContain("catchments of large networks");
});

test("for people: a line for each row and one for all", async () => {
  const { status, stdout } = await anycastle(dir, "sim", "validate", "--quick");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^equal {4}BFD 3 x 100 ms: detection of silence$/m);
  expect(stdout).toMatch(/^\d+ rows: \d+ hold, 0 do not, .* not run$/m);
});

test("a graph that is none is told before anything runs", async () => {
  writeFileSync(join(dir, "noise.txt"), "1|2|7\n");
  const { status, stdout, stderr } = await anycastle(dir, "sim", "validate", "--graph", "noise.txt");
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("noise.txt:1:");
});

test("on a graph that was given every AS ends where the static solve says", async (context) => {
  const graph = dataFile("as-rel/19980101.as-rel.txt.gz");
  if (graph === undefined) return context.skip(NO_DATA);
  const { status, stdout } = await anycastle(dir, "sim", "validate", "--quick", "--json", "--graph", graph);
  const { rows } = JSON.parse(stdout) as { rows: TruthRow[] };
  const given = rows.filter(({ quantity }) => quantity.includes("19980101"));
  expect([status, given.map(({ verdict, got }) => `${verdict}: ${got}`)]).toEqual([
    0,
    ["equal: 3233 of 3233 ASes equal"],
  ]);
});
