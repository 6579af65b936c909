/**
 * Published measurements of the real Internet against one frozen set of timers. A band is printed as it comes out; it
 * is never moved. What the set was fitted to is said to be fitted:
 *
 * - RIPE's beacon of 2 February 2011 chose the set's share of MRAI, of WRATE and its mean delay, by trial.
 * - ANRW'24 did not, but of two sets that fit the beacon this one also falls into its band, the other (50 %, 20 %,
 *   1.5 s) below; so it counts as fitted too.
 *
 * ANRW'24 watches from the data plane; the row reads routes: when each AS has chosen its last site. By packets,
 * followed hop by hop, service is back sooner (`sim withdraw` shows both), so "in" hangs on the reading.
 *
 * Not matched by any set, and no row: how fast the beacon's announcement spread (published 50 % within 10 s, 100 % at
 * 38 s; here 0.75 s and 4 s). A collector's own MRAI and the delay inside an AS are not in the model.
 */
import { Prng } from "#core/prng.ts";
import { playChange } from "#sim/change/play-change.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import { ANYCAST_RUNS_EACH, BEACON_RUNS } from "./published-runs.ts";
import { withdrawalPlans } from "./site-withdrawn.ts";
import { medianOf, spreadOf } from "./summary.ts";
import { bandRow, type Interval, type TruthRow } from "./truth-row.ts";

const SET = "fitted-2011";
const RIS_AS = 12_654;
/** As full-table peers of a large exchange: every tenth of the best connected. */
const OBSERVERS_OF = 900;
const OBSERVER_STEP = 10;
const STILL_SEEN = 0.1;
const BEACON_US = 7_200_000_000;
/** Stand-ins for nine sites; the large ones are withdrawn in turn. */
const SITES = [13_335, 54_113, 4_134, 20_940, 8_075, 60_068, 16_509, 15_169, 32_934] as const;
const LARGE = 6;
const CONVERGED_SHARE = 0.8;
const TAIL_US = 60e6;
const RIPE = "labs.ripe.net, The Shape of a BGP Update (2 Feb 2011, 84.205.67.0/24)";
const ANRW = "ANRW'24, An Empirical Characterization of Anycast Convergence Time";

const RECORDED = "this program, 25 November 2026";

/** On the graph of 2011-01-01. One run takes about a second. */
export function beaconRows(graph: AsGraph, seeds: number): TruthRow[] {
  const runs = Array.from({ length: seeds }, (_, seed) => playBeacon(graph, seed));
  const gone = runs.map(({ goneUs }) => goneUs / 1e6);
  const ratios = runs.map(({ ratio }) => ratio);
  const kind = "fitted" as const;
  return [
    bandRow(
      {
        quantity: `RIS beacon, withdrawal: fewer than 10 % still see it, ${SET}`,
        source: `${RIPE}: about 2 minutes`,
        kind,
      },
      { min: 90, max: 150, unit: " s", digits: 0 },
      { value: medianOf(gone), spread: spreadOf(gone, 0) },
    ),
    bandRow(
      {
        quantity: `RIS beacon, updates after withdrawal to updates after announcement, ${SET}`,
        source: `${RIPE}: nearly 4 times`,
        kind,
      },
      { min: 3, max: 5, unit: "", digits: 1 },
      { value: medianOf(ratios), spread: spreadOf(ratios, 1) },
    ),
    ...(seeds === BEACON_RUNS
      ? [frozenRow(`RIS beacon, withdrawal, ${SET}`, { min: 132, max: 152, unit: " s", digits: 0 }, gone)]
      : []),
  ];
}

function frozenRow(quantity: string, interval: Interval, values: readonly number[]): TruthRow {
  const claim = { quantity: `${quantity}: as it was recorded`, source: RECORDED, kind: "frozen" as const };
  return bandRow(claim, interval, { value: medianOf(values), spread: spreadOf(values, interval.digits) });
}

function playBeacon(graph: AsGraph, seed: number): { readonly goneUs: number; readonly ratio: number } {
  const origin = graph.asn.indexOf(RIS_AS);
  const observers = bestConnected(graph);
  const lostUs = new Float64Array(graph.vertexCount);
  const engine: PropagationEngine = new PropagationEngine(
    graph,
    TIMING_SETS[SET],
    new Prng(seed).fork("truth/beacon"),
    { onBestChange: (vertex, atUs) => void (lostUs[vertex] = atUs) },
  );
  engine.announce(origin, { prepends: 0 }, 0);
  // The beacon is withdrawn two hours later, when no timer of its announcement runs any more.
  const announcedUs = engine.settle() + BEACON_US;
  const said = engine.counts.announcements + engine.counts.withdrawals;
  engine.withdraw(origin, announcedUs);
  engine.settle();
  const more = engine.counts.announcements + engine.counts.withdrawals - said;
  const times = observers.map((vertex) => lostUs[vertex]! - announcedUs).sort((a, b) => a - b);
  // The first moment at which fewer than a tenth of them still have a route.
  const index = Math.min(times.length - 1, Math.floor((1 - STILL_SEEN) * times.length));
  return { goneUs: times[index]!, ratio: more / said };
}

function bestConnected({ offsets, vertexCount }: AsGraph): number[] {
  const degree = (vertex: number): number => offsets[vertex + 1]! - offsets[vertex]!;
  const vertices = Array.from({ length: vertexCount }, (_, vertex) => vertex);
  vertices.sort((x, y) => degree(y) - degree(x) || x - y);
  return vertices.slice(0, OBSERVERS_OF).filter((_, index) => index % OBSERVER_STEP === 0);
}

/** On the graph of 2025-09-01: each large site withdrawn, with each seed. */
export function anycastRows(graph: AsGraph, seedsEach: number): TruthRow[] {
  const vertices = SITES.map((asn) => graph.asn.indexOf(asn));
  const shares: number[] = [];
  const slowest: number[] = [];
  for (const [lost, plan] of withdrawalPlans(graph, vertices, LARGE, TIMING_SETS[SET]).entries()) {
    for (let seed = 0; seed < seedsEach; seed++) {
      const { convergedUs } = playChange(plan, new Prng(seed).fork(`truth/anycast/${lost}`));
      shares.push(convergedUs.get(CONVERGED_SHARE)! / 1e6);
      slowest.push(convergedUs.get(1)! / 1e6);
    }
  }
  return [
    bandRow(
      {
        quantity: `anycast site withdrawn: 80 % of its ASes have their last site, ${SET}`,
        source: `${ANRW}: within about 10 s`,
        kind: "fitted",
      },
      { min: 7.5, max: 12.5, unit: " s", digits: 1 },
      { value: medianOf(shares), spread: spreadOf(shares, 1) },
    ),
    bandRow(
      {
        quantity: `the same, all of them: a long tail, ${SET}`,
        source: `${ANRW}: a long tail; taken as a minute or more`,
        kind: "fitted",
      },
      { min: TAIL_US / 1e6, max: Infinity, unit: " s", digits: 0 },
      { value: medianOf(slowest), spread: spreadOf(slowest, 0) },
    ),
    ...(seedsEach === ANYCAST_RUNS_EACH
      ? [
          frozenRow(
            `anycast site withdrawn, 80 %, ${SET}`,
            { min: 7.4, max: 8.9, unit: " s", digits: 1 },
            shares,
          ),
          frozenRow(
            `anycast site withdrawn, all, ${SET}`,
            { min: 42, max: 54, unit: " s", digits: 0 },
            slowest,
          ),
        ]
      : []),
  ];
}
