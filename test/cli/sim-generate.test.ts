/** `anycastle sim generate`: what it writes is what the loader reads, and a file is there whole or not at all. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { loadAsRel } from "#sim/load/load-as-rel.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { anycastle, LAUNCHER, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

/** Links by AS number, whatever the order of the vertices. */
function linksOf({ asn, neighbors, offsets, relations, vertexCount }: AsGraph): string[] {
  const links: string[] = [];
  for (let vertex = 0; vertex < vertexCount; vertex++) {
    for (let slot = offsets[vertex]!; slot < offsets[vertex + 1]!; slot++) {
      links.push(`${asn[vertex]} ${asn[neighbors[slot]!]} ${relations[slot]}`);
    }
  }
  return links.sort();
}

test.each(["plain.txt", "packed.txt.gz"])("%s is read back link by link", async (name) => {
  const { status } = await anycastle(dir, "sim", "generate", "1200", "--seed", "5", "--out", name);
  expect(status).toBe(0);
  const read = await loadAsRel(join(dir, name));
  expect(linksOf(read)).toEqual(linksOf(generateGraph(1_200, new Prng(5))));
});

test("the same number and seed give the same text, which says how it was made", async () => {
  const [first, again, other] = await Promise.all(
    ["1", "1", "2"].map((seed) => anycastle(dir, "sim", "generate", "1000", "--seed", seed)),
  );
  expect(first!.stdout).toBe(again!.stdout);
  expect(first!.stdout).not.toBe(other!.stdout);
  expect(first!.stdout).toMatch(/^# anycastle \S+ sim generate 1000 --seed 1\n/);
});

test("a file that is there stays, unless --force", async () => {
  writeFileSync(join(dir, "mine.txt"), "mine\n");
  const { status, stderr } = await anycastle(dir, "sim", "generate", "1000", "--out", "mine.txt");
  expect([status, stderr]).toEqual([2, expect.stringContaining("mine.txt is there already")]);
  expect(readFileSync(join(dir, "mine.txt"), "utf8")).toBe("mine\n");
  expect((await anycastle(dir, "sim", "generate", "1000", "--out", "mine.txt", "--force")).status).toBe(0);
  expect(readdirSync(dir).some((name) => name.endsWith(".partial"))).toBe(false);
});

test("a name that promises bzip2 is refused instead of being plain text", async () => {
  const { status, stderr } = await anycastle(dir, "sim", "generate", "1000", "--out", "packed.txt.bz2");
  expect([status, stderr]).toEqual([2, expect.stringContaining("packed.txt.bz2: bzip2 is read, but not")]);
  expect(readdirSync(dir)).not.toContain("packed.txt.bz2");
});

test.each([["3"], ["1e9"], ["many"]])("%s ASes: a clear sentence and status 2", async (count) => {
  const { status, stderr } = await anycastle(dir, "sim", "generate", count);
  expect([status, stderr.length > 0]).toEqual([2, true]);
});

test.skipIf(process.platform === "win32")("a reader that leaves ends it without a word", () => {
  const script = `"${process.execPath}" "${LAUNCHER}" sim generate 20000 | head -n 2`;
  const text = execFileSync("sh", ["-c", script], { encoding: "utf8" });
  expect(text.split("\n")).toHaveLength(3);
});

test("--json says what was written, and needs a file to be written", async () => {
  const { stdout } = await anycastle(
    dir,
    "sim",
    "generate",
    "1000",
    "--seed",
    "3",
    "--out",
    "told.txt",
    "--json",
  );
  const links = linksOf(await loadAsRel(join(dir, "told.txt"))).length / 2;
  expect(JSON.parse(stdout)).toEqual({
    schema: "anycastle.sim-generate/v1",
    file: "told.txt",
    seed: 3,
    ases: 1_000,
    links,
  });
  const { status, stderr } = await anycastle(dir, "sim", "generate", "1000", "--json");
  expect([status, stderr]).toEqual([2, expect.stringContaining("add --out")]);
});
