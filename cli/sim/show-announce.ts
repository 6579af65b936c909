/** `anycastle sim announce`: a site joins, or one takes the place of another, played message by message. */
import { UserError } from "#core/errors.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { joining, moving } from "#sim/change/change.ts";
import { movedBetween, servedBy } from "#sim/change/clients.ts";
import type { PlayedChange } from "#sim/change/play-change.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { AnnounceFlags } from "./ask-announce.ts";
import {
  changeDocument,
  momentsOf,
  openChange,
  playAsked,
  printEnd,
  printHeadline,
  thereColumn,
  type AskedChange,
} from "./asked-change.ts";
import { percent, printColumns, whole } from "./columns.ts";
import { openWorldOf } from "./open-world-of.ts";
import { positionOf } from "./position-of.ts";
import { servedTile } from "./report/change-report.ts";
import { FATE_COLUMNS, median, printCurve, printFigures } from "./show-runs.ts";
import { sharesWith, writeChangeReport, type ChangeWords } from "./write-change-report.ts";

const SCHEMA = "anycastle.sim-announce/v1";
const US_PER_MS = 1_000;

export async function showAnnounce(output: Output, flags: AnnounceFlags): Promise<void> {
  const overlapMs = overlapOf(flags);
  const world = await openWorldOf(flags, output);
  const { joins, leaves } = placesOf(world, flags);
  const asked = await openChange(flags, output, world);
  const sources = world.sites.filter((_, index) => index !== joins);
  // Two solvers: the second would write over what the first one gave.
  const solved = new CatchmentSolver(world.graph).solve(sources);
  const inTheEnd = world.sites.filter((_, index) => index !== leaves);
  const after = new CatchmentSolver(world.graph).solve(inTheEnd);
  const site = world.sites[joins]!;
  const from = leaves === undefined ? undefined : world.sites[leaves]!;
  const concerned = new Set([
    ...movedBetween(solved, after),
    ...(from === undefined ? [] : servedBy(solved, from.vertex)),
  ]);
  // A site has no way to itself, and the service's own routers are nobody's clients.
  const clients = [...concerned]
    .filter((at) => at < world.networkCount && at !== site.vertex && at !== from?.vertex)
    .sort((x, y) => x - y);
  const acts = from === undefined ? joining(site) : moving(from, site, overlapMs * US_PER_MS);
  const title = titleOf(flags, overlapMs);
  const change = { sources, solved, acts, clients, subject: site.vertex };
  const runs = playAsked(asked, title, flags, () => change, output);
  if (flags.html !== undefined) {
    const words = wordsOf(asked, { joins, leaves }, runs[0]!.affected);
    writeChangeReport(flags.html, asked, { title, ...words }, acts, runs);
  }
  if (flags.json === true) {
    const particular = {
      joins: site.site,
      ...(from === undefined ? {} : { insteadOf: from.site, overlapMs }),
    };
    return output.printJson(changeDocument(asked, SCHEMA, particular, acts, runs));
  }
  const [first] = runs;
  printHeadline(output, asked, title, flags);
  output.print(
    `It concerns ${whole(first!.affectedAses)} of ${whole(world.networkCount)} ASes: those whose site changes.`,
  );
  if (first!.affected === 0) {
    output.print(`Nobody who counts prefers ${site.site}.`);
    return;
  }
  output.print("");
  printCurve(
    output,
    runs,
    [FATE_COLUMNS[0]!, thereColumn(site.site), ...FATE_COLUMNS.slice(1)],
    momentsOf(acts),
  );
  output.print("");
  printFigures(output, runs);
  printSources(output, world, solved.site, clients, site.vertex, after.site);
  printEnd(output, asked, runs, untilTheyCome(runs, site.site));
}

function wordsOf(
  asked: AskedChange,
  { joins, leaves }: { readonly joins: number; readonly leaves: number | undefined },
  affected: number,
): Omit<ChangeWords, "title"> {
  const { sites } = asked.world;
  const name = sites[joins]!.site;
  const positions = [...sites.keys()];
  const before = sharesWith(
    asked,
    positions.filter((position) => position !== joins),
  );
  const after = sharesWith(
    asked,
    positions.filter((position) => position !== leaves),
  );
  return {
    gone: leaves,
    whom: "those whose site changes",
    followed: `are served by ${name}`,
    follows: "there",
    answer:
      affected === 0
        ? `Nobody who counts prefers ${name}.`
        : `It concerns ${whole(affected)} (${percent(affected, after.total)}) when ties go to the lowest AS number.`,
    concerned: servedTile(after, joins, `${name} serves then`),
    before,
    after,
  };
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
