/** A change played for several seeds, with progress, the first run recorded if that is asked for. */
import { nowMs } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import type { Act } from "#sim/change/acts.ts";
import { playChange, type ChangePlan, type PlayedChange } from "#sim/change/play-change.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { RecordedAct } from "#sim/recording/format.ts";
import type { Output } from "../output.ts";
import { RecordingFile } from "./recording-file.ts";

const PROGRESS_EVERY_MS = 1_000;

export interface Runs {
  readonly seed: number;
  readonly seeds: number;
  /** The first run as a file. */
  readonly record?: {
    readonly file: string;
    readonly world: OpenWorld;
    /** `ny1 is lost`. */
    readonly title: string;
    readonly timing: string;
  };
}

/** What is drawn for a run beside its delays, such as a detection, comes out of the generator that `planOf` gets. */
export function playRuns(
  { seed, seeds, record }: Runs,
  planOf: (prng: Prng) => ChangePlan,
  output: Output,
): PlayedChange[] {
  const runs: PlayedChange[] = [];
  const startMs = nowMs();
  let toldMs = startMs;
  for (let count = 0; count < seeds; count++) {
    const prng = new Prng(seed).fork(`run/${count}`);
    const plan = planOf(prng.fork("change"));
    runs.push(
      count === 0 && record !== undefined ? playRecorded(plan, prng, seed, record) : playChange(plan, prng),
    );
    if (nowMs() - toldMs < PROGRESS_EVERY_MS) continue;
    toldMs = nowMs();
    output.tell(`${count + 1} of ${seeds} runs`);
  }
  output.tell(`${seeds === 1 ? "1 run" : `${seeds} runs`} in ${((nowMs() - startMs) / 1000).toFixed(1)} s`);
  return runs;
}

/** The file is there only if the run came to its end. */
function playRecorded(
  plan: ChangePlan,
  prng: Prng,
  seed: number,
  { file, world, title, timing }: NonNullable<Runs["record"]>,
): PlayedChange {
  const change = {
    world,
    title,
    timing,
    seed,
    run: 0,
    announced: plan.sources.map(({ vertex, prepends, isNoExport, isNoPeer, isBlackhole }) => ({
      vertex,
      prepends,
      ...(isNoExport === undefined ? {} : { isNoExport }),
      ...(isNoPeer === undefined ? {} : { isNoPeer }),
      ...(isBlackhole === undefined ? {} : { isBlackhole }),
    })),
    acts: plan.acts.flatMap(recordedAct),
  };
  let recording: RecordingFile | undefined;
  try {
    const run = playChange(plan, prng, (engine) => {
      const { recorder } = (recording = new RecordingFile(file, change, engine));
      return {
        onBestChange: (at, atUs) => recorder.bestChanged(at, atUs),
        onArrived: (slot, path, atUs) => recorder.arrived(slot, path, atUs),
      };
    });
    recording!.finish();
    return run;
  } catch (error) {
    recording?.discard();
    throw error;
  }
}

/** Details of a change leave no mark on a timeline. */
function recordedAct(act: Act): RecordedAct[] {
  const { atUs, what } = act;
  if (what === undefined) return [];
  switch (act.kind) {
    case "fail":
      return [{ atUs, what, vertex: act.vertex, isServing: false }];
    case "recover":
    case "announce":
      return [{ atUs, what, vertex: act.vertex, isServing: true }];
    case "withdraw":
    case "close":
    case "open":
    case "leak":
    case "stop-leak":
      return [{ atUs, what }];
  }
}
