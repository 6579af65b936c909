/**
 * A change of the service as a command asks about it: the world opened and judged, the runs played, and the words that all
 * such commands share. What is particular to one (its acts, its clients, its table) stays with it.
 */
import type { Act } from "#sim/change/acts.ts";
import type { ChangePlan, PlayedChange } from "#sim/change/play-change.ts";
import type { Prng } from "#core/prng.ts";
import type { OpenWorld, WorldTimers } from "#sim/load/open-world.ts";
import type { Output } from "../output.ts";
import type { ChangeFlags } from "./change-options.ts";
import { MODEL_LIMITS } from "./columns.ts";
import { vertexOfAs } from "./observers-of.ts";
import { openWorldOf, SEED_DEFAULT } from "./open-world-of.ts";
import { playRuns } from "./play-runs.ts";
import { printHistories, runsDocument, type Column } from "./show-runs.ts";
import { timersOf } from "./timers-of.ts";
import { openWeights, type OpenWeights } from "./weights-of.ts";

export interface AskedChange {
  readonly world: OpenWorld;
  readonly seed: number;
  readonly measured: OpenWeights;
  readonly timers: WorldTimers;
  /** Vertices of the ASes that are followed. */
  readonly observers: readonly number[];
}

/** What a command adds to what was asked: who announces before, what is done, whose packets are followed. */
export type ChangeOf = Pick<ChangePlan, "sources" | "solved" | "acts" | "clients" | "subject" | "via">;

/** `world`: opened already, by a command that looks into it first. Throws `UserError`. */
export async function openChange(
  flags: ChangeFlags,
  output: Output,
  world?: OpenWorld,
): Promise<AskedChange> {
  const opened = world ?? (await openWorldOf(flags, output));
  const observers = (flags.observe ?? []).map((asn) => vertexOfAs(opened, asn, "--observe"));
  const measured = await openWeights(opened, flags, output);
  const seed = flags.seed ?? SEED_DEFAULT;
  return { world: opened, seed, measured, timers: timersOf(opened, flags), observers };
}

/** Plays all runs; what is drawn for one, such as a detection, comes out of the generator that `changeOf` gets. */
export function playAsked(
  { world, seed, measured, timers, observers }: AskedChange,
  title: string,
  flags: ChangeFlags,
  changeOf: (prng: Prng) => ChangeOf,
  output: Output,
): PlayedChange[] {
  const record =
    flags.record === undefined ? {} : { record: { file: flags.record, world, title, timing: timers.name } };
  return playRuns(
    { seed, seeds: flags.seeds, ...record },
    (prng) => ({
      graph: world.graph,
      routersFrom: world.networkCount,
      observers,
      timing: timers.engine,
      weights: measured.weights,
      ...changeOf(prng),
    }),
    output,
  );
}

export function printHeadline(
  output: Output,
  { world, seed, measured, timers }: AskedChange,
  title: string,
  { seeds }: ChangeFlags,
): void {
  output.print(
    `${title}, in ${world.graphName}; ${measured.unit}; timers ${timers.name}, seed ${seed}, ${seeds} runs`,
  );
}

/** The observed ASes of the first run, what is to be said beneath, and what the model does not know. */
export function printEnd(
  output: Output,
  { world }: AskedChange,
  [first]: readonly PlayedChange[],
  ...remarks: readonly string[]
): void {
  printHistories(output, first!, world);
  output.print("");
  for (const remark of remarks) output.print(remark);
  output.print(MODEL_LIMITS);
}

/** `particular`: what this command has to say beside what all have. */
export function changeDocument(
  { world, seed, measured, timers }: AskedChange,
  schema: string,
  particular: object,
  acts: readonly Act[],
  runs: readonly PlayedChange[],
): object {
  return {
    schema,
    graph: world.graphName,
    ...particular,
    weight: measured.document,
    timing: { name: timers.name, ...timers.engine },
    seed,
    acts: acts.flatMap(({ atUs, what }) => (what === undefined ? [] : [{ atUs, what }])),
    runs: runsDocument(runs, world.graph),
    modelLimits: MODEL_LIMITS,
  };
}

/** Of those who arrive: at this site. */
export function thereColumn(site: string): Column {
  return { title: `OF THEM AT ${site}`, valueOf: ({ there }) => there };
}

/** Moments of acts that people are told of, but the first. */
export function momentsOf(acts: readonly Act[]): number[] {
  return [
    ...new Set(acts.filter(({ what, atUs }) => what !== undefined && atUs > 0).map(({ atUs }) => atUs)),
  ];
}
