/**
 * Runs vitest on one of the two suites and counts from its JSON report, not from its words: passed, failed, skipped.
 *
 * A file that could not be loaded, an error outside every test and a run that saw no more than `FILES_MIN` files count as failures too,
 * because vitest lists none of them as a failed test. A skipped test must say why.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./run-command.ts";
import { SKIPS_FILE_VARIABLE, type SkippedTest } from "./skip-reasons.ts";

export type Suite = "default" | "e2e";

interface SuiteFacts {
  readonly config: string;
  /** A run that saw fewer test files than this looked in the wrong place. */
  readonly filesMin: number;
  readonly timeoutMs: number;
}

const SUITES: Readonly<Record<Suite, SuiteFacts>> = {
  default: { config: "vitest.config.ts", filesMin: 10, timeoutMs: 6 * 60_000 },
  e2e: { config: "vitest.e2e.config.ts", filesMin: 1, timeoutMs: 10 * 60_000 },
};

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string }[];
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
    const report = readJson(reportFile) as VitestReport | undefined;
    if (report === undefined)
      return complain({ passed: 0, failed: 0, skipped: 0 }, [
        "vitest left no report: it was ended or could not start",
      ]);
    return count(
      report,
      readJson(skipsFile) as SkippedTest[] | undefined,
      status,
      filters.length > 0 ? 1 : facts.filesMin,
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** `12 passed, 0 failed`, and `, 1 skipped` when there is one. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function count(
  report: VitestReport,
  skips: readonly SkippedTest[] | undefined,
  status: number,
  filesMin: number,
): Tally {
  const complaints: string[] = [];
  for (const file of report.testResults) {
    const isCounted = file.assertionResults.some((test) => test.status === "failed");
    if (file.status === "failed" && !isCounted)
      complaints.push(`${file.name}: ${file.message || "did not finish"}`);
  }
  if (report.testResults.length < filesMin) {
    complaints.push(`vitest saw ${report.testResults.length} test files, fewer than ${filesMin}`);
  }
  if (skips === undefined) complaints.push("the list of skipped tests was not written");
  for (const { name, reason } of skips ?? []) {
    process.stdout.write(`skipped: ${name}: ${reason ?? "no reason given"}\n`);
    if (reason === null) complaints.push(`${name}: skipped without a reason`);
  }
  const tally = { passed: report.numPassedTests, failed: report.numFailedTests, skipped: skips?.length ?? 0 };
  if (status !== 0 && tally.failed + complaints.length === 0)
    complaints.push(`vitest ended with status ${status}`);
  return complain(tally, complaints);
}

function complain(tally: Tally, complaints: readonly string[]): Tally {
  for (const complaint of complaints) process.stdout.write(`failed: ${complaint}\n`);
  return { ...tally, failed: tally.failed + complaints.length };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
