/**
 * `npm run lab:bird`: the simulator against real routers. Fifteen BIRDs in network namespaces, policies written as
 * filters, the same topology loaded by us; ten kinds of failure, and after each the same best path at every router.
 *
 *   --quick       each kind once, best paths only      --runs N      of each kind, 1 to 200 (10)
 *   --json FILE   everything that was seen
 *
 * Ends with `N passed, N failed` alone on the last line. Exit status: 0 held, 1 a best path or a time was missed, 2 wrong
 * usage. Needs root, bird2 and namespaces; without them it says so, which in CI is a failure.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { sleep } from "#core/host/clock.ts";
import {
  at,
  distribution,
  judge,
  LEAST_SHARES,
  MEANS_MS,
  misfit,
  timingOf,
  type TimeVerdict,
} from "./compare.ts";
import { FAILURES, type Failure } from "./failures.ts";
import { Network, until, whyNoLab } from "./network.ts";
import { pathsBefore, predict, type BestPaths } from "./predict.ts";
import { labTopology, type LabRouter } from "./topology.ts";

const RUNS_MAX = 200;
const RUNS_DEFAULT = 10;
/** A state that has stood for so long is the last one. */
const STILL_MS = 300;
const SIMULATED_RUNS = 400;
const STATE_MS_MAX = 30_000;

interface Run {
  readonly kind: string;
  readonly isSame: boolean;
  readonly differences: readonly string[];
  /** ms; undefined: no best route changed. */
  readonly noticedMs: number | undefined;
  readonly spreadMs: number | undefined;
}

const { isQuick, runs, jsonFile } = readFlags();
const why = whyNoLab();
if (why !== undefined) {
  const isCi = process.env["CI"] === "true" && process.getuid?.() === 0;
  say(`the lab of real routers is left out: ${why}`);
  say(isCi ? "0 passed, 1 failed" : "0 passed, 0 failed");
  process.exit(isCi ? 1 : 0);
}
const topology = labTopology();
const network = new Network(topology);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    network.close();
    process.exit(130);
  });
}
try {
  process.exitCode = await main();
} finally {
  network.close();
}

