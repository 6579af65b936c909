/** What `npm run soak` refuses before it starts anything. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXIT } from "#core/errors.ts";
import { loadDocumentSchema } from "#loadtest/load/load-document.ts";
import { PROJECT_ROOT } from "../tidy/project-files.ts";

const SCRIPT = join(PROJECT_ROOT, "scripts", "soak.ts");

function refused(...words: string[]): string {
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, ...words], {
    encoding: "utf8",
    timeout: 15_000,
  });
  expect(status).toBe(EXIT.usage);
  return stderr;
}

test("a soak is at most as long as a load can be", () => {
  const minutesMax = Number(/from 1 to (\d+)/.exec(refused("--minutes", "999999"))?.[1]);
  const { durationMs } = loadDocumentSchema.shape;
  expect(minutesMax).toBeGreaterThan(120);
  expect(durationMs.safeParse(minutesMax * 60_000).success).toBe(true);
});

test("a wrong value or option is refused with the usage", () => {
  expect(refused("--minutes", "1.5")).toContain("--minutes 1.5 is not a whole number");
  expect(refused("--hours", "2")).toContain("npm run soak -- --minutes 120");
});
