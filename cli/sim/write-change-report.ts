/** `--html` of the commands about a change: what all of them put into the report; its words are each command's own. */
import { measureShares, type Shares } from "#sim/anycast/shares.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import type { Act } from "#sim/change/acts.ts";
import type { PlayedChange } from "#sim/change/play-change.ts";
import type { AskedChange } from "./asked-change.ts";
import { changeReport, type ChangeReportInput } from "./report/change-report.ts";
import { commandLine } from "./report/command-line.ts";
import { renderReport } from "./report/report-page.ts";
import { writeWhole } from "./write-whole.ts";

export type ChangeWords = Pick<
  ChangeReportInput,
  "title" | "gone" | "whom" | "answer" | "concerned" | "before" | "after" | "followed"
> & { /** Which of a point's figures `followed` is. */ readonly follows?: "there" | "through" };

/** Of the sites at these positions, by position; the others serve nobody. */
export function sharesWith({ world, measured }: AskedChange, positions: readonly number[]): Shares {
  const sites = positions.map((position) => world.sites[position]!);
  const solved = new CatchmentSolver(world.graph).solveWithTies(sites);
  const shares = measureShares(solved, sites, measured.weights);
  const nobody = { certain: 0, ambiguous: 0, chosen: 0 };
  return {
    ...shares,
    sites: world.sites.map((_, position) => shares.sites[positions.indexOf(position)] ?? nobody),
  };
}

/** `acts`: of the first run. */
export function writeChangeReport(
  file: string,
  { world, seed, measured, timers }: AskedChange,
  { follows, ...words }: ChangeWords,
  acts: readonly Act[],
  runs: readonly PlayedChange[],
): void {
  const report = changeReport({
    ...words,
    world,
    unit: measured.unit,
    timing: timers.name,
    moments: acts.flatMap(({ atUs, what }) =>
      what === undefined || atUs === 0 ? [] : [{ atUs, label: what }],
    ),
    runs: runs.map(({ grid, affected, convergedUs, blackholeSeconds, loopSeconds, ...counts }) => ({
      points: follows === undefined ? grid : grid.map((point) => ({ ...point, followed: point[follows] })),
      total: affected,
      convergedUs,
      lostSeconds: blackholeSeconds + loopSeconds,
      announcements: counts.announcements,
      withdrawals: counts.withdrawals,
    })),
    seed,
    command: commandLine(),
  });
  writeWhole(file, renderReport(report));
}
