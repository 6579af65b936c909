/**
 * The named plans of a load run: steps of constant rate, and for `failover` when something breaks and is mended. Every
 * engine plays the same steps, so that what differs between two results is the engine.
 *
 * k6 reads this file too: it imports nothing. A plan climbs in steps where a person would draw a slope, because not
 * every engine has slopes.
 */
export const PLAN_NAMES = ["golden", "ramp", "spike", "soak", "failover"] as const;

export type PlanName = (typeof PLAN_NAMES)[number];

/** One sentence each, for help texts. */
export const PLAN_MEANING: Readonly<Record<PlanName, string>> = {
  golden: "the same rate all the time",
  ramp: "five equal steps up to the rate",
  spike: "a fifth of the rate, all of it for the middle fifth of the time, a fifth again",
  soak: "the same rate for a long time",
  failover: "the same rate, while New York is killed after a third and revived after two thirds",
};

export interface LoadStep {
  /** Requests a second from all cities together, a whole number. */
  readonly rate: number;
  readonly durationMs: number;
}

export interface PlannedFault {
  readonly target: string;
  readonly how: "kill";
  /** After the plan's start. */
  readonly faultMs: number;
  readonly reviveMs: number;
}

export interface LoadPlan {
  readonly name: PlanName;
  /** The highest rate. */
  readonly rate: number;
  readonly durationMs: number;
  readonly steps: readonly LoadStep[];
  readonly fault: PlannedFault | null;
}

const RAMP_STEPS = 5;
const SPIKE_BASE = 1 / 5;
const SPIKE_SHARES = [2 / 5, 1 / 5, 2 / 5] as const;
const FAILOVER_TARGET = "ny1";

export function loadPlan(name: PlanName, rate: number, durationMs: number): LoadPlan {
  return { name, rate, durationMs, steps: stepsOf(name, rate, durationMs), fault: faultOf(name, durationMs) };
}

/** Requests that a plan holds; every engine is measured against this. */
export function plannedCount(plan: LoadPlan): number {
  return plan.steps.reduce((sum, { rate, durationMs }) => sum + Math.round((rate * durationMs) / 1000), 0);
}

function stepsOf(name: PlanName, rate: number, durationMs: number): LoadStep[] {
  switch (name) {
    case "ramp":
      return steps(
        Array.from({ length: RAMP_STEPS }, (_, index) => [(rate * (index + 1)) / RAMP_STEPS, 1 / RAMP_STEPS]),
        durationMs,
      );
    case "spike":
      return steps(
        SPIKE_SHARES.map((share, index) => [index === 1 ? rate : rate * SPIKE_BASE, share]),
        durationMs,
      );
    default:
      return [{ rate, durationMs }];
  }
}

/** Whole rates of at least 1, whole milliseconds that add up. */
function steps(parts: readonly (readonly [rate: number, share: number])[], durationMs: number): LoadStep[] {
  let share = 0;
  let fromMs = 0;
  return parts.map(([rate, part]) => {
    share += part;
    const toMs = Math.round(share * durationMs);
    const step = { rate: Math.max(1, Math.round(rate)), durationMs: toMs - fromMs };
    fromMs = toMs;
    return step;
  });
}

function faultOf(name: PlanName, durationMs: number): PlannedFault | null {
  if (name !== "failover") return null;
  const thirdMs = Math.round(durationMs / 3);
  return { target: FAILOVER_TARGET, how: "kill", faultMs: thirdMs, reviveMs: 2 * thirdMs };
}
