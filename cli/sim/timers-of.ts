/** Timers of a run: the flag's set, else the world's own, else the fitted set; and what other flags change in them. */
import type { OpenWorld, WorldTimers } from "#sim/load/open-world.ts";
import { DAMPING_SETS } from "#sim/propagation/damping.ts";
import { TIMING_SETS, type TimingName } from "#sim/propagation/timing-sets.ts";
import type { TimingFlags } from "./timing-options.ts";

const TIMING_DEFAULT: TimingName = "fitted-2011";

export function timersOf(world: OpenWorld, flags: Partial<TimingFlags>): WorldTimers {
  const { timing, damping, gracefulShare } = flags;
  const name = timing ?? TIMING_DEFAULT;
  const base =
    timing === undefined && world.timers !== undefined ? world.timers : { name, engine: TIMING_SETS[name] };
  const said = [
    base.name,
    ...(damping === undefined ? [] : [`damping ${damping.set} by ${damping.percent} %`]),
    ...(gracefulShare === undefined ? [] : [`${gracefulShare} % honour GRACEFUL_SHUTDOWN`]),
  ];
  return {
    name: said.join(", "),
    engine: {
      ...base.engine,
      ...(damping === undefined
        ? {}
        : { damping: { ...DAMPING_SETS[damping.set], percent: damping.percent } }),
      ...(gracefulShare === undefined ? {} : { gracefulPercent: gracefulShare }),
    },
  };
}
