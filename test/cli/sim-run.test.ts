import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

test("`sim run` gives the same journal for the same seed, as a file and as a hash", async () => {
  const first = await anycastle(dir, "sim", "run", "--seed", "7", "--json", "--journal", "one.ndjson");
  const second = await anycastle(dir, "sim", "run", "--seed", "7", "--journal", "two.ndjson");
  expect([first.status, second.status]).toEqual([0, 0]);
  const document = JSON.parse(first.stdout) as { schema: string; journalHash: string; seed: number };
  expect(document).toMatchObject({ schema: "anycastle.sim-run/v1", seed: 7 });
  expect(second.stdout).toContain(`journal ${document.journalHash}`);
  expect(second.stdout).toContain("kill ny1: ny1-1, ny1-2");
  expect(second.stdout).toContain("new-york now reaches la1");
  expect(readFileSync(join(dir, "one.ndjson"), "utf8")).toBe(readFileSync(join(dir, "two.ndjson"), "utf8"));
});

test("a journal that cannot be written is a clear error", async () => {
  const { status, stderr } = await anycastle(
    dir,
    "sim",
    "run",
    "--seed",
    "7",
    "--journal",
    "not/there.ndjson",
  );
  expect(status).toBe(2);
  expect(stderr).toContain("error: the journal cannot be written to not/there.ndjson");
});
