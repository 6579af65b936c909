/** `anycastle sim replay`: tables of a recording, its events as rows, its collector's file, or its page. */
import { UserError } from "#core/errors.ts";
import type { ReplayFrame, ReplayMoment } from "#core/wire/replay.ts";
import { RecordedStory } from "#sim/recording/moments.ts";
import type { Replay } from "#sim/recording/replay.ts";
import type { Output } from "../output.ts";
import type { ReplayFlags } from "./ask-replay.ts";
import { MODEL_LIMITS, percent, printColumns, whole } from "./columns.ts";
import { exportMrt, vertexOfAs } from "./export-mrt.ts";
import { openReplay } from "./recording-file.ts";
import { csvLine, replayRows, ROW_COLUMNS, type RowRange } from "./replay-rows.ts";

const SCHEMA = "anycastle.sim-replay/v1";
const US_PER_MS = 1_000;
/** Moments of the overview, in seconds after the change began. */
const SHOWN_S = [0, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600];
/** Sites that the overview has a column for; those that change most. */
const COLUMNS_MAX = 6;
/** Lines of one AS that people are shown; the rest is in `--csv`. */
const HISTORY_MAX = 200;
const MOMENTS_MAX = 60;

export async function showReplay(output: Output, file: string, flags: ReplayFlags): Promise<void> {
  refuseContradiction(flags);
  const { replay } = await openReplay(file, flags.graph);
  if (flags.page === true) {
    const { runReplayPage } = await import("./run-replay-page.ts");
    process.exitCode = await runReplayPage(output, replay, flags.listen);
    return;
  }
  const range: RowRange = {
    afterUs: flags.from === undefined ? -1 : flags.from * US_PER_MS,
    untilUs: flags.to === undefined ? Infinity : flags.to * US_PER_MS,
    vertex: flags.as === undefined ? undefined : vertexOfAs(replay, flags.as),
  };
  if (flags.mrt !== undefined) return writeMrt(output, replay, flags.mrt, flags, range);
  if (flags.csv === true) {
    output.print(ROW_COLUMNS.join(","));
    for (const row of replayRows(replay, range)) output.print(csvLine(row));
    return;
  }
  if (flags.ndjson === true) {
    for (const row of replayRows(replay, range)) output.print(JSON.stringify(row));
    return;
  }
  const story = new RecordedStory(replay);
  if (flags.json === true) return output.printJson(documentOf(story, flags, range));
  printHead(output, replay);
  if (flags.as !== undefined) printHistory(output, replay, flags, range);
  else if (flags.at !== undefined) printState(output, story, flags.at * US_PER_MS);
  else printOverview(output, story, range);
  output.print("");
  output.print(MODEL_LIMITS);
}

function refuseContradiction(flags: ReplayFlags): void {
  const wanted = (["json", "csv", "ndjson", "mrt", "page"] as const).filter(
    (name) => flags[name] !== undefined,
  );
  if (wanted.length > 1) {
    throw new UserError("OUTPUT_TWICE", `--${wanted[0]} and --${wanted[1]} are both given`, {
      hint: "ask for one of them at a time",
    });
  }
  if ((flags.mrt === undefined) !== (flags.peers === undefined)) {
    throw new UserError("PEERS_MISSING", "--mrt and --peers belong together: a collector has peers", {
      hint: "--mrt updates.mrt --peers 3320,7018",
    });
  }
  if (flags.from !== undefined && flags.to !== undefined && flags.from > flags.to) {
    throw new UserError("RANGE_EMPTY", "--from is after --to: nothing lies between", {
      hint: "--from 1s --to 20s",
    });
  }
}

function writeMrt(output: Output, replay: Replay, file: string, flags: ReplayFlags, range: RowRange): void {
  const counts = exportMrt(replay, file, flags.peers!, flags.prefix, {
    fromUs: Math.max(0, range.afterUs),
    untilUs: range.untilUs,
  });
  output.print(
    `${file}: the table of ${whole(flags.peers!.length)} peers with ${whole(counts.routes)} routes, and ${whole(counts.updates)} updates after it`,
  );
}

function printHead(output: Output, { recording }: Replay): void {
  const { header, changes, messages, endUs } = recording;
  output.print(
    `${header.title}; ${header.graph.name}: ${whole(header.graph.networks)} ASes; timers ${header.timing}, seed ${header.seed}, run ${header.run}`,
  );
  output.print(
    `${whole(changes.count)} changes of best paths and ${whole(messages.count)} messages in ${seconds(endUs)}.`,
  );
  output.print("");
}

function printOverview(output: Output, story: RecordedStory, range: RowRange): void {
  const { recording } = story.replay;
  const { endUs, header } = recording;
  const moments = story.moments().filter(({ atUs }) => atUs > range.afterUs && atUs <= range.untilUs);
  printColumns(output, "rl", ["AFTER", "WHAT"], moments.slice(0, MOMENTS_MAX).map(momentRow));
  if (moments.length > MOMENTS_MAX)
    output.print(`… and ${moments.length - MOMENTS_MAX} more: --json has all`);
  output.print("");
  const lastUs = Math.min(endUs, range.untilUs);
  const times = [...new Set([...SHOWN_S.map((s) => s * 1e6), endUs])]
    .filter((us) => us > range.afterUs && us <= lastUs)
    .sort((a, b) => a - b);
  const states = times.map((us) => story.at(us));
  const shown = mostChanged(states, header.sites.length);
  output.print("ASes whose route leads to each site in this run, ties to the lowest AS number:");
  printColumns(
    output,
    "r".repeat(6 + shown.length),
    [
      "AFTER",
      ...shown.map((index) => header.sites[index]!.site),
      "NO ROUTE",
      "ARRIVE",
      "AT A DEAD SITE",
      "NOWHERE",
      "IN A CIRCLE",
    ],
    states.map(({ atUs, sites, routeless, fates }) => {
      const total = story.affected.length;
      return [
        seconds(atUs),
        ...shown.map((index) => whole(sites[index]!.routes)),
        whole(routeless),
        percent(fates.right, total),
        percent(fates.wrong, total),
        percent(fates.lost, total),
        percent(fates.looping, total),
      ];
    }),
  );
  output.print(
    `The last four columns: packets of the ${whole(story.affected.length)} ASes whose route changes at least once.`,
  );
}

