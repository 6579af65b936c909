/** The closing line counts what went wrong, also where vitest itself would pass over it. */
import { expect, test } from "vitest";
import { closingLine, tallyOf, type VitestReport } from "../../scripts/run-tests.ts";
import type { SkippedTest } from "../../scripts/skip-reasons.ts";

const PASSED = { name: "a.test.ts", status: "passed", message: "", assertionResults: [{ status: "passed" }] };
const BROKEN = { name: "b.test.ts", status: "failed", message: "cannot find module", assertionResults: [] };

function report(failed: number, files: VitestReport["testResults"]): VitestReport {
  return { numPassedTests: 3, numFailedTests: failed, testResults: files };
}

function check(
  expected: string,
  found: VitestReport | undefined,
  options: { skips?: SkippedTest[]; isUnwritten?: true; status?: number; filesMin?: number } = {},
): void {
  const skips = options.isUnwritten ? undefined : (options.skips ?? []);
  const { tally } = tallyOf(found, skips, { status: options.status ?? 0, filesMin: options.filesMin ?? 1 });
  expect(closingLine(tally)).toBe(expected);
}

test("a clean run", () => check("3 passed, 0 failed", report(0, [PASSED])));
test("a failed test", () => check("3 passed, 1 failed", report(1, [PASSED]), { status: 1 }));
test("a failed test is named at the end, with the first line of why", () => {
  const assertionResults = [
    { status: "passed", fullName: "well" },
    { status: "failed", fullName: "ill", failureMessages: ["Error: expected 1\nat there"] },
  ];
  const found = report(1, [{ name: "x/d.test.ts", status: "failed", message: "", assertionResults }]);
  expect(tallyOf(found, [], { status: 1, filesMin: 1 })).toEqual({
    tally: { passed: 3, failed: 1, skipped: 0 },
    remarks: ["failed: d.test.ts: ill: Error: expected 1"],
  });
});
test("a file that cannot be loaded", () =>
  check("3 passed, 1 failed", report(0, [PASSED, BROKEN]), { status: 1 }));
test("an error outside every test", () => check("3 passed, 1 failed", report(0, [PASSED]), { status: 1 }));
test("no report at all", () => check("0 passed, 1 failed", undefined, { status: 124 }));
test("a walk that saw too few files", () =>
  check("3 passed, 1 failed", report(0, [PASSED]), { filesMin: 2 }));
test("a skip with a reason is counted and named", () => {
  const skips = [{ name: "c.test.ts: with nginx", reason: "no nginx" }];
  check("3 passed, 0 failed, 1 skipped", report(0, [PASSED]), { skips });
  expect(tallyOf(report(0, [PASSED]), skips, { status: 0, filesMin: 1 }).remarks).toEqual([
    "skipped: c.test.ts: with nginx: no nginx",
  ]);
});
test("a skip without a reason is a failure", () =>
  check("3 passed, 1 failed, 1 skipped", report(0, [PASSED]), { skips: [{ name: "c", reason: null }] }));
test("a list of skips that was not written is a failure", () =>
  check("3 passed, 1 failed", report(0, [PASSED]), { isUnwritten: true }));
