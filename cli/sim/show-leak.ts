/** `anycastle sim leak`: an AS leaks the service's routes, played message by message. */
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { leaking } from "#sim/change/change.ts";
import type { Output } from "../output.ts";
import type { LeakFlags } from "./ask-leak.ts";
import { MODEL_LIMITS, percent, whole } from "./columns.ts";
import { vertexOfAs } from "./observers-of.ts";
import { openWorldOf, SEED_DEFAULT } from "./open-world-of.ts";
import { playRuns } from "./play-runs.ts";
import { FATE_COLUMNS, median, printCurve, printHistories, runsDocument } from "./show-runs.ts";
import { timersOf } from "./timers-of.ts";
import { openWeights } from "./weights-of.ts";

const SCHEMA = "anycastle.sim-leak/v1";
const US_PER_MS = 1_000;

export async function showLeak(output: Output, flags: LeakFlags): Promise<void> {
  const world = await openWorldOf(flags, output);
  const via = vertexOfAs(world, flags.as, "--as");
  const observers = (flags.observe ?? []).map((asn) => vertexOfAs(world, asn, "--observe"));
  const measured = await openWeights(world, flags, output);
  const timers = timersOf(world, flags);
  const seed = flags.seed ?? SEED_DEFAULT;
  const forUs = flags.for * US_PER_MS;
  const isSite = new Set(world.sites.map(({ vertex }) => vertex));
  const clients: number[] = [];
  for (let vertex = 0; vertex < world.networkCount; vertex++) {
    if (vertex !== via && !isSite.has(vertex)) clients.push(vertex);
  }
  const plan = {
    graph: world.graph,
    sources: world.sites,
    solved: new CatchmentSolver(world.graph).solve(world.sites),
    routersFrom: world.networkCount,
    acts: leaking(world.graph, via, forUs),
    clients,
    via,
    observers,
    timing: timers.engine,
    weights: measured.weights,
  };
  const title = `AS ${flags.as} leaks for ${flags.for / 1_000} s`;
  const record =
    flags.record === undefined ? {} : { record: { file: flags.record, world, title, timing: timers.name } };
  const runs = playRuns({ seed, seeds: flags.seeds, ...record }, () => plan, output);
  if (flags.json === true) {
    return output.printJson({
      schema: SCHEMA,
      graph: world.graphName,
      leaker: flags.as,
      forMs: flags.for,
      weight: measured.document,
      timing: { name: timers.name, ...timers.engine },
      seed,
      runs: runsDocument(runs, world.graph),
      modelLimits: MODEL_LIMITS,
    });
  }
  const [first] = runs;
  output.print(
    `${title}, in ${world.graphName}; ${measured.unit}; timers ${timers.name}, seed ${seed}, ${runs.length} runs`,
  );
  const total = first!.affected;
  const before = first!.grid[0]!.through;
  const most = median(runs.map(({ grid }) => Math.max(...grid.map(({ through }) => through))));
  if (most <= before) {
    output.print(
      `Nobody is drawn in: ${whole(before)} (${percent(before, total)}) go through AS ${flags.as} before and during it.`,
    );
  } else {
    output.print(
      `Before it ${whole(before)} (${percent(before, total)}) go through AS ${flags.as}; at the worst ${whole(most)} (${percent(most, total)}), median of the runs.`,
    );
    output.print("");
    printCurve(
      output,
      runs,
      [{ title: `THROUGH AS ${flags.as}`, valueOf: ({ through }) => through }, ...FATE_COLUMNS],
      [forUs],
    );
  }
  output.print("");
  const messages = runs.map(({ announcements, withdrawals }) => announcements + withdrawals);
  const lost = runs.map(
    ({ blackholeSeconds, loopSeconds, affected }) => (blackholeSeconds + loopSeconds) / affected,
  );
  output.print(
    `messages ${whole(median(messages))}; without service ${median(lost).toFixed(3)} s a client, medians`,
  );
  printHistories(
    output,
    first!,
    world.graph,
    (vertex) => world.sites.find((each) => each.vertex === vertex)?.site,
  );
  output.print("");
  output.print(
    `The path is longer, not broken: whether AS ${flags.as} can carry what it draws in, no graph says.`,
  );
  output.print(MODEL_LIMITS);
}
