/** `anycastle sim drain-time` as a person types it. */
import { afterAll, expect, test } from "vitest";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

const ASK = ["sim", "drain-time", "--generate", "1000", "--site", "a=17", "--site", "b=900", "--seeds", "3"];

test("the answer is a sentence with its runs, and the same with the same seed", async () => {
  const first = await anycastle(dir, ...ASK, "--drain", "a", "--leave", "90%");
  expect(first.status).toBe(0);
  expect(first.stdout).toMatch(
    /^Wait at least \d+ s: then 90 % of its clients have left in 19 of 20 runs \(\d+ s in all\)\.$/m,
  );
  expect(first.stdout).toContain("does not explain 14 to 35 %");
  expect((await anycastle(dir, ...ASK, "--drain", "a", "--leave", "90%")).stdout).toBe(first.stdout);
});

test("who does not leave is told, and no time is given", async () => {
  const args = ["--drain", "a", "--leave", "100%", "--how", "prepend", "--prepends", "1"];
  const { stdout } = await anycastle(dir, ...ASK, ...args);
  expect(stdout).toContain("However long a waits, 100 % of its clients do not leave.");
  const { stdout: text } = await anycastle(dir, ...ASK, ...args, "--json");
  const document = JSON.parse(text) as { waitSeconds: object; stays: number[]; served: number };
  expect(document.waitSeconds).toEqual({ median: null, nineteenOfTwenty: null, all: null });
  expect(document.stays.every((stays) => stays > 0 && stays < document.served)).toBe(true);
});

test.each([
  [["--drain", "a", "--leave", "101%"], "above 0 and at most 100"],
  [["--drain", "a", "--leave", "99"], "It must be a share such as 99%"],
  [["--drain", "c"], 'there is no site "c"'],
])("%j: a clear sentence and status 2", async (args, says) => {
  const { status, stderr } = await anycastle(dir, ...ASK, ...args);
  expect([status, stderr]).toEqual([2, expect.stringContaining(says)]);
});
