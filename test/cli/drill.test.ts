/** `anycastle drill check|export`: what a user sees of a good experiment, and of everything else. */
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anycastle, scratch } from "./run-cli.ts";

const GUIDE = new URL("../../docs/experiments.md", import.meta.url);

const { dir, remove } = scratch();
const file = join(dir, "experiment.yaml");

beforeAll(() => {
  writeFileSync(file, /```yaml\n([^]*?)```/.exec(readFileSync(GUIDE, "utf8"))![1]!);
});

afterAll(remove);

test("the guide's experiment is good, and what it breaks is told", async () => {
  const { status, stdout } = await anycastle(dir, "drill", "check", file);
  expect(status).toBe(0);
  expect(stdout).toContain("fault ny1-crash: service_crash of ny1-1, ends by itself after 30 s");
  expect(stdout).toContain("load: 1000/s for 60 s");
  const json = await anycastle(dir, "drill", "check", file, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({
    isValid: true,
    faults: [{ id: "ny1-crash", ttlMs: 30_000 }],
  });
});

test.each([
  ["chaos-mesh", "kind: PodChaos"],
  ["litmus", "kind: ChaosEngine"],
  ["chaos-toolkit", '"strategy": "always"'],
])("exported to %s", async (to, text) => {
  const { status, stdout } = await anycastle(dir, "drill", "export", file, "--to", to);
  expect([status, stdout.includes(text)]).toEqual([0, true]);
});

test("everything that is wrong comes at once, each with its place, and status 2", async () => {
  const bad = join(dir, "bad.yaml");
  writeFileSync(
    bad,
    "title: x\ndescription: y\nmethod: []\nextensions: [{name: anycastle, blastRadus: {}}]\n",
  );
  const { status, stderr } = await anycastle(dir, "drill", "check", bad);
  expect(status).toBe(2);
  expect(stderr).toContain(`${bad}:4:`);
  expect(stderr).toContain("steady-state-hypothesis");
  expect(stderr).toContain('Did you mean "blastRadius"?');
  const json = await anycastle(dir, "drill", "check", bad, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({ isValid: false });
});

test.each(["/dev/zero", "/does/not/exist", tmpdir()])(
  "%s is no experiment, and ends at once with status 2",
  async (name) => {
    const { status, stderr } = await anycastle(dir, "drill", "check", name);
    expect([status, stderr.startsWith("error: ")]).toEqual([2, true]);
  },
);
