/** The flags that say what an Internet does in time. They load nothing heavy; `timers-of.ts` makes timers of them. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { DAMPING_NAMES, type DampingName } from "#sim/propagation/damping.ts";
import { TIMING_NAMES, type TimingName } from "#sim/propagation/timing-sets.ts";
import { choice, integer } from "../arguments.ts";

const SEEDS_MAX = 1_000;

export interface TimingFlags {
  readonly timing?: TimingName;
  readonly damping?: { readonly set: DampingName; readonly percent: number };
  /** Percent. */
  readonly gracefulShare?: number;
  readonly seeds: number;
}

export function addTimingOptions(command: Command, seeds: number): Command {
  return command
    .addOption(
      choice("--timing <set>", "timers of the Internet; the world's own, or fitted-2011", TIMING_NAMES),
    )
    .addOption(
      new Option(
        "--damping <set=share>",
        `route-flap damping as in ${DAMPING_NAMES.join(", ")}, by that share of the ASes: cisco=20%; alone, by all`,
      ).argParser(dampingOf),
    )
    .addOption(
      new Option("--graceful-share <share>", "so many ASes honour GRACEFUL_SHUTDOWN: 60%; all").argParser(
        wholePercent,
      ),
    )
    .addOption(
      new Option("--seeds <n>", "so many runs, each with its own delays")
        .argParser(integer(1, SEEDS_MAX))
        .default(seeds),
    );
}

function dampingOf(text: string): { readonly set: DampingName; readonly percent: number } {
  const [name, share, ...rest] = text.split("=");
  const set = DAMPING_NAMES.find((each) => each === name);
  if (set !== undefined && rest.length === 0) {
    return { set, percent: share === undefined ? 100 : wholePercent(share) };
  }
  throw new InvalidArgumentError(
    `It must be one of ${DAMPING_NAMES.join(", ")}, or such a one with a share, cisco=20%.`,
  );
}

function wholePercent(text: string): number {
  const [, digits] = /^(\d{1,3})\s?%$/.exec(text) ?? [];
  const value = Number(digits);
  if (digits !== undefined && value <= 100) return value;
  throw new InvalidArgumentError("It must be a whole share such as 60%, at most 100%.");
}
