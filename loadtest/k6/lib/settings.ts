/**
 * What a k6 script is told, all of it in environment variables (`k6 run -e RATE=500 …`), with the defaults of the demo.
 * `anycastle load --engine k6` sets them; by hand every one of them may be left out.
 *
 *   URL        gateway, http://127.0.0.1:8080/        VANTAGES   ids of cities, comma separated
 *   RATE       requests a second, all cities together DURATION_S seconds
 *   SUMMARY    file for the result document            TIMEOUT_S  a request that takes longer has failed
 *
 * Pure, so that it can be tested without k6: nothing here imports k6 or anything of ours but types and plans.
 */
import { loadPlan, type LoadPlan, type PlanName } from "../../engines/load-plan.ts";

export interface Settings {
  readonly url: string;
  readonly plan: LoadPlan;
  readonly vantages: readonly string[];
  readonly timeoutS: number;
  /** Undefined: the result goes to standard output. */
  readonly summaryFile: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The cities of the default world. */
export const DEFAULT_VANTAGES = [
  "new-york",
  "los-angeles",
  "san-francisco",
  "london",
  "frankfurt",
  "amsterdam",
  "hong-kong",
  "singapore",
  "sydney",
  "shanghai",
  "hangzhou",
  "wuhan",
  "chengdu",
  "shenzhen",
] as const;

const DEFAULT_URL = "http://127.0.0.1:8080/";
const DEFAULT_RATE = 100;
const DEFAULT_DURATION_S: Readonly<Record<PlanName, number>> = {
  golden: 30,
  ramp: 60,
  spike: 60,
  soak: 3_600,
  failover: 60,
};
const DEFAULT_TIMEOUT_S = 10;

export function readSettings(name: PlanName, env: Environment): Settings {
  const durationS = positive(env, "DURATION_S", DEFAULT_DURATION_S[name]);
  return {
    url: env["URL"] || DEFAULT_URL,
    plan: loadPlan(name, Math.round(positive(env, "RATE", DEFAULT_RATE)), Math.round(durationS * 1000)),
    vantages: env["VANTAGES"] ? env["VANTAGES"].split(",") : DEFAULT_VANTAGES,
    timeoutS: positive(env, "TIMEOUT_S", DEFAULT_TIMEOUT_S),
    summaryFile: env["SUMMARY"] || undefined,
  };
}

/** The Host field that names a vantage: `new-york.localhost:8080`. */
export function hostOf(vantage: string, url: string): string {
  const port = /^http:\/\/[^/]*?:(\d+)(?:\/|$)/.exec(url)?.[1];
  return `${vantage}.localhost${port === undefined ? "" : `:${port}`}`;
}

function positive(env: Environment, name: string, byDefault: number): number {
  const text = env[name];
  if (text === undefined || text === "") return byDefault;
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`${name}=${text} is not a number above 0`);
}
