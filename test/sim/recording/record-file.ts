/** Records the loss of the first site of a world into a file, as commands do. */
import { Prng } from "#core/prng.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { openWorld } from "#sim/load/open-world.ts";
import { worldDocumentSchema, type WorldDocumentInput } from "#sim/load/world-document.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import { TIMING_SETS, type TimingName } from "#sim/propagation/timing-sets.ts";
import { RecordingFile } from "../../../cli/sim/recording-file.ts";

const WITHDRAW_US = 900_000;

export interface RecordedLoss {
  readonly document: WorldDocumentInput;
  /** Where files that the document names are. */
  readonly folder: string;
  readonly timing: TimingName;
  readonly file: string;
}

export async function recordLoss({ document, folder, timing, file }: RecordedLoss): Promise<void> {
  const world = await openWorld(worldDocumentSchema.parse(document), folder);
  const gone = world.sites[0]!;
  const announced = world.sites.map(({ vertex, prepends }) => ({ vertex, prepends }));
  const engine: PropagationEngine = new PropagationEngine(world.graph, TIMING_SETS[timing], new Prng(1), {
    onBestChange: (vertex, atUs) => recording.recorder.bestChanged(vertex, atUs),
    onArrived: (slot, path, atUs) => recording.recorder.arrived(slot, path, atUs),
  });
  const recording = new RecordingFile(
    file,
    {
      world,
      title: `${gone.site} is lost`,
      timing,
      seed: 1,
      run: 0,
      announced,
      acts: [
        { atUs: 0, what: `${gone.site} fails`, vertex: gone.vertex, isServing: false },
        { atUs: WITHDRAW_US, what: `${gone.site} withdraws` },
      ],
    },
    engine,
  );
  engine.adopt(announced, new CatchmentSolver(world.graph).solve(announced));
  engine.advance(WITHDRAW_US);
  engine.withdraw(gone.vertex, WITHDRAW_US);
  engine.settle();
  recording.finish();
}
