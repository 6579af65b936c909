/**
 * `anycastle sim withdraw|announce|leak --html`: what clients go through after a change, run by run: the curve of what
 * becomes of their packets, when they have their last site, and who serves them then.
 */
import { quantile, sortedNumbers } from "#loadtest/report/quantile.ts";
import type { Shares } from "#sim/anycast/shares.ts";
import { whole } from "../columns.ts";
import { attachmentOf, type ReportWorld } from "./catchment-report.ts";
import { drawCurve, drawFollowed, type CurveRun } from "./curve-drawing.ts";
import { drawMap } from "./map-drawing.ts";
import { legend, section, table, type Report, type ReportTile } from "./report-page.ts";
import { drawShareBars, rangeText } from "./share-bars.ts";
import { timeText, type CurveMoment } from "./time-plane.ts";

export interface ChangeRun extends CurveRun {
  /** By quantile of the affected weight: nobody of it changes his site later, µs. */
  readonly convergedUs: ReadonlyMap<number, number>;
  /** Weight times seconds without service, circles included. */
  readonly lostSeconds: number;
  readonly announcements: number;
  readonly withdrawals: number;
}

export interface ChangeReportInput {
  readonly world: ReportWorld;
  /** `ny1 fails, detected after 300 ms`. */
  readonly title: string;
  /** Position of the site that is not there any more in the end. */
  readonly gone: number | undefined;
  /** Whose packets are followed: `whoever ny1 served`. */
  readonly whom: string;
  /** What the change is to them, in a sentence; how long it takes follows. */
  readonly answer: string;
  /** The first of the tiles: who they were. */
  readonly concerned: ReportTile;
  /** Shares before; after, a site that is gone has none. */
  readonly before: Shares;
  readonly after: Shares;
  readonly unit: string;
  readonly timing: string;
  readonly moments: readonly CurveMoment[];
  /** What `followed` of a point is, where it is what the change is about: `are served by la1`, `go through AS 4000`. */
  readonly followed?: string;
  readonly runs: readonly ChangeRun[];
  readonly seed: number;
  readonly command: string;
}

export function changeReport(input: ChangeReportInput): Report {
  const { world, title, before, after, runs, timing, seed, unit, command, gone, whom } = input;
  const affected = runs[0]?.total ?? 0;
  const converged = (share: number): number[] =>
    runs.flatMap(({ convergedUs }) => convergedUs.get(share) ?? []);
  const lost = runs.map(({ lostSeconds, total }) => (total === 0 ? 0 : lostSeconds / total));
  const curve = drawCurve(runs, input.moments);
  return {
    title,
    subtitle: `${world.graphName}: ${whole(world.networkCount)} ASes; ${unit}; timers ${timing}`,
    answer: affected === 0 ? input.answer : `${input.answer} ${timesOf(converged, lost)}`,
    tiles: [
      input.concerned,
      { name: "half have a site", value: medianTime(converged(0.5)), note: spreadText(converged(0.5)) },
      { name: "95 % have a site", value: medianTime(converged(0.95)), note: spreadText(converged(0.95)) },
      { name: "all have a site", value: medianTime(converged(1)), note: spreadText(converged(1)) },
      {
        name: "without service",
        value: `${median(lost).toFixed(2)} s`,
        note: "per client, packets to the dead site included",
        tone: "loss",
      },
      {
        name: "messages",
        value: whole(median(runs.map(({ announcements, withdrawals }) => announcements + withdrawals))),
        note: "announcements and withdrawals, median",
      },
    ],
    sections: [
      curve === null
        ? section("What becomes of their packets", null, null)
        : section(
            "What becomes of their packets",
            `Of ${whom}, followed hop by hop. The areas are the mean of ${whole(runs.length)} runs; dashed, the least and the most that arrived in any of them.`,
            legend([
              ["var(--good)", "arrive at a site that is up"],
              ["var(--bad)", "at the dead site"],
              ["var(--warn)", "nowhere: an AS on the way has no route"],
              ["var(--network)", "in a circle"],
            ]),
            curve,
          ),
      followedOf(input),
      mapOf(input),
      section(
        "Who serves them then",
        `Shares of the whole ${gone === undefined ? "when all is quiet again" : `after ${world.sites[gone]!.site} is gone`}, certain to at most.`,
        drawShareBars(
          world.sites.map((site, index) => ({
            site: site.site,
            note: index === gone ? "gone" : attachmentOf(site),
            ...ratiosOf(after, index),
            ...(site.capacity === undefined ? {} : { capacity: site.capacity / after.total }),
          })),
        ),
        table(
          "lrr",
          ["site", "before", "after"],
          world.sites.map((site, index) => [site.site, shareText(before, index), shareText(after, index)]),
        ),
      ),
      section(
        "When they have their last site",
        null,
        table(
          "lrrr",
          [`of ${whom}`, "median of runs", "least", "most"],
          [...(runs[0]?.convergedUs.keys() ?? [])].map((share) => [
            `${share * 100} %`,
            medianTime(converged(share)),
            extremeTime(converged(share), Math.min),
            extremeTime(converged(share), Math.max),
          ]),
        ),
      ),
    ],
    how: [
      `${whole(runs.length)} ${runs.length === 1 ? "run" : "runs"} of BGP, message by message, seed ${seed}: each run draws its own delays and timers from the set ${timing}.`,
      "The state before is the solved catchment; packets are followed through what each AS has chosen at that moment.",
    ],
    limits: [
      "Timers are a model of the whole Internet, one set of them fitted to one published event; other sets differ by an order of magnitude.",
      "Where nothing but ties decides, the run takes the lowest AS number; real networks take what is near.",
    ],
    command,
  };
}

