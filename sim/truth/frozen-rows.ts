/**
 * What this program itself gave when the row was recorded: no truth about the Internet, but a model that leaves the
 * interval is another model, and must say so. On a generated Internet, so that nobody needs a graph for it.
 */
import { Prng } from "#core/prng.ts";
import { playChange } from "#sim/change/play-change.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { withdrawalPlans } from "./site-withdrawn.ts";
import { bandRow, type TruthRow } from "./truth-row.ts";
import { medianOf, spreadOf } from "./summary.ts";

const SET = "fitted-2011";
const ASES = 2_000;
/** The first one is withdrawn. */
const SITES = [400, 17, 1_900] as const;
const SEEDS = 12;
const SOURCE = "this program, 25 November 2026";

export function frozenRows(): TruthRow[] {
  const graph = generateGraph(ASES, new Prng(1));
  const [plan] = withdrawalPlans(graph, SITES, 1, TIMING_SETS[SET]);
  const runs = Array.from({ length: SEEDS }, (_, seed) =>
    playChange(plan!, new Prng(seed).fork("truth/frozen")),
  );
  const shares = runs.map(({ convergedUs }) => convergedUs.get(0.8)! / 1e6);
  const messages = runs.map(({ announcements, withdrawals }) => announcements + withdrawals);
  const kind = "frozen" as const;
  const of = `one of three sites withdrawn, ${ASES} generated ASes, ${SET}`;
  return [
    bandRow(
      { quantity: `${of}: 80 % of its ASes have their last site`, source: SOURCE, kind },
      { min: 7.5, max: 9, unit: " s", digits: 1 },
      { value: medianOf(shares), spread: spreadOf(shares, 1) },
    ),
    bandRow(
      { quantity: `${of}: messages`, source: SOURCE, kind },
      { min: 1_260, max: 1_330, unit: "", digits: 0 },
      { value: medianOf(messages), spread: spreadOf(messages, 0) },
    ),
  ];
}
