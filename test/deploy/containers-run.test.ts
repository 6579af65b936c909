/** What `npm run containers` says where there can be no engine. The run itself is a suite of its own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { PROJECT_ROOT } from "../tidy/project-files.ts";

/** On the PATH there is nothing: no Compose, no engine. */
const empty = mkdtempSync(join(tmpdir(), "anycastle-no-engine-"));
afterAll(() => rmSync(empty, { recursive: true, force: true }));

function runWithoutEngine(ci: string | undefined): { status: number | null; lines: string[] } {
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: empty };
  delete env["CI"];
  if (ci !== undefined) env["CI"] = ci;
  const script = join(PROJECT_ROOT, "scripts", "containers.ts");
  const { status, stdout } = spawnSync(process.execPath, [script], {
    env,
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, lines: stdout.trimEnd().split("\n") };
}

test("without an engine it is skipped, and says why", () => {
  const { status, lines } = runWithoutEngine(undefined);
  expect(lines[0]).toContain("SKIPPED containers: there is no Docker Compose");
  expect(lines.at(-1)).toBe("0 passed, 0 failed, 1 skipped");
  expect(status).toBe(0);
});

test("in CI it must run", () => {
  const { status, lines } = runWithoutEngine("true");
  expect(lines[0]).toContain("FAILED  containers: there is no Docker Compose");
  expect(lines.at(-1)).toBe("0 passed, 1 failed");
  expect(status).toBe(1);
});
