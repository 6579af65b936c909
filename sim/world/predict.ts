/**
 * What a fault should do, computed before it is done: who moves where, and how many requests the bare network loses.
 *
 * A vantage moves only when all paths of its site go; then the static solver says where to. The loss is a rate times a
 * time. The rate is that of the vantages behind the target; the time has up to three parts:
 *
 *   detection    kill: the session ends at once. hang, isolate: the hold timer, which keepalives restart every third
 *                of it, runs out between 2/3 of it and all of it after the fault. shutdown, bgp-cut: the nodes serve.
 *   convergence  from the withdrawal until the vantage's own AS has its new route (`sampleConvergence`).
 *   in flight    what was under way when connections were reset: the time a request takes.
 *
 * The upper bound allows `MARGIN_S` for all that a real machine adds. With the gateway's rescue the loss is 0.
 */
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
  const rate = (options.rate * vantages.length) / world.vantages.length;
  const inFlightS = Math.max(...vantages.map((vantage) => coldTtfbMs(vantage, target.site))) / MS_PER_S;
  const affected = { rate, inFlightS };
  if (!target.isWholeSite) return lossOfNode(options, affected);
  return lossOfSite(options, affected, sampleConvergence(world, target.site, SEEDS));
}

interface Affected {
  /** Requests a second of the vantages behind the target's site. */
  readonly rate: number;
  /** How long the slowest of their requests is under way. */
  readonly inFlightS: number;
}

function lossOfSite(options: PredictOptions, { rate, inFlightS }: Affected, convergence: Convergence): Loss {
  const meanS = convergence.meanUs / US_PER_S;
  const perSecond = `${format(rate)} requests/s`;
  switch (options.how) {
    case "kill":
      return {
        lossMin: 0,
        lossMean: rate * (meanS + inFlightS),
        lossMax: rate * MARGIN_S,
        basis: `${perSecond} until BGP has converged: the sessions end at once, routes move within ${format(convergence.maxUs / 1000)} ms, at most ${MARGIN_S} s is allowed`,
      };
    case "hang":
    case "isolate":
      return {
        ...lossOfSilence(rate, options.holdTimeS, meanS + inFlightS),
        basis: `${perSecond} until the hold timer of ${options.holdTimeS} s runs out (2/3 of it to all of it) and BGP has converged`,
      };
    case "bgp-cut":
    case "shutdown": {
      // GRACEFUL_SHUTDOWN leaves the old route usable until the new one stands; a plain withdrawal does not.
      const isGraceful = options.how === "shutdown";
      const gapMeanS = isGraceful ? 0 : convergence.unreachableMeanUs / US_PER_S;
      const gapMaxS = isGraceful ? 0 : convergence.unreachableMaxUs / US_PER_S;
      const why = isGraceful
        ? "the nodes serve until traffic has moved"
        : `the nodes serve on, and a vantage has no route for at most ${format(convergence.unreachableMaxUs / 1000)} ms`;
      return {
        lossMin: 0,
        lossMean: rate * gapMeanS,
        lossMax: openBound(rate, gapMaxS + inFlightS),
        basis: `${why}; lost is what is under way on connections that are reset when their site changes (${perSecond} for ${format(inFlightS * MS_PER_S)} ms)`,
      };
    }
  }
}

/** The site's other nodes serve on, and no vantage moves: lost is what the router hashes to the node that is gone. */
function lossOfNode(options: PredictOptions, { rate, inFlightS }: Affected): Loss {
  const share = 1 / options.nodesPerSite;
  const hashed = `1/${options.nodesPerSite} of the site's ${format(rate)} requests/s, in the worst case all, as few connections hash unevenly,`;
  switch (options.how) {
    case "kill":
      return {
        lossMin: 0,
        lossMean: rate * share * inFlightS,
        lossMax: rate * MARGIN_S,
        basis: `${hashed} until the session has ended: at once, at most ${MARGIN_S} s is allowed`,
      };
    case "hang":
    case "isolate": {
      const whole = lossOfSilence(rate, options.holdTimeS, inFlightS);
      return {
        lossMin: 0,
        lossMean: whole.lossMean * share,
        lossMax: whole.lossMax,
        basis: `${hashed} until the hold timer of ${options.holdTimeS} s runs out (2/3 of it to all of it)`,
      };
    }
    case "bgp-cut":
    case "shutdown":
      return nothing(
        "the node serves on while the router takes its path away, and no connection changes its site",
      );
  }
}

function lossOfSilence(rate: number, holdTimeS: number, afterS: number): Omit<Loss, "basis"> {
  return {
    lossMin: rate * ((holdTimeS * 2) / 3),
    lossMean: rate * ((holdTimeS * 5) / 6 + afterS),
    lossMax: rate * (holdTimeS + MARGIN_S),
  };
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
