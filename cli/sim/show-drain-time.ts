/** `anycastle sim drain-time`: how long to wait, over several seeds, and who would not leave however long one waits. */
import { quantile, sortedNumbers } from "#loadtest/report/quantile.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { servedBy } from "#sim/change/clients.ts";
import { asking, DRAIN_GRID_GROWTH, leftAfterUs } from "#sim/change/drain.ts";
import type { GridPoint, PlayedChange } from "#sim/change/play-change.ts";
import type { Output } from "../output.ts";
import type { DrainTimeFlags } from "./ask-drain-time.ts";
import { MODEL_LIMITS, percent, printColumns, whole } from "./columns.ts";
import { openWorldOf, SEED_DEFAULT } from "./open-world-of.ts";
import { playRuns } from "./play-runs.ts";
import { positionToLose } from "./position-of.ts";
import { timersOf } from "./timers-of.ts";
import { openWeights } from "./weights-of.ts";

const SCHEMA = "anycastle.sim-drain-time/v1";
const SHOWN = [0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1];
const SAFE = 0.95;

export async function showDrainTime(output: Output, flags: DrainTimeFlags): Promise<void> {
  const world = await openWorldOf(flags, output);
  const drained = positionToLose(world.sites, flags.drain);
  const measured = await openWeights(world, flags, output);
  const timers = timersOf(world, flags);
  const seed = flags.seed ?? SEED_DEFAULT;
  const { graph, sites } = world;
  const site = sites[drained]!;
  const solved = new CatchmentSolver(graph).solve(sites);
  const plan = {
    graph,
    sources: sites,
    solved,
    routersFrom: world.networkCount,
    acts: asking(site, flags.how, flags.prepends),
    clients: servedBy(solved, site.vertex),
    subject: site.vertex,
    timing: timers.engine,
    weights: measured.weights,
    gridGrowth: DRAIN_GRID_GROWTH,
  };
  const runs = playRuns({ seed, seeds: flags.seeds }, () => plan, output);
  const [first] = runs;
  const asked = waitOf(runs, flags.leave);
  if (flags.json === true) {
    return output.printJson({
      schema: SCHEMA,
      graph: world.graphName,
      drained: flags.drain,
      how: flags.how,
      ...(flags.how === "prepend" ? { prepends: flags.prepends } : {}),
      weight: measured.document,
      timing: { name: timers.name, ...timers.engine },
      seed,
      served: first!.affected,
      servedAses: first!.affectedAses,
      leave: flags.leave,
      waitSeconds: asked,
      stays: runs.map(stayOf),
      runs: runs.map(({ grid, ...run }) => ({ lostSeconds: lostSeconds(run), points: grid.map(pointOf) })),
      modelLimits: MODEL_LIMITS,
    });
  }
  output.print(
    `${flags.drain} of ${world.graphName} is drained by ${wayText(flags)}; ${measured.unit}; timers ${timers.name}, seed ${seed}, ${runs.length} runs`,
  );
  output.print(`It served ${whole(first!.affectedAses)} of ${whole(world.networkCount)} ASes.`);
  if (first!.affected === 0) return;
  output.print("");
  const shares = [...new Set([...SHOWN, flags.leave])].sort((a, b) => a - b);
  printColumns(
    output,
    "lrrr",
    ["HAVE LEFT", "MEDIAN s", "19 OF 20 RUNS s", "ALL RUNS s"],
    shares.map((share) => [`${Number((share * 100).toFixed(6))} %`, ...cellsOf(waitOf(runs, share))]),
  );
  output.print("");
  output.print(answerOf(flags, asked));
  const stays = runs.map(stayOf);
  const stay = middle(stays);
  output.print(
    `Never leave: ${whole(stay)} (${percent(stay, first!.affected)}): they have no other route, or prefer this one all the same.`,
  );
  const lost = middle(runs.map((run) => lostSeconds(run) / run.affected));
  output.print(`Without service meanwhile: ${lost.toFixed(2)} s a client, median of the runs.`);
  output.print("");
  output.print(
    flags.gracefulShare === undefined
      ? "Every AS is taken to honour GRACEFUL_SHUTDOWN (--graceful-share says otherwise); clients may keep connections longer."
      : "Which ASes do not honour GRACEFUL_SHUTDOWN is drawn; clients may keep connections longer than routes.",
  );
  output.print(MODEL_LIMITS);
}

interface Wait {
  /** Null: in a run of that rank they do not leave. */
  readonly median: number | null;
  readonly nineteenOfTwenty: number | null;
  readonly all: number | null;
}

/** Seconds. A run in which they stay is longer than any other. */
function waitOf(runs: readonly PlayedChange[], share: number): Wait {
  const times = sortedNumbers(runs.map((run) => leftAfterUs(run, share) ?? Infinity));
  const at = (rank: number): number | null => {
    const us = rank === 1 ? times.at(-1)! : quantile(times, rank)!;
    return Number.isFinite(us) ? us / 1e6 : null;
  };
  return { median: at(0.5), nineteenOfTwenty: at(SAFE), all: at(1) };
}

function cellsOf({ median, nineteenOfTwenty, all }: Wait): string[] {
  return [median, nineteenOfTwenty, all].map((value) => (value === null ? "never" : value.toFixed(1)));
}

function answerOf({ drain, leave }: DrainTimeFlags, { all, nineteenOfTwenty }: Wait): string {
  const share = `${Number((leave * 100).toFixed(6))} %`;
  if (nineteenOfTwenty === null) return `However long ${drain} waits, ${share} of its clients do not leave.`;
  const always = all === null ? "not in all runs" : `${all.toFixed(0)} s in all`;
  return `Wait at least ${nineteenOfTwenty.toFixed(0)} s: then ${share} of its clients have left in 19 of 20 runs (${always}).`;
}

function stayOf({ grid }: PlayedChange): number {
  return grid.at(-1)!.there;
}

function lostSeconds({
  blackholeSeconds,
  loopSeconds,
}: Pick<PlayedChange, "blackholeSeconds" | "loopSeconds">): number {
  return blackholeSeconds + loopSeconds;
}

/** Who is still there, and who arrives nowhere. */
function pointOf({ atUs, there, wrong, lost, looping }: GridPoint): object {
  return { atUs, there, nowhere: wrong + lost + looping };
}

function middle(values: readonly number[]): number {
  return quantile(sortedNumbers(values), 0.5)!;
}

function wayText({ how, prepends }: DrainTimeFlags): string {
  if (how === "prepend") return `${prepends} more prepends`;
  return how === "withdraw" ? "withdrawing" : "GRACEFUL_SHUTDOWN";
}
