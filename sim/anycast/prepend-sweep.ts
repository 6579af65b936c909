/** What prepending at one site does to all: its shares and theirs for each number of prepends, in one pass per 32. */
import { invariant } from "#core/assert.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { PREPENDS_MAX } from "#sim/topology/limits.ts";
import { SCENARIOS_MAX, ScenarioSolver } from "./scenario-solver.ts";
import type { Source } from "./solve.ts";
import type { Weights } from "./weights.ts";
import { loadOf, type Load } from "./what-if.ts";

export interface PrependStep {
  readonly prepends: number;
  /** In the order of the sources. */
  readonly loads: readonly Load[];
}

/** The site at `position` prepends 0, 1, … `prependsMax` times; the others stay as they are. */
export function sweepPrepends(
  graph: AsGraph,
  sources: readonly Source[],
  position: number,
  prependsMax: number,
  weights: Weights,
): PrependStep[] {
  invariant(prependsMax <= PREPENDS_MAX, `at most ${PREPENDS_MAX} prepends`);
  const solver = new ScenarioSolver(
    graph,
    sources.map(({ vertex }) => vertex),
  );
  const steps: PrependStep[] = [];
  for (let first = 0; first <= prependsMax; first += SCENARIOS_MAX) {
    const count = Math.min(SCENARIOS_MAX, prependsMax + 1 - first);
    solver.solve(
      Array.from({ length: count }, (_, offset) => {
        const prepends = first + offset;
        return sources.map((source, site) => (site === position ? { ...source, prepends } : source));
      }),
    );
    const found = solver.loads(weights, count);
    for (let offset = 0; offset < count; offset++) {
      const base = offset * sources.length;
      const loads = sources.map((_, site) => loadOf(found, base + site));
      steps.push({ prepends: first + offset, loads });
    }
  }
  return steps;
}
