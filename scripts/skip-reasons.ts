/**
 * A vitest reporter that writes down every skipped test with the reason it gave (`context.skip("no redis-server")`):
 * vitest's own JSON report leaves the reason out, and a skip without one is refused by `run-tests.ts`.
 */
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

/** Names the file to write. */
export const SKIPS_FILE_VARIABLE = "ANYCASTLE_TEST_SKIPS_FILE";

export interface SkippedTest {
  readonly name: string;
  /** Null: the test was skipped without a word. */
  readonly reason: string | null;
}

export default class SkipReasons implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const file = process.env[SKIPS_FILE_VARIABLE];
    if (file === undefined) return;
    const skips: SkippedTest[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests("skipped")) {
        const result = test.result();
        const note = result.state === "skipped" ? result.note : undefined;
        skips.push({
          name: `${relative(process.cwd(), module.moduleId)}: ${test.fullName}`,
          reason: note ?? null,
        });
      }
    }
    writeFileSync(file, JSON.stringify(skips));
  }
}
