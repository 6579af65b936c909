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
import { BoxNoiseWatch } from "#core/host/box-noise.ts";
import { sleep } from "#core/host/clock.ts";
import { at, distribution, timingOf, type Distribution, type TimeVerdict } from "./compare.ts";
import { FAILURES, type Failure } from "./failures.ts";
import { fitDelays, judgeTimes } from "./fit.ts";
import type { BestChange } from "./logs.ts";
import { Network, until, whyNoLab } from "./network.ts";
import { pathsBefore, predict, type BestPaths } from "./predict.ts";
import { labTopology, type LabRouter } from "./topology.ts";

const RUNS_MAX = 200;
const RUNS_DEFAULT = 10;
/** A state that has stood for so long is the last one. */
const STILL_MS = 300;
const ANY_DELAYS = { meanMs: 1, leastShare: 0.5, teardownMs: 0 };
const STATE_MS_MAX = 30_000;
const US_PER_MS = 1_000;

interface Run {
  readonly kind: string;
  readonly isSame: boolean;
  readonly differences: readonly string[];
  /** ms; undefined: no best route changed. */
  readonly noticedMs: number | undefined;
  readonly spreadMs: number | undefined;
  readonly changes: readonly { readonly router: string; readonly atMs: number }[];
  /** Mean number of cores that others used meanwhile. */
  readonly foreignCores: number | undefined;
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
  await untilPaths(before);
  say(`${topology.routers.length} BIRDs, ${topology.links.length} links: every best path as computed`);
  const seen: Run[] = [];
  // Every kind once in each round: what else the machine does meanwhile concerns all kinds alike.
  for (let round = 1; round <= runs; round++) {
    for (const failure of FAILURES) seen.push(await breakOnce(failure, before));
  }
  for (const failure of FAILURES) {
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
  const wanted = predict(topology, failure, timingOf(ANY_DELAYS), 1).paths;
  const noise = new BoxNoiseWatch(process.pid);
  network.logs.mark();
  const sinceUs = Date.now() * US_PER_MS;
  await failure.break(network);
  const differences = await settled(wanted, failure.silent);
  const foreignCores = noise.read()?.foreignCores;
  const changes = network.logs.changes();
  await failure.mend(network);
  await untilPaths(before);
  const msOf = ({ atUs }: BestChange): number => (atUs - sinceUs) / US_PER_MS;
  const [first, last] = [changes[0], changes.at(-1)];
  return {
    kind: failure.kind,
    isSame: differences.length === 0,
    differences,
    noticedMs: first === undefined ? undefined : msOf(first),
    spreadMs: first === undefined ? undefined : msOf(last!) - msOf(first),
    changes: changes.map((change) => ({ router: change.router, atMs: msOf(change) })),
    foreignCores,
  };
}

/** What differs once nothing moves any more; nothing, as soon as it all rests as it should. */
async function settled(wanted: BestPaths, silent: string | undefined): Promise<readonly string[]> {
  const endMs = performance.now() + STATE_MS_MAX;
  for (;;) {
    const isStill = await network.logs.untilStill(STILL_MS, Math.max(0, endMs - performance.now()));
    const differences = await differencesFrom(wanted, silent);
    if (isStill && differences.length === 0) return [];
    // What ends where it began must have moved, too.
    if (performance.now() > endMs) return [`not at rest after ${STATE_MS_MAX / 1_000} s`, ...differences];
    await sleep(STILL_MS);
  }
}

/** Until every router has this best path, and has had it for a while. */
async function untilPaths(wanted: BestPaths): Promise<void> {
  const isSo = async (): Promise<boolean> => (await differencesFrom(wanted, undefined)).length === 0;
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
  const real = new Map(
    FAILURES.map(({ kind }): [string, Distribution] => {
      const spreads = seen.flatMap((run) => (run.kind === kind ? (run.spreadMs ?? []) : []));
      return [kind, distribution(spreads)];
    }),
  );
  const realOf = (kind: string): Distribution => real.get(kind)!;
  const delays = fitDelays(topology, realOf);
  const verdicts = judgeTimes(topology, delays, realOf);
  const foreign = distribution(seen.flatMap(({ foreignCores }) => foreignCores ?? []));
  say("");
  say(
    `times from the first change of a best path to the last, ms; fitted: a message ${delays.meanMs} ms, of it at least ${delays.leastShare * 100} %, end of a session ${delays.teardownMs} ms`,
  );
  say(`cores that others used meanwhile: ${spread(foreign)}`);
  say(`${"KIND".padEnd(32)}${"BIRD 5 % / 50 % / 95 %".padStart(26)}${"COMPUTED".padStart(26)}  VERDICT`);
  for (const verdict of verdicts) {
    const word = verdict.isHeld ? "within each other" : "apart";
    say(
      `${verdict.kind.padEnd(32)}${spread(verdict.real).padStart(26)}${spread(verdict.simulated).padStart(26)}  ${word}${verdict.isFitted ? " (fitted)" : ""}`,
    );
  }
  return verdicts;
}

function spread(of: Distribution): string {
  return [0.05, 0.5, 0.95].map((share) => at(of, share).toFixed(2)).join(" / ");
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
