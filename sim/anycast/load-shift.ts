/**
 * Where the clients of a lost site go: for each single loss how much moves from it to which other site, and how much has
 * no route any more. Pairs again: *certain* was at the site and is at the other by every equally good path, *at most*
 * may have been there and may be at the other. Clients of sites that stay may move too, because an AS that falls from a
 * customer's route to a peer's often has a shorter path to offer than before.
 */
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { CatchmentSolver, type Source } from "./solve.ts";
import type { Weights } from "./weights.ts";
import type { Load } from "./what-if.ts";

export interface LoadShift {
  /** Position of the site that is lost. */
  readonly lost: number;
  /** What it had. */
  readonly from: Load;
  /** Per position, what each other site gets of it; its own entry is zero. */
  readonly to: readonly Load[];
  /** What of it is left without a route. */
  readonly unreachable: Load;
  /** Clients of other sites that change theirs. */
  readonly others: Load;
}

/** One row for each site. */
export function measureShifts(graph: AsGraph, sources: readonly Source[], weights: Weights): LoadShift[] {
  const solver = new CatchmentSolver(graph);
  const positionOf = new Map(sources.map(({ vertex }, position) => [vertex, position]));
  const look = (up: readonly Source[]): Reached => {
    const { ties, site } = solver.solveWithTies(up);
    return { ties: ties.slice(), site: site.slice() };
  };
  const before = look(sources);
  return sources.map((_, lost) => {
    const after = look(sources.filter((_source, position) => position !== lost));
    return shiftOf(before, after, lost, positionOf, weights);
  });
}

interface Reached {
  readonly ties: Uint32Array;
  readonly site: Int32Array;
}

type Sum = { -readonly [Key in keyof Load]: Load[Key] };

function shiftOf(
  before: Reached,
  after: Reached,
  lost: number,
  positionOf: ReadonlyMap<number, number>,
  weights: Weights,
): LoadShift {
  const [from, unreachable, others] = [nothing(), nothing(), nothing()];
  const to = Array.from(positionOf, nothing);
  for (const [vertex, weight] of weights.entries()) {
    const was = before.ties[vertex]!;
    if (weight === 0 || was === 0) continue;
    const is = withGap(after.ties[vertex]!, lost);
    const wasAt = positionOf.get(before.site[vertex]!);
    const isAt = positionOf.get(after.site[vertex]!);
    if ((was & (1 << lost)) === 0) {
      if (was !== is) others.atMost += weight;
      if ((was & is) === 0) others.certain += weight;
      if (wasAt !== isAt) others.chosen += weight;
      continue;
    }
    if (wasAt === lost) {
      from.chosen += weight;
      if (isAt === undefined) unreachable.chosen += weight;
      else to[isAt]!.chosen += weight;
    }
    const isCertain = (was & (was - 1)) === 0;
    add(from, weight, isCertain);
    if (is === 0) add(unreachable, weight, isCertain);
    for (let left = is; left !== 0; left &= left - 1) {
      add(to[31 - Math.clz32(left & -left)]!, weight, isCertain && (is & (is - 1)) === 0);
    }
  }
  return { lost, from, to, unreachable, others };
}

function nothing(): Sum {
  return { certain: 0, atMost: 0, chosen: 0 };
}

function add(sum: Sum, weight: number, isCertain: boolean): void {
  sum.atMost += weight;
  if (isCertain) sum.certain += weight;
}

/** Bits of the sites that are left, put back to the positions they have among all. */
function withGap(ties: number, lost: number): number {
  const below = ties & ((1 << lost) - 1);
  return (below | ((ties ^ below) << 1)) >>> 0;
}
