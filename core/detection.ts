/**
 * How long silence lasts before it is noticed, computed: what a lab is started with, what a fault is predicted to cost,
 * and what a run is held against are the same numbers.
 *
 * BFD: a neighbor is down when nothing came for multiplier x interval. The last packet before the fault left up to one
 * interval before it, so detection comes after (multiplier - 1) to multiplier intervals. The hold timer: KEEPALIVEs
 * restart it every third of it, so it runs out after 2/3 of it to all of it. The wire, a late timer and a stall of the
 * receiver come on top.
 */

export interface BfdSettings {
  /** Between packets, in whole ms, both ways; a sender shortens each by up to a quarter (RFC 5880 §6.8.7). */
  readonly intervalMs: number;
  /** Intervals without a packet, 1 to 255. */
  readonly multiplier: number;
}

/**
 * On two busy cores the largest gap between packets of a 100 ms sender was 150 to 220 ms, and no alarm was false; with
 * 50 ms up to three a minute were.
 */
export const BFD_DEFAULTS: BfdSettings = { intervalMs: 100, multiplier: 3 };

/**
 * A node waits longer for its router than the router for the node. The routers of a simulator share one process: if it
 * stands still for a moment, all nodes hear of it at once, and what they would do, end their sessions and open them
 * again, is just what a busy process can least use. Nothing waits for it either: a node without a router has nobody to
 * tell. On a box with a load of 100 the process stood still for up to 0.5 s.
 */
const ROUTER_MULTIPLIER_MIN = 10;

/** Intervals without a packet from a router after which its nodes take it for down. */
export function routerMultiplier({ multiplier }: BfdSettings): number {
  return Math.max(multiplier, ROUTER_MULTIPLIER_MIN);
}

export interface DetectionWindow {
  readonly by: "BFD" | "the hold timer";
  readonly minMs: number;
  readonly meanMs: number;
  readonly maxMs: number;
  /** `BFD, 3 x 100 ms`. */
  readonly label: string;
}

/** What notices silence, and what would without BFD: the same where there is none. */
export interface DetectionPlan {
  readonly inForce: DetectionWindow;
  readonly holdTimer: DetectionWindow;
}

const JITTER_MIN = 0.75;
const MS_PER_S = 1000;

export function detectionPlan(holdTimeS: number, bfd: BfdSettings | undefined): DetectionPlan {
  return { inForce: detectionWindow(holdTimeS, bfd), holdTimer: holdTimerWindow(holdTimeS) };
}

/** `bfd` undefined: it is off. */
export function detectionWindow(holdTimeS: number, bfd: BfdSettings | undefined): DetectionWindow {
  return bfd === undefined ? holdTimerWindow(holdTimeS) : bfdWindow(bfd);
}

function holdTimerWindow(holdTimeS: number): DetectionWindow {
  const holdMs = holdTimeS * MS_PER_S;
  return {
    by: "the hold timer",
    minMs: (holdMs * 2) / 3,
    meanMs: (holdMs * 5) / 6,
    maxMs: holdMs,
    label: `the hold timer, ${holdTimeS} s`,
  };
}

function bfdWindow({ intervalMs, multiplier }: BfdSettings): DetectionWindow {
  const maxMs = intervalMs * multiplier;
  return {
    by: "BFD",
    minMs: maxMs - intervalMs,
    meanMs: maxMs - meanAge(intervalMs),
    maxMs,
    label: `BFD, ${multiplier} x ${intervalMs} ms`,
  };
}

/** Mean age of the last packet at a moment drawn at random: E[X^2] / 2 E[X] of gaps X that are uniform in [0.75, 1] x interval. */
function meanAge(intervalMs: number): number {
  const mean = (1 + JITTER_MIN) / 2;
  const variance = (1 - JITTER_MIN) ** 2 / 12;
  return (intervalMs * (mean ** 2 + variance)) / (2 * mean);
}
