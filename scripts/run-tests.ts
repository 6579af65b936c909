/**
 * Runs vitest on one of the suites and counts from its JSON report, not from its words: passed, failed, skipped.
 *
 * A file that could not be loaded, an error outside every test and a run that saw fewer than `filesMin` files count as
 * failures too, because vitest lists none of them as a failed test. A skipped test must say why.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { runCommand } from "./run-command.ts";
import { SKIPS_FILE_VARIABLE, type SkippedTest } from "./skip-reasons.ts";

export type Suite = "default" | "e2e" | "routers" | "browser" | "k6";

interface SuiteFacts {
  readonly config: string;
  /** A run that saw fewer test files than this looked in the wrong place. */
  readonly filesMin: number;
  readonly timeoutMs: number;
}

const SUITES: Readonly<Record<Suite, SuiteFacts>> = {
  default: { config: "vitest.config.ts", filesMin: 10, timeoutMs: 6 * 60_000 },
  e2e: { config: "vitest.e2e.config.ts", filesMin: 1, timeoutMs: 10 * 60_000 },
  browser: { config: "vitest.browser.config.ts", filesMin: 2, timeoutMs: 8 * 60_000 },
  k6: { config: "vitest.k6.config.ts", filesMin: 1, timeoutMs: 2 * 60_000 },
  routers: { config: "vitest.routers.config.ts", filesMin: 2, timeoutMs: 5 * 60_000 },
};

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName?: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** `filters` narrow the files as on vitest's own command line; the lower bound on files then does not apply. */
export async function runTests(
  projectRoot: string,
  suite: Suite,
  filters: readonly string[] = [],
): Promise<Tally> {
  const facts = SUITES[suite];
  const directory = mkdtempSync(join(tmpdir(), "anycastle-tests-"));
  const reportFile = join(directory, "report.json");
  const skipsFile = join(directory, "skips.json");
  try {
    const { status } = await runCommand(
      [
        join(projectRoot, "node_modules", ".bin", "vitest"),
        "run",
        `--config=${facts.config}`,
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${reportFile}`,
        "--reporter=./scripts/skip-reasons.ts",
        ...filters,
      ],
      { timeoutMs: facts.timeoutMs, cwd: projectRoot, env: { [SKIPS_FILE_VARIABLE]: skipsFile } },
    );
    const { tally, remarks } = tallyOf(
      readJson(reportFile) as VitestReport | undefined,
      readJson(skipsFile) as SkippedTest[] | undefined,
      { status, filesMin: filters.length > 0 ? 1 : facts.filesMin },
    );
    for (const remark of remarks) process.stdout.write(`${remark}\n`);
    return tally;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** `12 passed, 0 failed`, and `, 1 skipped` when there is one. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * Counts, and one line for each skipped test and for each failure: what is left of a long log is its end, and the
 * reason must be in it.
 */
export function tallyOf(
  report: VitestReport | undefined,
  skips: readonly SkippedTest[] | undefined,
  run: { readonly status: number; readonly filesMin: number },
): { readonly tally: Tally; readonly remarks: readonly string[] } {
  const complaints =
    report === undefined
      ? ["vitest left no report: it was ended, or could not start"]
      : [...fileComplaints(report, run.filesMin), ...skipComplaints(skips)];
  const failedTests = report?.numFailedTests ?? 0;
  if (run.status !== 0 && failedTests + complaints.length === 0) {
    complaints.push(`vitest ended with status ${run.status}`);
  }
  return {
    tally: {
      passed: report?.numPassedTests ?? 0,
      failed: failedTests + complaints.length,
      skipped: skips?.length ?? 0,
    },
    remarks: [
      ...(skips ?? []).map(({ name, reason }) => `skipped: ${name}: ${reason ?? "no reason given"}`),
      ...(report?.testResults ?? []).flatMap(failedTestsOf).map((test) => `failed: ${test}`),
      ...complaints.map((complaint) => `failed: ${complaint}`),
    ],
  };
}

function failedTestsOf({ name, assertionResults }: VitestReport["testResults"][number]): string[] {
  return assertionResults
    .filter(({ status }) => status === "failed")
    .map(({ fullName, failureMessages }) => {
      const why = failureMessages?.[0]?.split("\n", 1)[0] ?? "no message";
      return `${basename(name)}: ${fullName ?? "a test"}: ${why}`;
    });
}

function fileComplaints(report: VitestReport, filesMin: number): string[] {
  const complaints: string[] = [];
  for (const file of report.testResults) {
    const isCounted = file.assertionResults.some((test) => test.status === "failed");
    if (file.status === "failed" && !isCounted)
      complaints.push(`${file.name}: ${file.message || "did not finish"}`);
  }
  if (report.testResults.length < filesMin) {
    complaints.push(`vitest saw ${report.testResults.length} test files, fewer than ${filesMin}`);
  }
  return complaints;
}

function skipComplaints(skips: readonly SkippedTest[] | undefined): string[] {
  if (skips === undefined) return ["the list of skipped tests was not written"];
  return skips.filter(({ reason }) => reason === null).map(({ name }) => `${name}: skipped without a reason`);
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
