/** Timers of a run: the flag's set, else the world's own, else the fitted set. */
import type { OpenWorld, WorldTimers } from "#sim/load/open-world.ts";
import { TIMING_SETS, type TimingName } from "#sim/propagation/timing-sets.ts";

const TIMING_DEFAULT: TimingName = "fitted-2011";

export function timersOf(world: OpenWorld, { timing }: { readonly timing?: TimingName }): WorldTimers {
  const name = timing ?? TIMING_DEFAULT;
  if (timing === undefined && world.timers !== undefined) return world.timers;
  return { name, engine: TIMING_SETS[name] };
}
