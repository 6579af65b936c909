/** `anycastle sim withdraw`: what the clients of a site go through from the moment it is gone, over several seeds. */
import { nowMs } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import { quantile, sortedNumbers } from "#loadtest/report/quantile.ts";
import { playWithdrawal, QUANTILES, type Withdrawal, type WithdrawalPlan } from "#sim/anycast/withdrawal.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { measureShares } from "#sim/anycast/shares.ts";
import type { OpenWorld, WorldTimers } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { WithdrawFlags } from "./ask-withdraw.ts";
import { MODEL_LIMITS, printColumns, whole } from "./columns.ts";
import { RecordingFile } from "./recording-file.ts";
import { changeReport } from "./report/change-report.ts";
import { commandLine } from "./report/command-line.ts";
import { renderReport, type Report } from "./report/report-page.ts";
import { timersOf } from "./timers-of.ts";
import { openWeights, type OpenWeights } from "./weights-of.ts";
import { writeWhole } from "./write-whole.ts";
import { openWorldOf, SEED_DEFAULT } from "./open-world-of.ts";
import { positionToLose } from "./position-of.ts";

const SCHEMA = "anycastle.sim-withdraw/v1";
const US_PER_MS = 1_000;
const PROGRESS_EVERY_MS = 1_000;
/** Moments of the curve that people are shown, in seconds after the failure. */
const SHOWN_S = [0, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300];

export async function showWithdraw(output: Output, flags: WithdrawFlags): Promise<void> {
  const world = await openWorldOf(flags, output);
  const lost = positionToLose(world.sites, flags.lose);
  const seed = flags.seed ?? SEED_DEFAULT;
  const measured = await openWeights(world, flags, output);
  const timers = timersOf(world, flags);
  const runs: Withdrawal[] = [];
  const startMs = nowMs();
  let toldMs = startMs;
  const plan = {
    graph: world.graph,
    sources: world.sites,
    solved: new CatchmentSolver(world.graph).solve(world.sites),
    lost,
    detectionUs: flags.detection * US_PER_MS,
    timing: timers.engine,
    weights: measured.weights,
  };
  for (let count = 0; count < flags.seeds; count++) {
    const prng = new Prng(seed).fork(`run/${count}`);
    const isRecorded = count === 0 && flags.record !== undefined;
    runs.push(
      isRecorded
        ? playRecorded(plan, prng, flags.record, { world, timing: timers.name, seed })
        : playWithdrawal(plan, prng),
    );
    if (nowMs() - toldMs < PROGRESS_EVERY_MS) continue;
    toldMs = nowMs();
    output.tell(`${count + 1} of ${flags.seeds} runs`);
  }
  const tookMs = nowMs() - startMs;
  const question: Question = { world, lost, seed, measured, timers, flags };
  if (flags.html !== undefined) writeWhole(flags.html, renderReport(reportOf(question, runs)));
  if (flags.json === true) return output.printJson(documentOf(question, runs));
  const [first] = runs;
  output.print(
    `${flags.lose} of ${world.graphName} goes; ${measured.unit}; timers ${timers.name}, detected after ${flags.detection} ms, seed ${seed}`,
  );
  output.print(`It served ${whole(first!.affectedAses)} of ${whole(world.networkCount)} ASes.`);
  if (first!.affectedAses === 0) return;
  output.print("");
  printCurve(output, runs);
  output.print("");
  printFigures(output, runs);
  output.print("");
  output.print(MODEL_LIMITS);
  output.tell(`${runs.length} runs in ${(tookMs / 1000).toFixed(1)} s`);
}

interface Question {
  readonly world: OpenWorld;
  readonly lost: number;
  readonly seed: number;
  readonly measured: OpenWeights;
  readonly timers: WorldTimers;
  readonly flags: WithdrawFlags;
}

/** The file is there only if the run came to its end. */
function playRecorded(
  plan: WithdrawalPlan,
  prng: Prng,
  file: string,
  { world, timing, seed }: { readonly world: OpenWorld; readonly timing: string; readonly seed: number },
): Withdrawal {
  const { site, vertex } = world.sites[plan.lost]!;
  const change = {
    world,
    title: `${site} is lost`,
    timing,
    seed,
    run: 0,
    announced: world.sites.map(({ vertex: at, prepends, isNoExport, isNoPeer, isBlackhole }) => ({
      vertex: at,
      prepends,
      isNoExport,
      isNoPeer,
      isBlackhole,
    })),
    acts: [
      { atUs: 0, what: `${site} fails`, vertex, isServing: false },
      { atUs: plan.detectionUs, what: `${site} withdraws` },
    ],
  };
  let recording: RecordingFile | undefined;
  try {
    const run = playWithdrawal(plan, prng, (engine) => {
      const { recorder } = (recording = new RecordingFile(file, change, engine));
      return {
        onBestChange: (at, atUs) => recorder.bestChanged(at, atUs),
        onArrived: (slot, path, atUs) => recorder.arrived(slot, path, atUs),
      };
    });
    recording!.finish();
    return run;
  } catch (error) {
    recording?.discard();
    throw error;
  }
}