/** Positions of sites, in order; all, or those that differ most between two of the states. */
function mostChanged(states: readonly ReplayFrame[], siteCount: number): number[] {
  const all = Array.from({ length: siteCount }, (_, index) => index);
  if (siteCount <= COLUMNS_MAX) return all;
  const change = (index: number): number => {
    const counts = states.map(({ sites }) => sites[index]!.routes);
    return Math.max(...counts) - Math.min(...counts);
  };
  return all
    .sort((a, b) => change(b) - change(a))
    .slice(0, COLUMNS_MAX)
    .sort((a, b) => a - b);
}

function momentRow(moment: ReplayMoment): string[] {
  return [seconds(moment.atUs), momentText(moment)];
}

export function momentText(moment: ReplayMoment): string {
  switch (moment.sort) {
    case "act":
      return moment.what;
    case "moved":
      return `${moment.vantage}: ${moment.from ?? "no route"} -> ${moment.to ?? "no route"}`;
    case "settled":
      return `${moment.percent} % of those that move have their last site`;
  }
}

function printState(output: Output, story: RecordedStory, atUs: number): void {
  const { recording } = story.replay;
  const first = story.at(0);
  const state = story.at(atUs);
  const { networks } = recording.header.graph;
  output.print(
    `${seconds(atUs)} after the change began: ${whole(state.changes)} changes and ${whole(state.messages)} messages so far.`,
  );
  printColumns(
    output,
    "llrrr",
    ["SITE", "IS", "ROUTES LEAD THERE", "OF ALL", "AT FIRST"],
    recording.header.sites.map(({ site }, index) => {
      const { routes, isAnnounced, isServing } = state.sites[index]!;
      return [
        site,
        `${isAnnounced ? "announced" : "withdrawn"}${isServing ? "" : ", dead"}`,
        whole(routes),
        percent(routes, networks),
        whole(first.sites[index]!.routes),
      ];
    }),
  );
  output.print(`No route: ${whole(state.routeless)}. In this run, ties to the lowest AS number.`);
  const { fates } = state;
  const total = story.affected.length;
  output.print(
    `Packets of the ${whole(total)} ASes whose route changes at least once: ${percent(fates.right, total)} arrive, ` +
      `${percent(fates.wrong, total)} at a dead site, ${percent(fates.lost, total)} nowhere, ${percent(fates.looping, total)} in a circle.`,
  );
}

function printHistory(output: Output, replay: Replay, flags: ReplayFlags, range: RowRange): void {
  const atUs = (flags.at ?? flags.from ?? 0) * US_PER_MS;
  replay.seek(atUs);
  output.print(`AS ${flags.as} at ${seconds(atUs)}: ${pathText(replay, range.vertex!)}`);
  output.print("");
  const rows = [...replayRows(replay, range)];
  printColumns(
    output,
    "rlrll",
    ["AFTER", "EVENT", "NEIGHBOUR", "SITE", "PATH"],
    rows
      .slice(0, HISTORY_MAX)
      .map(({ atUs: us, event, neighbor, site, path }) => [
        seconds(us),
        event,
        neighbor === null ? "-" : String(neighbor),
        site ?? "-",
        path.join(" "),
      ]),
  );
  if (rows.length > HISTORY_MAX) output.print(`… and ${rows.length - HISTORY_MAX} more: --csv has all`);
  if (rows.length === 0) output.print("It heard nothing and changed nothing.");
}

function pathText(replay: Replay, vertex: number): string {
  const path = replay.bestPath(vertex);
  if (path === 0) return "no route";
  const site = replay.recording.header.sites.find((each) => each.vertex === replay.siteOf(vertex));
  return `reaches ${site?.site ?? "a site"}: ${replay.asPath(path).join(" ")}`;
}

function documentOf(story: RecordedStory, flags: ReplayFlags, range: RowRange): object {
  const { header, changes, messages, endUs } = story.replay.recording;
  const { title, graph, timing, seed, run, sites, vantages, acts } = header;
  const common = {
    schema: SCHEMA,
    recording: {
      title,
      graph,
      timing,
      seed,
      run,
      acts,
      endUs,
      changes: changes.count,
      messages: messages.count,
    },
    sites: sites.map(({ site, as }) => ({ site, as })),
    vantages: vantages.map(({ vantage, as }) => ({ vantage, as })),
    affected: story.affected.length,
    modelLimits: MODEL_LIMITS,
  };
  if (flags.as !== undefined) {
    const atUs = (flags.at ?? flags.from ?? 0) * US_PER_MS;
    story.replay.seek(atUs);
    const path = story.replay.asPath(story.replay.bestPath(range.vertex!));
    return { ...common, as: flags.as, atUs, path, events: [...replayRows(story.replay, range)] };
  }
  if (flags.at !== undefined) return { ...common, state: story.at(flags.at * US_PER_MS) };
  return { ...common, moments: story.moments(), curve: story.curve(), end: story.at(endUs) };
}

function seconds(us: number): string {
  return `${Number((us / 1e6).toFixed(6))} s`;
}