/** What a site serves, of the whole. */
export function servedTile(shares: Shares, index: number, name: string): ReportTile {
  return { name, value: shareText(shares, index), note: "certain to at most" };
}

function timesOf(converged: (share: number) => number[], lost: readonly number[]): string {
  return (
    `Half of them have their last site after ${medianTime(converged(0.5))}, all after ${medianTime(converged(1))} ` +
    `(medians); a client is without service for ${median(lost).toFixed(2)} s on average.`
  );
}

/** Before the other figures of a leak it is the figure: most of whom it draws in still arrive. */
function followedOf({ runs, moments, followed, whom }: ChangeReportInput): ReturnType<typeof section> | null {
  if (followed === undefined) return null;
  const curve = drawFollowed(runs, moments, `How many ${followed}, over time`);
  if (curve === null) return null;
  return section(
    `How many ${followed}`,
    `Of ${whom}: the mean of ${whole(runs.length)} runs; dashed, the least and the most in any of them.`,
    curve,
  );
}

function mapOf({ world, gone, after }: ChangeReportInput): ReturnType<typeof section> | null {
  const map = drawMap(
    world.sites.map(({ site, coordinates }, index) => ({
      site,
      coordinates,
      ...ratiosOf(after, index),
      isGone: index === gone,
    })),
  );
  if (map === null) return null;
  return section(
    "Afterwards, on the map",
    "Discs by area: filled what is certain, faint what a site serves at most. Sites without coordinates are not drawn.",
    map,
  );
}

function ratiosOf(
  { sites, total }: Shares,
  index: number,
): {
  readonly certain: number;
  readonly chosen: number;
  readonly atMost: number;
} {
  const { certain, ambiguous, chosen } = sites[index]!;
  return { certain: certain / total, chosen: chosen / total, atMost: (certain + ambiguous) / total };
}

function shareText(shares: Shares, index: number): string {
  const { certain, atMost } = ratiosOf(shares, index);
  return rangeText(certain, atMost);
}

function median(values: readonly number[]): number {
  return quantile(sortedNumbers(values), 0.5) ?? 0;
}

function medianTime(us: readonly number[]): string {
  return us.length === 0 ? "–" : timeText(median(us));
}

function extremeTime(us: readonly number[], pick: (...values: number[]) => number): string {
  return us.length === 0 ? "–" : timeText(pick(...us));
}

function spreadText(us: readonly number[]): string {
  return us.length < 2
    ? "one run"
    : `${extremeTime(us, Math.min)} to ${extremeTime(us, Math.max)} over ${us.length} runs`;
}