function reportOf(
  { world, lost, seed, measured, timers, flags }: Question,
  runs: readonly Withdrawal[],
): Report {
  const solver = new CatchmentSolver(world.graph);
  const { sites } = world;
  const before = measureShares(solver.solveWithTies(sites), sites, measured.weights);
  const left = sites.filter((_, index) => index !== lost);
  const after = measureShares(solver.solveWithTies(left), left, measured.weights);
  const nobody = { certain: 0, ambiguous: 0, chosen: 0 };
  return changeReport({
    world,
    title: `${flags.lose} goes`,
    gone: lost,
    before,
    after: { ...after, sites: after.sites.toSpliced(lost, 0, nobody) },
    unit: measured.unit,
    timing: timers.name,
    detection: `detected after ${flags.detection} ms`,
    moments: [{ atUs: flags.detection * US_PER_MS, label: "withdrawn" }],
    runs: runs.map(({ grid, affected, convergedUs, blackholeSeconds, loopSeconds, ...counts }) => ({
      points: grid,
      total: affected,
      convergedUs,
      lostSeconds: blackholeSeconds + loopSeconds,
      announcements: counts.announcements,
      withdrawals: counts.withdrawals,
    })),
    seed,
    command: commandLine(),
  });
}

function printCurve(output: Output, runs: readonly Withdrawal[]): void {
  const endS = Math.max(...runs.map(({ grid }) => grid.at(-1)!.atUs / 1e6));
  const rows = SHOWN_S.filter((atS) => atS <= endS).map((atS) => {
    const points = runs.map(({ grid }) => grid.findLast(({ atUs }) => atUs <= atS * 1e6)!);
    const share = (valueOf: (point: (typeof points)[number]) => number): string => {
      const shares = points.map((point, index) => valueOf(point) / runs[index]!.affected);
      return `${(100 * median(shares)).toFixed(1)} %`;
    };
    return [
      `${atS} s`,
      share(({ right }) => right),
      share(({ wrong }) => wrong),
      share(({ lost }) => lost),
      share(({ looping }) => looping),
    ];
  });
  printColumns(output, "rrrrr", ["AFTER", "ARRIVE", "AT THE DEAD SITE", "NOWHERE", "IN A CIRCLE"], rows);
}

function printFigures(output: Output, runs: readonly Withdrawal[]): void {
  const rows = QUANTILES.map((quantile) => {
    const seconds = runs.map(({ convergedUs }) => convergedUs.get(quantile)! / 1e6);
    return [`${quantile * 100} %`, ...spread(seconds)];
  });
  printColumns(output, "lrrr", ["HAVE THEIR LAST SITE", "MEDIAN s", "LEAST", "MOST"], rows);
  output.print("");
  const perClient = (total: (run: Withdrawal) => number): string =>
    spread(runs.map((run) => total(run) / run.affected)).join(" / ");
  output.print(
    `without service, s per client   ${perClient(({ blackholeSeconds, loopSeconds }) => blackholeSeconds + loopSeconds)} (median / least / most)`,
  );
  output.print(`of that in a circle             ${perClient(({ loopSeconds }) => loopSeconds)}`);
  const announced = runs.map(({ announcements }) => announcements);
  output.print(
    `announcements                   ${whole(median(announced))}, withdrawals ${whole(median(runs.map(({ withdrawals }) => withdrawals)))}`,
  );
}

function spread(values: readonly number[]): [string, string, string] {
  return [median(values).toFixed(2), Math.min(...values).toFixed(2), Math.max(...values).toFixed(2)];
}

function median(values: readonly number[]): number {
  return quantile(sortedNumbers(values), 0.5)!;
}

function documentOf({ world, seed, measured, timers, flags }: Question, runs: readonly Withdrawal[]): object {
  return {
    schema: SCHEMA,
    graph: world.graphName,
    lost: flags.lose,
    weight: measured.document,
    timing: { name: timers.name, ...timers.engine },
    detectionMs: flags.detection,
    seed,
    runs: runs.map(({ convergedUs, ...run }) => ({
      ...run,
      convergedUs: Object.fromEntries([...convergedUs].map(([quantile, us]) => [String(quantile), us])),
    })),
    modelLimits: MODEL_LIMITS,
  };
}
