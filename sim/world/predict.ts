/**
 * What a fault should do, computed before it is done: who moves where, and how many requests the bare network loses.
 *
 * A vantage moves only when all paths of its site go; then the static solver says where to. The loss is a rate times a
 * time. The rate is that of the vantages behind the target; the time has up to three parts:
 *
 *   detection    kill: the session ends at once. hang, isolate: BFD, or without it the hold timer, within its window
 *                (`core/detection.ts`). shutdown, bgp-cut: the nodes serve.
 *   convergence  from the withdrawal until the vantage's own AS has its new route (`sampleConvergence`).
 *
 * To this come connections that are reset, on the way out and on the way back, as an anycast client's are: when its
 * vantage moves to another site, and when the site's router spreads its connections over another number of nodes. Lost
 * is what is under way on them, at most all that a vantage has under way at that moment.
 *
 * The upper bound of a loss in time allows `MARGIN_S` for all of that together and for what a real machine adds. With
 * the gateway's rescue the loss is 0.
 */
import { detectionWindow, type BfdSettings, type DetectionWindow } from "#core/detection.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { FaultPrediction } from "#core/wire/measure.ts";
import { defaultWorld } from "#sim/topology/default-world.ts";
import type { World } from "#sim/topology/world.ts";
import { sampleConvergence, type Convergence } from "./convergence.ts";
import { coldTtfbMs, reachedWith } from "./golden-world.ts";
import { targetNamed, type Target } from "./target.ts";

const SEEDS = 64;
/** Convergence, requests in flight and scheduling, of a small world on a busy machine. */
const MARGIN_S = 1;
const US_PER_S = 1e6;
const MS_PER_S = 1000;

export interface PredictOptions {
  /** A site or a node. */
  readonly target: string;
  readonly how: FaultHow;
  readonly mode: "anycast" | "anycast-only";
  /** Requests a second of all vantages together, spread evenly. */
  readonly rate: number;
  readonly holdTimeS: number;
  /** Undefined: no BFD. */
  readonly bfd: BfdSettings | undefined;
  readonly nodesPerSite: number;
  readonly world?: World;
}

type Loss = Pick<FaultPrediction, "lossMin" | "lossMean" | "lossMax" | "basis">;

export function predictFault(options: PredictOptions): FaultPrediction {
  const world = options.world ?? defaultWorld();
  const target = targetNamed(options.target, world, options.nodesPerSite);
  return { moves: predictMoves(world, target), ...predictLoss(options, world, target) };
}

function predictMoves(world: World, target: Target): FaultPrediction["moves"] {
  if (!target.isWholeSite) return [];
  const before = reachedWith(world, () => true);
  const after = reachedWith(world, (site) => site !== target.site);
  const moves: { vantage: string; from: string; to: string | null }[] = [];
  for (const [vantage, from] of before) {
    const to = after.get(vantage) ?? null;
    if (from !== null && from !== to) moves.push({ vantage, from, to });
  }
  return moves;
}

function predictLoss(options: PredictOptions, world: World, target: Target): Loss {
  if (options.mode === "anycast") return nothing("the gateway asks another node, then another site, at once");
  const vantages = [...reachedWith(world, () => true)]
    .filter(([, site]) => site === target.site)
    .map(([vantage]) => vantage);
  if (vantages.length === 0) return nothing(`no vantage is served by ${target.site}`);
  const away = reachedWith(world, (site) => site !== target.site);
  const affected: Affected = {
    rate: (options.rate * vantages.length) / world.vantages.length,
    homeS: slowestS(vantages, () => target.site),
    awayS: slowestS(vantages, (vantage) => away.get(vantage) ?? null),
  };
  if (!target.isWholeSite) return lossOfNode(options, affected);
  return lossOfSite(options, affected, sampleConvergence(world, target.site, SEEDS));
}

interface Affected {
  /** Requests a second of the vantages behind the target's site. */
  readonly rate: number;
  /** How long the slowest of their requests is under way: at home, and at the site they move to. */
  readonly homeS: number;
  readonly awayS: number;
}

function slowestS(vantages: readonly string[], siteOf: (vantage: string) => string | null): number {
  let slowestMs = 0;
  for (const vantage of vantages) {
    const site = siteOf(vantage);
    if (site !== null) slowestMs = Math.max(slowestMs, coldTtfbMs(vantage, site));
  }
  return slowestMs / MS_PER_S;
}

