/** `anycastle sim leak`: an AS leaks the service's routes, played message by message. */
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { leaking } from "#sim/change/change.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { LeakFlags } from "./ask-leak.ts";
import { changeDocument, openChange, playAsked, printEnd, printHeadline } from "./asked-change.ts";
import { percent, whole } from "./columns.ts";
import { vertexOfAs } from "./observers-of.ts";
import { openWorldOf } from "./open-world-of.ts";
import { FATE_COLUMNS, median, printCurve } from "./show-runs.ts";
import { sharesWith, writeChangeReport } from "./write-change-report.ts";

const SCHEMA = "anycastle.sim-leak/v1";
const US_PER_MS = 1_000;

export async function showLeak(output: Output, flags: LeakFlags): Promise<void> {
  const world = await openWorldOf(flags, output);
  const via = vertexOfAs(world, flags.as, "--as");
  const asked = await openChange(flags, output, world);
  const forUs = flags.for * US_PER_MS;
  const acts = leaking(world.graph, via, forUs);
  const title = `AS ${flags.as} leaks for ${flags.for / 1_000} s`;
  const solved = new CatchmentSolver(world.graph).solve(world.sites);
  const change = { sources: world.sites, solved, acts, clients: clientsOf(world, solved.site, via), via };
  const runs = playAsked(asked, title, flags, () => change, output);
  const total = runs[0]!.affected;
  const before = runs[0]!.grid[0]!.through;
  const most = median(runs.map(({ grid }) => Math.max(...grid.map(({ through }) => through))));
  const drawn =
    most <= before
      ? `Nobody is drawn in: ${whole(before)} (${percent(before, total)}) go through AS ${flags.as} before and during it.`
      : `Before it ${whole(before)} (${percent(before, total)}) go through AS ${flags.as}; at the worst ${whole(most)} (${percent(most, total)}), median of the runs.`;
  if (flags.html !== undefined) {
    const shares = sharesWith(asked, [...world.sites.keys()]);
    const words = {
      title,
      gone: undefined,
      whom: "everybody who has a site",
      answer: drawn,
      followed: `go through AS ${flags.as}`,
      follows: "through" as const,
      concerned: {
        name: `through AS ${flags.as}`,
        value: percent(most, total),
        note: `at the worst; ${percent(before, total)} before`,
      },
      before: shares,
      after: shares,
    };
    writeChangeReport(flags.html, asked, words, acts, runs);
  }
  if (flags.json === true) {
    const particular = { leaker: flags.as, forMs: flags.for };
    return output.printJson(changeDocument(asked, SCHEMA, particular, acts, runs));
  }
  printHeadline(output, asked, title, flags);
  output.print(drawn);
  if (most > before) {
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
  const lost = runs.map(({ blackholeSeconds, loopSeconds }) => (blackholeSeconds + loopSeconds) / total);
  output.print(
    `messages ${whole(median(messages))}; without service ${median(lost).toFixed(3)} s a client, medians`,
  );
  printEnd(
    output,
    asked,
    runs,
    `The path is longer, not broken: whether AS ${flags.as} can carry what it draws in, no graph says.`,
  );
}

/**
 * Everybody but the leaker, the sites, and who has no route to them anyway: a leak does not take service from those, and
 * the little it may give them is not what is asked.
 */
function clientsOf({ networkCount, sites }: OpenWorld, siteOf: Int32Array, via: number): number[] {
  const isSite = new Set(sites.map(({ vertex }) => vertex));
  return Array.from({ length: networkCount }, (_, vertex) => vertex).filter(
    (vertex) => vertex !== via && !isSite.has(vertex) && siteOf[vertex] !== -1,
  );
}
