/** `anycastle sim announce`: a site joins, or one takes the place of another, played message by message. */
import { UserError } from "#core/errors.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { joining, moving } from "#sim/change/change.ts";
import { movedBetween, servedBy } from "#sim/change/clients.ts";
import type { PlayedChange } from "#sim/change/play-change.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { AnnounceFlags } from "./ask-announce.ts";
import { MODEL_LIMITS, percent, printColumns, whole } from "./columns.ts";
import { vertexOfAs } from "./observers-of.ts";
import { openWorldOf, SEED_DEFAULT } from "./open-world-of.ts";
import { playRuns } from "./play-runs.ts";
import { positionOf } from "./position-of.ts";
import { FATE_COLUMNS, median, printCurve, printFigures, printHistories, runsDocument } from "./show-runs.ts";
import { timersOf } from "./timers-of.ts";
import { openWeights } from "./weights-of.ts";

const SCHEMA = "anycastle.sim-announce/v1";
const US_PER_MS = 1_000;

export async function showAnnounce(output: Output, flags: AnnounceFlags): Promise<void> {
  const overlapMs = overlapOf(flags);
  const world = await openWorldOf(flags, output);
  const { joins, leaves } = placesOf(world, flags);
  const observers = (flags.observe ?? []).map((asn) => vertexOfAs(world, asn, "--observe"));
  const measured = await openWeights(world, flags, output);
  const timers = timersOf(world, flags);
  const seed = flags.seed ?? SEED_DEFAULT;
  const sources = world.sites.filter((_, index) => index !== joins);
  // Two solvers: the second would write over what the first one gave.
  const solved = new CatchmentSolver(world.graph).solve(sources);
  const inTheEnd = world.sites.filter((_, index) => index !== leaves);
  const after = new CatchmentSolver(world.graph).solve(inTheEnd);
  const site = world.sites[joins]!;
  const from = leaves === undefined ? undefined : world.sites[leaves]!;
  const moved = movedBetween(solved, after).filter((vertex) => vertex < world.networkCount);
  const concerned =
    from === undefined
      ? moved
      : [...new Set([...moved, ...servedBy(solved, from.vertex)])].sort((x, y) => x - y);
  // A site has no way to itself.
  const clients = concerned.filter((vertex) => vertex !== site.vertex && vertex !== from?.vertex);
  const acts = from === undefined ? joining(site) : moving(from, site, overlapMs * US_PER_MS);
  const title = titleOf(flags, overlapMs);
  const record =
    flags.record === undefined ? {} : { record: { file: flags.record, world, title, timing: timers.name } };
  const plan = {
    graph: world.graph,
    sources,
    solved: { ...solved, site: Int32Array.from(solved.site) },
    routersFrom: world.networkCount,
    acts,
    clients,
    subject: site.vertex,
    observers,
    timing: timers.engine,
    weights: measured.weights,
  };
  const runs = playRuns({ seed, seeds: flags.seeds, ...record }, () => plan, output);
  if (flags.json === true) {
    return output.printJson({
      schema: SCHEMA,
      graph: world.graphName,
      joins: site.site,
      ...(from === undefined ? {} : { insteadOf: from.site, overlapMs }),
      weight: measured.document,
      timing: { name: timers.name, ...timers.engine },
      seed,
      acts: acts.flatMap(({ atUs, what }) => (what === undefined ? [] : [{ atUs, what }])),
      runs: runsDocument(runs, world.graph),
      modelLimits: MODEL_LIMITS,
    });
  }
  const [first] = runs;
  output.print(
    `${title}, in ${world.graphName}; ${measured.unit}; timers ${timers.name}, seed ${seed}, ${runs.length} runs`,
  );
  output.print(
    `It concerns ${whole(first!.affectedAses)} of ${whole(world.networkCount)} ASes: those whose site changes.`,
  );
  if (first!.affectedAses === 0) {
    output.print(`Nobody prefers ${site.site}: no AS changes its site.`);
    return;
  }
  output.print("");
  const there = {
    title: `OF THEM AT ${site.site}`,
    valueOf: ({ there: at }: { readonly there: number }) => at,
  };
  printCurve(
    output,
    runs,
    [FATE_COLUMNS[0]!, there, ...FATE_COLUMNS.slice(1)],
    acts.map(({ atUs }) => atUs).filter((us) => us > 0),
  );
  output.print("");
  printFigures(output, runs);
  printSources(output, world, plan.solved.site, clients, site.vertex, after.site);
  printHistories(
    output,
    first!,
    world.graph,
    (vertex) => world.sites.find((each) => each.vertex === vertex)?.site,
  );
  output.print("");
  output.print(untilTheyCome(runs, site.site));
  output.print(MODEL_LIMITS);
}

function overlapOf({ insteadOf, overlap, gap }: AnnounceFlags): number {
  if (insteadOf === undefined && (overlap !== undefined || gap !== undefined)) {
    throw new UserError(
      "FLAG_MEANINGLESS",
      `--${overlap === undefined ? "gap" : "overlap"} needs a site that goes`,
      {
        hint: "name it: --instead-of la1",
      },
    );
  }
  return gap === undefined ? (overlap ?? 0) : -gap;
}

function placesOf(
  { sites }: OpenWorld,
  { join, insteadOf }: AnnounceFlags,
): { readonly joins: number; readonly leaves: number | undefined } {
  if (sites.length < 2) {
    throw new UserError("SITES_MIN", "the only site cannot join others: nobody would be there before it", {
      hint: "give another --site",
    });
  }
  const joins = positionOf(sites, join);
  const leaves = insteadOf === undefined ? undefined : positionOf(sites, insteadOf);
  if (joins === leaves) {
    throw new UserError("SITE_TWICE", `${join} cannot take the place of itself`, {
      hint: "name another site with --instead-of",
    });
  }
  return { joins, leaves };
}

function titleOf({ join, insteadOf }: AnnounceFlags, overlapMs: number): string {
  if (insteadOf === undefined) return `${join} joins`;
  if (overlapMs < 0) return `${join} takes the place of ${insteadOf}, ${-overlapMs / 1_000} s after it went`;
  return `${join} takes the place of ${insteadOf}, both there for ${overlapMs / 1_000} s`;
}

/** Where those who end at the new site came from. */
function printSources(
  output: Output,
  { sites }: OpenWorld,
  before: Int32Array,
  clients: readonly number[],
  vertex: number,
  after: Int32Array,
): void {
  const comers = clients.filter((at) => after[at] === vertex);
  if (comers.length === 0) return;
  const rows = [
    ...sites.map((site) => ({ name: site.site, vertex: site.vertex })),
    { name: "nowhere", vertex: -1 },
  ]
    .map(({ name, vertex: from }) => ({ name, count: comers.filter((at) => before[at] === from).length }))
    .filter(({ count }) => count > 0)
    .sort((x, y) => y.count - x.count)
    .map(({ name, count }) => [name, whole(count), percent(count, comers.length)]);
  output.print("");
  printColumns(output, "lrr", ["ITS CLIENTS COME FROM", "ASES", "SHARE"], rows);
}

function untilTheyCome(runs: readonly PlayedChange[], site: string): string {
  const finalUs = runs.map(({ grid }) => {
    const last = grid.at(-1)!;
    return grid[1 + grid.findLastIndex(({ there }) => there !== last.there)]!.atUs;
  });
  return `From ${(median(finalUs) / 1e6).toFixed(1)} s on nobody comes to ${site} who is not there, and nobody leaves it; median of the runs.`;
}
