/** What `sim withdraw` leaves in files: a recording that says the same as the command did, and a report. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

const WORLD = ["--generate", "1000", "--site", "a=17", "--site", "b=900"];
const LOSS = ["sim", "withdraw", ...WORLD, "--lose", "a", "--detection", "300ms", "--seeds", "1"];

interface Point {
  readonly atUs: number;
  readonly wrong: number;
  readonly lost: number;
  readonly looping: number;
}

test("at every moment the recording has as many without service as the command", async () => {
  const played = await anycastle(dir, ...LOSS, "--record", "lost.ndjson", "--json");
  expect([played.status, played.stderr]).toEqual([0, expect.not.stringContaining("error")]);
  const { grid } = (JSON.parse(played.stdout) as { runs: [{ grid: Point[] }] }).runs[0];
  const without = ({ wrong, lost, looping }: Omit<Point, "atUs">): number => wrong + lost + looping;
  const moments = grid.filter((_, index) => index % 16 === 0);
  expect(moments.some((point) => without(point) > 0)).toBe(true);
  expect(moments.some((point) => without(point) === 0)).toBe(true);
  for (const point of moments) {
    // Whole milliseconds are what can be asked for.
    if (point.atUs % 1_000 !== 0) continue;
    const at = `${point.atUs / 1_000}ms`;
    const { stdout } = await anycastle(dir, "sim", "replay", "lost.ndjson", "--at", at, "--json");
    const { fates } = (JSON.parse(stdout) as { state: { fates: Omit<Point, "atUs"> } }).state;
    expect([at, without(fates)]).toEqual([at, without(point)]);
  }
});

test("a report is one file that fetches nothing and names its command", async () => {
  const { status } = await anycastle(dir, ...LOSS, "--html", "lost.html");
  const html = readFileSync(join(dir, "lost.html"), "utf8");
  expect([status, html.startsWith("<!doctype html>"), /(?:src|href)="(?!#)/.test(html)]).toEqual([
    0,
    true,
    false,
  ]);
  expect(html).toContain("--lose a --detection 300ms --seeds 1 --html lost.html");
  await anycastle(dir, "sim", "catchment", ...WORLD, "--html", "catchment.html");
  expect(readFileSync(join(dir, "catchment.html"), "utf8")).toContain("Catchment of 2 sites");
});

test("a file that cannot be written: a sentence, status 2, nothing left", async () => {
  const { status, stderr } = await anycastle(dir, ...LOSS, "--record", "nowhere/lost.ndjson");
  expect([status, stderr]).toEqual([2, expect.stringContaining("nowhere/lost.ndjson cannot be written")]);
  expect([
    existsSync(join(dir, "nowhere")),
    readdirSync(dir).some((name) => name.endsWith(".partial")),
  ]).toEqual([false, false]);
});

test("what a killed run left beside the file goes with the next run, what a living one writes stays", async () => {
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  for (const name of [
    `swept.ndjson.${gone}.partial`,
    `swept.ndjson.${process.pid}.partial`,
    "other.partial",
  ]) {
    writeFileSync(join(dir, name), "");
  }
  const { status } = await anycastle(dir, ...LOSS, "--record", "swept.ndjson");
  const left = readdirSync(dir).filter((name) => name.endsWith(".partial"));
  expect([status, left.toSorted()]).toEqual([0, ["other.partial", `swept.ndjson.${process.pid}.partial`]]);
});

test("a preset's own timers are used, and --timing is stronger", async () => {
  const ask = async (...more: string[]): Promise<string> =>
    (await anycastle(dir, "sim", "withdraw", "--world", "preset:nine-pops", "--lose", "ny1", ...more)).stdout;
  expect(await ask()).toContain("timers own,");
  expect(await ask("--timing", "rfc-4271")).toContain("timers rfc-4271");
});
