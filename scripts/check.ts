/**
 * `npm run check`: everything a change must pass, offline: format, lint (and proof that the walls catch), types, dead
 * code, tests, in this order. All steps run, so that one run shows everything that is wrong.
 *
 * The last line is `N passed, N failed` alone: the tests, plus one failure for each other step that did not hold.
 */
import { dirname, join } from "node:path";
import { runCommand } from "./run-command.ts";
import { closingLine, runTests } from "./run-tests.ts";
import { parseLint, proveWalls } from "./walls.ts";

const STEP_MS_MAX = 120_000;
/** A linter or formatter that saw fewer files than this looked in the wrong place. */
const FILES_SEEN_MIN = 100;

interface Step {
  readonly name: string;
  /** Sentences about what does not hold; none: it holds. */
  readonly run: () => Promise<readonly string[]>;
}

const projectRoot = dirname(import.meta.dirname);

const STEPS: readonly Step[] = [
  { name: "format", run: checkFormat },
  { name: "lint", run: checkLint },
  { name: "walls", run: checkWalls },
  { name: "types", run: () => mustSucceed("tsc", "-p", ".") },
  { name: "types of the k6 scripts", run: () => mustSucceed("tsc", "-p", "loadtest/k6") },
  { name: "types of the page", run: () => mustSucceed("tsc", "-p", "dashboard") },
  { name: "types of the browser tests", run: () => mustSucceed("tsc", "-p", "test/browser") },
  { name: "dead code", run: () => mustSucceed("knip", "--no-progress") },
];

let stepsFailed = 0;
for (const { name, run } of STEPS) {
  const complaints = await run();
  for (const complaint of complaints) process.stdout.write(`${name}: ${complaint}\n`);
  process.stdout.write(`${complaints.length === 0 ? "ok    " : "FAILED"} ${name}\n`);
  if (complaints.length > 0) stepsFailed += 1;
}
const tests = await runTests(projectRoot, "default");
const tally = { ...tests, failed: tests.failed + stepsFailed };
process.stdout.write(`${closingLine(tally)}\n`);
process.exitCode = tally.failed === 0 && tally.passed > 0 ? 0 : 1;

async function checkFormat(): Promise<string[]> {
  const { status, output } = await runCommand([tool("oxfmt"), "--check", "."], {
    timeoutMs: STEP_MS_MAX,
    cwd: projectRoot,
    isCollected: true,
  });
  const seen = Number(/ on (\d+) files/.exec(output)?.[1] ?? 0);
  const complaints = seen >= FILES_SEEN_MIN ? [] : [`oxfmt saw ${seen} files, fewer than ${FILES_SEEN_MIN}`];
  if (status !== 0) complaints.push(output.trim(), "type `npm run format`");
  return complaints;
}

async function checkLint(): Promise<string[]> {
  const [forPeople, counted] = [
    await runCommand([tool("oxlint"), "--deny-warnings"], { timeoutMs: STEP_MS_MAX, cwd: projectRoot }),
    await runCommand([tool("oxlint"), "--format", "json"], {
      timeoutMs: STEP_MS_MAX,
      cwd: projectRoot,
      isCollected: true,
    }),
  ];
  const seen = parseLint(counted.output).number_of_files;
  const complaints = seen >= FILES_SEEN_MIN ? [] : [`oxlint saw ${seen} files, fewer than ${FILES_SEEN_MIN}`];
  if (forPeople.status !== 0) complaints.push(`oxlint ended with status ${forPeople.status}`);
  return complaints;
}

async function checkWalls(): Promise<readonly string[]> {
  const { canaryCount, misses } = await proveWalls(projectRoot);
  process.stdout.write(`${canaryCount} canaries, ${misses.length} missed\n`);
  return misses;
}

async function mustSucceed(name: string, ...args: string[]): Promise<string[]> {
  const { status } = await runCommand([tool(name), ...args], { timeoutMs: STEP_MS_MAX, cwd: projectRoot });
  return status === 0 ? [] : [`${name} ended with status ${status}`];
}

function tool(name: string): string {
  return join(projectRoot, "node_modules", ".bin", name);
}
