/** What every engine is asked to do. */
import type { EngineResult } from "#core/wire/engine-result.ts";
import type { LoadPlan } from "./load-plan.ts";

export interface EngineRun {
  /** Where to connect. */
  readonly url: string;
  readonly plan: LoadPlan;
  /** In plan order, each with the Host field that names it. */
  readonly vantages: readonly { readonly vantage: string; readonly host: string }[];
  readonly seed: number;
  readonly lagGateMs: number;
  /** A directory of the run's own, for what engines write. */
  readonly dir: string;
  /** Aborted: end as soon as may be, without a result. */
  readonly signal: AbortSignal;
}

export interface Engine {
  /** Throws a `UserError` when it cannot run here at all. Called before anything is sent by any engine. */
  prepare(): Promise<void>;
  run(run: EngineRun): Promise<EngineResult>;
}
