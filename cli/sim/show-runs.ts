/** What all runs of a change have to say, as tables for people and as a part of a document. */
import { quantile, sortedNumbers } from "#loadtest/report/quantile.ts";
import type { History } from "#sim/change/histories.ts";
import { QUANTILES, type GridPoint, type PlayedChange } from "#sim/change/play-change.ts";
import type { Fate } from "#sim/propagation/fates.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import type { Output } from "../output.ts";
import { printColumns, whole } from "./columns.ts";

/** Moments of the curve that people are shown, in seconds after the change began and after each of its acts. */
const SHOWN_S = [0, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600];
const MOMENTS_SHOWN_MAX = 40;
const STEPS_SHOWN_MAX = 40;

export interface Column {
  readonly title: string;
  readonly valueOf: (point: GridPoint) => number;
}

export const FATE_COLUMNS: readonly Column[] = [
  { title: "ARRIVE", valueOf: ({ right }) => right },
  { title: "AT A DEAD SITE", valueOf: ({ wrong }) => wrong },
  { title: "NOWHERE", valueOf: ({ lost }) => lost },
  { title: "IN A CIRCLE", valueOf: ({ looping }) => looping },
];

/** Medians of the runs; `actsUs` are moments around which the curve is shown more closely. */
export function printCurve(
  output: Output,
  runs: readonly PlayedChange[],
  columns: readonly Column[],
  actsUs: readonly number[] = [],
): void {
  const endS = Math.max(...runs.map(({ grid }) => grid.at(-1)!.atUs / 1e6));
  const moments = [
    ...new Set([...SHOWN_S, ...actsUs.flatMap((us) => [us / 1e6, us / 1e6 + 1, us / 1e6 + 10])]),
  ];
  const rows = moments
    .sort((a, b) => a - b)
    .filter((atS) => atS <= endS)
    .slice(0, MOMENTS_SHOWN_MAX)
    .map((atS) => {
      const points = runs.map(({ grid }) => grid.findLast(({ atUs }) => atUs <= Math.round(atS * 1e6))!);
      return [
        `${Number(atS.toFixed(3))} s`,
        ...columns.map(({ valueOf }) => {
          const shares = points.map((point, index) => valueOf(point) / runs[index]!.affected);
          return `${(100 * median(shares)).toFixed(1)} %`;
        }),
      ];
    });
  printColumns(output, "r".repeat(columns.length + 1), ["AFTER", ...columns.map(({ title }) => title)], rows);
}

export function printFigures(output: Output, runs: readonly PlayedChange[]): void {
  const rows = QUANTILES.map((share) => {
    const seconds = runs.map(({ convergedUs }) => convergedUs.get(share)! / 1e6);
    return [`${share * 100} %`, ...spread(seconds)];
  });
  printColumns(output, "lrrr", ["HAVE THEIR LAST SITE", "MEDIAN s", "LEAST", "MOST"], rows);
  output.print("");
  const perClient = (total: (run: PlayedChange) => number): string =>
    spread(runs.map((run) => total(run) / run.affected)).join(" / ");
  output.print(
    `without service, s per client   ${perClient(({ blackholeSeconds, loopSeconds }) => blackholeSeconds + loopSeconds)} (median / least / most)`,
  );
  output.print(`of that in a circle             ${perClient(({ loopSeconds }) => loopSeconds)}`);
  const announced = runs.map(({ announcements }) => announcements);
  output.print(
    `announcements                   ${whole(median(announced))}, withdrawals ${whole(median(runs.map(({ withdrawals }) => withdrawals)))}`,
  );
  const restless = runs.filter(({ isSettled }) => !isSettled).length;
  if (restless > 0)
    output.print(`${restless} of ${runs.length} runs did not come to rest and were given up.`);
}

const FATE_TEXT: Readonly<Record<Fate, string>> = {
  right: "arrives",
  wrong: "at a dead site",
  lost: "nowhere",
  looping: "in a circle",
};

/** Of the first run: each observed AS with what it heard and where its packets went. */
export function printHistories(
  output: Output,
  { histories }: PlayedChange,
  { graph, sites }: Pick<OpenWorld, "graph" | "sites">,
): void {
  for (const { vertex, steps, announcements, withdrawals, bestChanges } of histories) {
    output.print("");
    output.print(
      `AS ${graph.asn[vertex]} in the first run: heard ${whole(announcements)} announcements and ${whole(withdrawals)} withdrawals, chose ${whole(bestChanges)} times`,
    );
    const rows = steps
      .slice(0, STEPS_SHOWN_MAX)
      .map(({ atUs, fate, way }) => [
        `${(atUs / 1e6).toFixed(3)} s`,
        FATE_TEXT[fate],
        sites.find((site) => site.vertex === way.at(-1))?.site ?? "-",
        way.map((at) => `AS${graph.asn[at]}`).join(" "),
      ]);
    printColumns(output, "rlll", ["FROM", "ITS PACKETS", "AT", "BY THE WAY"], rows);
    if (steps.length > rows.length) output.print(`… and ${steps.length - rows.length} more: --json has all`);
  }
}

/** The runs for a document. */
export function runsDocument(runs: readonly PlayedChange[], graph: AsGraph): object[] {
  return runs.map(({ convergedUs, histories, ...run }) => ({
    ...run,
    convergedUs: Object.fromEntries([...convergedUs].map(([share, us]) => [String(share), us])),
    histories: histories.map((history) => historyDocument(history, graph)),
  }));
}

function historyDocument({ vertex, steps, ...counts }: History, graph: AsGraph): object {
  return {
    as: graph.asn[vertex],
    ...counts,
    steps: steps.map(({ atUs, fate, way }) => ({ atUs, fate, way: way.map((at) => graph.asn[at]) })),
  };
}

function spread(values: readonly number[]): [string, string, string] {
  return [median(values).toFixed(2), Math.min(...values).toFixed(2), Math.max(...values).toFixed(2)];
}

export function median(values: readonly number[]): number {
  return quantile(sortedNumbers(values), 0.5)!;
}
