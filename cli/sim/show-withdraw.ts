/** `anycastle sim withdraw`: what the clients of a site go through from the moment it is gone, over several seeds. */
import { nowMs } from "#core/host/clock.ts";
import { UserError } from "#core/errors.ts";
import { Prng } from "#core/prng.ts";
import { suggest } from "#core/suggest.ts";
import { quantile, sortedNumbers } from "#loadtest/report/quantile.ts";
import { playWithdrawal, QUANTILES, type Withdrawal } from "#sim/anycast/withdrawal.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import type { Output } from "../output.ts";
import type { WithdrawFlags } from "./ask.ts";
import { MODEL_LIMITS, printColumns, whole } from "./columns.ts";
import { unitOf, weightsOf } from "./show-catchment.ts";
import { openWorldOf, SEED_DEFAULT } from "./open-world-of.ts";

const SCHEMA = "anycastle.sim-withdraw/v1";
const US_PER_MS = 1_000;
const PROGRESS_EVERY_MS = 1_000;
/** Moments of the curve that people are shown, in seconds after the failure. */
const SHOWN_S = [0, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300];

export async function showWithdraw(output: Output, flags: WithdrawFlags): Promise<void> {
  const world = await openWorldOf(flags, output);
  const lost = positionOf(world, flags.lose);
  const seed = flags.seed ?? SEED_DEFAULT;
  const runs: Withdrawal[] = [];
  const startMs = nowMs();
  let toldMs = startMs;
  const plan = {
    graph: world.graph,
    sources: world.sites,
    solved: new CatchmentSolver(world.graph).solve(world.sites),
    lost,
    detectionUs: flags.detection * US_PER_MS,
    timing: TIMING_SETS[flags.timing],
    weights: weightsOf(world, flags.weight),
  };
  for (let count = 0; count < flags.seeds; count++) {
    runs.push(playWithdrawal(plan, new Prng(seed).fork(`run/${count}`)));
    if (nowMs() - toldMs < PROGRESS_EVERY_MS) continue;
    toldMs = nowMs();
    output.tell(`${count + 1} of ${flags.seeds} runs`);
  }
  const tookMs = nowMs() - startMs;
  if (flags.json === true) return output.printJson(documentOf(world, flags, seed, runs));
  const [first] = runs;
  output.print(
    `${flags.lose} of ${world.graphName} goes; ${unitOf(flags.weight)}; timers ${flags.timing}, detected after ${flags.detection} ms, seed ${seed}`,
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

function positionOf({ sites }: OpenWorld, name: string): number {
  const names = sites.map(({ site }) => site);
  if (names.length < 2) {
    throw new UserError("SITES_MIN", "the only site cannot be lost: nobody would be left to go to", {
      hint: "give another --site",
    });
  }
  const position = names.indexOf(name);
  if (position !== -1) return position;
  const near = suggest(name, names);
  throw new UserError("SITE_UNKNOWN", `there is no site "${name}"`, {
    hint: near === undefined ? `sites are ${names.join(", ")}` : `did you mean "${near}"?`,
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

function documentOf(
  world: OpenWorld,
  flags: WithdrawFlags,
  seed: number,
  runs: readonly Withdrawal[],
): object {
  return {
    schema: SCHEMA,
    graph: world.graphName,
    lost: flags.lose,
    weight: flags.weight,
    timing: { name: flags.timing, ...TIMING_SETS[flags.timing] },
    detectionMs: flags.detection,
    seed,
    runs: runs.map(({ convergedUs, ...run }) => ({
      ...run,
      convergedUs: Object.fromEntries([...convergedUs].map(([quantile, us]) => [String(quantile), us])),
    })),
    modelLimits: MODEL_LIMITS,
  };
}