async function main(): Promise<number> {
  const before = pathsBefore(topology);
  await Promise.all(topology.routers.map((router) => network.start(router)));
  await untilPaths(before, undefined);
  say(`${topology.routers.length} BIRDs, ${topology.links.length} links: every best path as computed`);
  const seen: Run[] = [];
  for (const failure of FAILURES) {
    for (let run = 1; run <= runs; run++) seen.push(await breakOnce(failure, before));
    const own = seen.filter(({ kind }) => kind === failure.kind);
    const same = own.filter(({ isSame }) => isSame).length;
    say(`${failure.kind}: ${same} of ${own.length} ended as computed at every router`);
    for (const line of own.flatMap(({ differences }) => differences).slice(0, 5)) say(`  ${line}`);
  }
  const verdicts = isQuick ? [] : times(seen);
  if (jsonFile !== undefined) {
    writeFileSync(
      jsonFile,
      `${JSON.stringify({ schema: "anycastle.lab-bird/v1", runs: seen, verdicts }, null, 2)}\n`,
    );
  }
  const judged = verdicts.filter(({ isFitted }) => !isFitted);
  const failed = seen.filter(({ isSame }) => !isSame).length + judged.filter(({ isHeld }) => !isHeld).length;
  say(`${seen.length + judged.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Breaks, compares, mends; leaves the lab as it was. */
async function breakOnce(failure: Failure, before: BestPaths): Promise<Run> {
  const wanted = predict(topology, failure, timingOf(1, 0.5), 1).paths;
  const sinceUs = Date.now() * 1_000;
  await failure.break(network);
  let differences: readonly string[] = [];
  try {
    await untilPaths(wanted, failure.silent, sinceUs);
  } catch {
    differences = await differencesFrom(wanted, failure.silent);
  }
  const changes = network.changesUs(sinceUs);
  const [firstUs, lastUs] = [Math.min(...changes), Math.max(...changes)];
  await failure.mend(network);
  await untilPaths(before, undefined);
  const hasChanged = changes.length > 0;
  return {
    kind: failure.kind,
    isSame: differences.length === 0,
    differences,
    noticedMs: hasChanged ? (firstUs - sinceUs) / 1_000 : undefined,
    spreadMs: hasChanged ? (lastUs - firstUs) / 1_000 : undefined,
  };
}

/** Until every router has this best path, and has had it for a while. `sinceUs`: after something changed. */
async function untilPaths(wanted: BestPaths, silent: string | undefined, sinceUs?: number): Promise<void> {
  const isSo = async (): Promise<boolean> => (await differencesFrom(wanted, silent)).length === 0;
  if (sinceUs !== undefined) {
    // What ends where it began must have moved before it can have ended.
    await until("a best path to change", () => network.changesUs(sinceUs).length > 0, STATE_MS_MAX);
  }
  for (;;) {
    await until("the computed best paths", isSo, STATE_MS_MAX);
    await sleep(STILL_MS);
    if (await isSo()) return;
  }
}

async function differencesFrom(wanted: BestPaths, silent: string | undefined): Promise<string[]> {
  const asked = topology.routers.filter(({ name }) => name !== silent);
  const lines = await Promise.all(asked.map((router) => difference(router, wanted[router.vertex])));
  return lines.filter((line) => line !== undefined);
}

async function difference(router: LabRouter, wanted: string | undefined): Promise<string | undefined> {
  const got = await network.bestPath(router);
  return got === wanted ? undefined : `${router.name}: ${told(got)} here, ${told(wanted)} computed`;
}

function told(path: string | undefined): string {
  if (path === undefined) return "no route";
  return path === "" ? "its own" : path;
}

/** Fits delays on half of the kinds and judges the others; prints both distributions. */
function times(seen: readonly Run[]): TimeVerdict[] {
  const realOf = (kind: string) =>
    distribution(
      seen.flatMap((run) => (run.kind === kind && run.spreadMs !== undefined ? [run.spreadMs] : [])),
    );
  const simulatedOf = (failure: Failure, meanMs: number, leastShare: number, count: number) =>
    distribution(
      Array.from(
        { length: count },
        (_, seed) => predict(topology, failure, timingOf(meanMs, leastShare), seed).spreadUs / 1_000,
      ),
    );
  const fitted = FAILURES.filter(({ isFitted }) => isFitted);
  let best = { meanMs: 1, leastShare: 0.5, misfit: Infinity };
  for (const meanMs of MEANS_MS) {
    for (const leastShare of LEAST_SHARES) {
      const pairs = fitted.map(
        (failure) =>
          [realOf(failure.kind), simulatedOf(failure, meanMs, leastShare, SIMULATED_RUNS / 8)] as const,
      );
      const sum = misfit(pairs);
      if (sum < best.misfit) best = { meanMs, leastShare, misfit: sum };
    }
  }
  say("");
  say(
    `times from the first change of a best path to the last, ms; delay of a message fitted: mean ${best.meanMs} ms, of it at least ${best.leastShare * 100} %`,
  );
  say(`${"KIND".padEnd(32)}${"BIRD 5 % / 50 % / 95 %".padStart(26)}${"COMPUTED".padStart(26)}  VERDICT`);
  return FAILURES.map((failure) => {
    const simulated = simulatedOf(failure, best.meanMs, best.leastShare, SIMULATED_RUNS);
    const verdict = judge(failure.kind, failure.isFitted, realOf(failure.kind), simulated);
    const text = (of: typeof simulated): string =>
      [0.05, 0.5, 0.95]
        .map((share) => at(of, share).toFixed(1))
        .join(" / ")
        .padStart(26);
    const word = verdict.isHeld ? "within each other" : "apart";
    say(
      `${failure.kind.padEnd(32)}${text(verdict.real)}${text(simulated)}  ${word}${failure.isFitted ? " (fitted)" : ""}`,
    );
    return verdict;
  });
}

function readFlags(): { isQuick: boolean; runs: number; jsonFile: string | undefined } {
  try {
    const { values } = parseArgs({
      options: { quick: { type: "boolean" }, runs: { type: "string" }, json: { type: "string" } },
    });
    const count = values.runs === undefined ? RUNS_DEFAULT : Number(values.runs);
    if (!Number.isInteger(count) || count < 1 || count > RUNS_MAX) {
      throw new Error(`--runs ${values.runs} is not in 1..${RUNS_MAX}`);
    }
    return { isQuick: values.quick === true, runs: values.quick === true ? 1 : count, jsonFile: values.json };
  } catch (error) {
    complain(`error: ${error instanceof Error ? error.message : String(error)}`);
    complain("  npm run lab:bird -- [--quick] [--runs N] [--json FILE]");
    process.exit(2);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}