function lossOfSite(options: PredictOptions, affected: Affected, convergence: Convergence): Loss {
  const { rate, homeS, awayS } = affected;
  const { how, nodesPerSite } = options;
  const perSecond = `${format(rate)} requests/s`;
  const others = nodesPerSite - 1;
  // One move home, and a change of the spread for each further node that announces again.
  const back = resets(rate, [awayS, ...times(others, homeS)]);
  const meanS = convergence.meanUs / US_PER_S;
  switch (how) {
    case "kill":
      return {
        lossMin: 0,
        lossMean: Math.min(rate * (meanS + homeS) + back.mean, rate * MARGIN_S),
        lossMax: rate * MARGIN_S,
        basis: `${perSecond} until BGP has converged: the sessions end at once, routes stand after at most ${format(convergence.maxUs / 1000)} ms, ${MARGIN_S} s is allowed`,
      };
    case "hang":
    case "isolate":
      return {
        ...lossOfSilence(rate, windowOf(options), meanS + homeS),
        basis: `${perSecond} until ${noticed(windowOf(options))} and BGP has converged, for which ${MARGIN_S} s is allowed`,
      };
    case "bgp-cut": {
      const out = resets(rate, [homeS, ...times(others, homeS)]);
      const gapMeanS = convergence.unreachableMeanUs / US_PER_S;
      const gapMaxS = convergence.unreachableMaxUs / US_PER_S;
      return {
        lossMin: 0,
        lossMean: rate * gapMeanS + out.mean + back.mean,
        lossMax: openBound(rate, gapMaxS) + out.max + back.max,
        basis: `the nodes serve on: ${perSecond} while a vantage has no route (at most ${format(gapMaxS * MS_PER_S)} ms), and what is under way on connections that are reset, out and back`,
      };
    }
    case "shutdown": {
      // Graceful paths come to stand alone one by one, then all of them are back in use until the vantage has moved.
      const out = resets(rate, [homeS, ...times(nodesPerSite, homeS)]);
      return {
        lossMin: 0,
        lossMean: out.mean + back.mean,
        lossMax: out.max + back.max,
        basis: `the nodes serve until the traffic has moved: lost is what is under way, of ${perSecond}, on connections that are reset, out and back`,
      };
    }
  }
}

/** The site's other nodes serve on, and no vantage moves: lost is what the router hashes to the node that is gone. */
function lossOfNode(options: PredictOptions, { rate, homeS }: Affected): Loss {
  const { how, nodesPerSite } = options;
  const share = 1 / nodesPerSite;
  const hashed = `1/${nodesPerSite} of the site's ${format(rate)} requests/s, in the worst case all, as few connections hash unevenly,`;
  const back = resets(rate, [homeS]);
  switch (how) {
    case "kill":
      return {
        lossMin: 0,
        lossMean: Math.min(rate * share * homeS + back.mean, rate * MARGIN_S),
        lossMax: rate * MARGIN_S,
        basis: `${hashed} until the session has ended: at once, ${MARGIN_S} s is allowed`,
      };
    case "hang":
    case "isolate": {
      const whole = lossOfSilence(rate, windowOf(options), homeS);
      return {
        lossMin: 0,
        lossMean: whole.lossMean * share,
        lossMax: whole.lossMax,
        basis: `${hashed} until ${noticed(windowOf(options))}; ${MARGIN_S} s is allowed`,
      };
    }
    case "bgp-cut":
    case "shutdown": {
      const out = resets(rate, [homeS]);
      return {
        lossMin: 0,
        lossMean: out.mean + back.mean,
        lossMax: out.max + back.max,
        basis: `the node serves on while its path goes: lost is what is under way on connections that the router then sends to another node, out and back`,
      };
    }
  }
}

/** What is under way when connections are reset, `seconds` each time: at most all of it, about half on the whole. */
function resets(rate: number, seconds: readonly number[]): { readonly mean: number; readonly max: number } {
  let mean = 0;
  let max = 0;
  for (const underWayS of seconds) {
    mean += (rate * underWayS) / 2;
    max += openBound(rate, underWayS);
  }
  return { mean, max };
}

function times(count: number, value: number): number[] {
  return Array.from({ length: count }, () => value);
}

function lossOfSilence(rate: number, window: DetectionWindow, afterS: number): Omit<Loss, "basis"> {
  const { minMs, meanMs, maxMs } = window;
  const maxS = maxMs / MS_PER_S + MARGIN_S;
  return {
    lossMin: rate * (minMs / MS_PER_S),
    lossMean: rate * Math.min(meanMs / MS_PER_S + afterS, maxS),
    lossMax: rate * maxS,
  };
}

function windowOf({ holdTimeS, bfd }: PredictOptions): DetectionWindow {
  return detectionWindow(holdTimeS, bfd);
}

function noticed({ label, minMs, maxMs }: DetectionWindow): string {
  return `silence is noticed (${label}: after ${format(minMs)} to ${format(maxMs)} ms)`;
}

/** Requests under way in that time: an open loop sends at fixed times, so at most one more than rate times time. */
function openBound(rate: number, seconds: number): number {
  return Math.ceil(rate * seconds) + 1;
}

function nothing(why: string): Loss {
  return { lossMin: 0, lossMean: 0, lossMax: 0, basis: `nothing is lost: ${why}` };
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Math.round(value * 10) / 10);
}
