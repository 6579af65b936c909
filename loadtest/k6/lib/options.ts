/**
 * A plan as k6's options: one open-loop scenario for each vantage, so that a vantage's virtual users, and with them its
 * connections, are its own: a connection shared by two cities would pay neither's distance properly. Scenarios start
 * one request apart, so that the cities do not send in step.
 *
 * Thresholds are the service objectives; k6 ends with status 99 when one is missed. Those of single vantages are always
 * met: they are there because k6 sums up by tag only what a threshold names.
 */
import { objectivesOf } from "../../engines/objectives.ts";
import type { LoadStep } from "../../engines/load-plan.ts";
import { hostOf, type Settings } from "./settings.ts";

/** Users made before the start: enough for answers that take half a second at the full rate. */
const USERS_READY_S = 0.5;
/** Users at most. When they are all waiting, k6 drops what is due and says so: the run is void. */
const USERS_MAX_S = 3;
/** What is on its way at the end is waited for. */
const GRACE_S = 10;

export interface K6Options {
  readonly discardResponseBodies: boolean;
  readonly summaryTrendStats: string[];
  readonly scenarios: Record<string, K6Scenario>;
  readonly thresholds: Record<string, string[]>;
}

export type K6Scenario = ConstantRate | RampingRate;

interface ScenarioBase {
  readonly timeUnit: string;
  readonly preAllocatedVUs: number;
  readonly maxVUs: number;
  readonly startTime: string;
  readonly gracefulStop: string;
  readonly tags: Record<string, string>;
  readonly env: Record<string, string>;
}

interface ConstantRate extends ScenarioBase {
  readonly executor: "constant-arrival-rate";
  readonly rate: number;
  readonly duration: string;
}

interface RampingRate extends ScenarioBase {
  readonly executor: "ramping-arrival-rate";
  readonly startRate: number;
  readonly stages: { target: number; duration: string }[];
}

export function k6Options(settings: Settings): K6Options {
  const { plan, vantages } = settings;
  const { failedRatioMax, p99MsMax } = objectivesOf(plan);
  return {
    discardResponseBodies: true,
    summaryTrendStats: ["med", "p(90)", "p(99)", "p(99.9)", "max", "count"],
    scenarios: Object.fromEntries(
      vantages.map((vantage, index) => [vantage, scenarioOf(settings, vantage, index)]),
    ),
    thresholds: {
      http_req_failed: [`rate<=${failedRatioMax}`],
      http_req_duration: [`p(99)<=${p99MsMax}`],
      ...Object.fromEntries(vantages.flatMap(alwaysMet)),
    },
  };
}

function scenarioOf({ url, plan, vantages }: Settings, vantage: string, index: number): K6Scenario {
  const share = plan.rate / vantages.length;
  const base: ScenarioBase = {
    // The rate over all vantages, in as many seconds as there are vantages: k6 takes whole rates only.
    timeUnit: `${vantages.length}s`,
    preAllocatedVUs: Math.max(1, Math.ceil(share * USERS_READY_S)),
    maxVUs: Math.max(2, Math.ceil(share * USERS_MAX_S)),
    startTime: `${Math.round((index * 1000) / plan.rate)}ms`,
    gracefulStop: `${GRACE_S}s`,
    tags: { vantage },
    env: { VANTAGE: vantage, VANTAGE_HOST: hostOf(vantage, url) },
  };
  const [first, ...others] = plan.steps;
  if (others.length === 0) {
    return {
      ...base,
      executor: "constant-arrival-rate",
      rate: first!.rate,
      duration: `${first!.durationMs}ms`,
    };
  }
  return {
    ...base,
    executor: "ramping-arrival-rate",
    startRate: first!.rate,
    stages: plan.steps.flatMap(stagesOf),
  };
}

/** A jump to the rate, then that rate held: k6's stages alone are slopes. */
function stagesOf({ rate, durationMs }: LoadStep): { target: number; duration: string }[] {
  return [
    { target: rate, duration: "0s" },
    { target: rate, duration: `${durationMs}ms` },
  ];
}

function alwaysMet(vantage: string): [string, string[]][] {
  return [
    [`http_reqs{vantage:${vantage}}`, ["count>=0"]],
    [`http_req_failed{vantage:${vantage}}`, ["rate>=0"]],
    [`http_req_duration{vantage:${vantage}}`, ["max>=0"]],
  ];
}
