/**
 * How long the network takes to leave a withdrawn site, sampled: the withdrawal is played for a number of seeds, each
 * with its own message delays and MRAI timers, and for every vantage that moves two times are kept. Until it has its
 * new site its packets go to the old one, or, when its AS has dropped the old route and not yet heard of another,
 * nowhere at all. The second part fails even when the old site is alive and would answer.
 */
import { invariant } from "#core/assert.ts";
import { Prng } from "#core/prng.ts";
import { Catchments } from "#sim/anycast/catchments.ts";
import type { World } from "#sim/topology/world.ts";

/** Timers of the announcement have run out by then. */
const QUIET_US = 5_000_000;

export interface Convergence {
  /** From the withdrawal until the last route of a vantage stands, µs; over vantages and seeds. */
  readonly meanUs: number;
  readonly maxUs: number;
  /** Of that, without any route, µs. */
  readonly unreachableMeanUs: number;
  readonly unreachableMaxUs: number;
}

export function sampleConvergence(world: World, site: string, seeds: number): Convergence {
  const durationsUs: number[] = [];
  const unreachableUs: number[] = [];
  for (let seed = 1; seed <= seeds; seed++) playWithdrawal(world, site, seed, durationsUs, unreachableUs);
  if (durationsUs.length === 0) return { meanUs: 0, maxUs: 0, unreachableMeanUs: 0, unreachableMaxUs: 0 };
  return {
    meanUs: mean(durationsUs),
    maxUs: Math.max(...durationsUs),
    unreachableMeanUs: mean(unreachableUs),
    unreachableMaxUs: Math.max(...unreachableUs),
  };
}

function playWithdrawal(
  world: World,
  site: string,
  seed: number,
  durationsUs: number[],
  unreachableUs: number[],
): void {
  const catchments = new Catchments(world, new Prng(seed));
  for (const known of world.sites) catchments.announce(known.site, false, 0);
  const startUs = drain(catchments, () => undefined) + QUIET_US;
  catchments.advance(startUs);
  catchments.withdraw(site, startUs);
  const movedUs = new Map<string, number>();
  const lostUs = new Map<string, number>();
  const goneUs = new Map<string, number>();
  drain(catchments, ({ vantage, from, to, atUs }) => {
    movedUs.set(vantage, atUs);
    if (to === null) lostUs.set(vantage, atUs);
    else if (from === null) {
      goneUs.set(vantage, (goneUs.get(vantage) ?? 0) + atUs - (lostUs.get(vantage) ?? startUs));
    }
  });
  for (const [vantage, atUs] of movedUs) {
    durationsUs.push(atUs - startUs);
    unreachableUs.push(goneUs.get(vantage) ?? 0);
  }
}

/** Runs until nothing is under way; the time of the last event. */
function drain(
  catchments: Catchments,
  onMove: (move: ReturnType<Catchments["advance"]>[number]) => void,
): number {
  let atUs = 0;
  for (let dueUs = catchments.nextDueUs(); dueUs < Infinity; dueUs = catchments.nextDueUs()) {
    invariant(dueUs >= atUs, "time went backwards");
    atUs = dueUs;
    for (const move of catchments.advance(atUs)) onMove(move);
  }
  return atUs;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
