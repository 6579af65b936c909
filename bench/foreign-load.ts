/** Whether the box was ours while something was measured; whoever reads the figures is told when it was not. */
import { BoxNoiseWatch } from "#core/host/box-noise.ts";

/** Mean number of cores. */
const FOREIGN_CORES_MAX = 0.1;

export class ForeignLoad {
  readonly #watch = new BoxNoiseWatch(process.pid);

  /** Between samples: what comes and goes unseen is taken for foreign. */
  touch(): void {
    this.#watch.touch();
  }

  /** Cores used by others so far, in hundredths; says so aloud when it is too much. */
  cores(say: (line: string) => void): number | "unknown" {
    const cores = this.#watch.read()?.foreignCores;
    if (cores === undefined) return "unknown";
    if (cores > FOREIGN_CORES_MAX) {
      say(`others used ${cores.toFixed(2)} cores meanwhile: compare within this run only, and with care`);
    }
    return Number(cores.toFixed(2));
  }
}
