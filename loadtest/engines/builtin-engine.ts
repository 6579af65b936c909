/** Our own open loop as one of the engines: GET on kept connections, as the others send, in the load's own process. */
import { join } from "node:path";
import type { EngineResult } from "#core/wire/engine-result.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { startLoad } from "../load/run-load.ts";
import type { Engine, EngineRun } from "./engine-run.ts";
import { judgeObjectives } from "./judge.ts";
import { ENGINE_LIMITS } from "./limits.ts";
import { objectivesOf } from "./objectives.ts";

export class BuiltinEngine implements Engine {
  async prepare(): Promise<void> {}

  async run(run: EngineRun): Promise<EngineResult> {
    const { plan, signal } = run;
    const load = startLoad({
      document: {
        url: run.url,
        rate: plan.steps[0]!.rate,
        durationMs: plan.durationMs,
        steps: plan.steps.map(({ rate, durationMs }) => ({ rate, durationMs })),
        vantages: run.vantages.map(({ vantage, host }) => ({ vantage, host })),
        freshPercent: 0,
        postPercent: 0,
        seed: run.seed,
        lagGateMs: run.lagGateMs,
        resultFile: join(run.dir, "builtin.json"),
        logFile: join(run.dir, "builtin.log"),
      },
    });
    const kill = (): void => void (load.pid === undefined || process.kill(load.pid, "SIGKILL"));
    signal.addEventListener("abort", kill, { once: true });
    try {
      const { result } = await load.finished;
      return builtinResult(result, run);
    } finally {
      signal.removeEventListener("abort", kill);
    }
  }
}

export function builtinResult(result: LoadResult, { plan }: Pick<EngineRun, "plan">): EngineResult {
  const { planned, sent, ok, failedTotal, latency } = result;
  return {
    engine: "builtin",
    toolVersion: null,
    loop: "open",
    latencyFrom: "due",
    planned,
    sent,
    ok,
    failed: failedTotal,
    failures: result.failed,
    latency,
    ttfb: result.ttfb,
    sendLag: result.sendLag,
    vantages: result.vantages.map((vantage) => ({
      vantage: vantage.vantage,
      sent: vantage.sent,
      failed: vantage.failed,
      p50Ms: vantage.latency.p50,
      p99Ms: vantage.latency.p99,
      sites: vantage.sites,
    })),
    duplicated: null,
    objectives: judgeObjectives({ sent, failed: failedTotal, p99Ms: latency.p99 }, objectivesOf(plan)),
    isVoid: result.isVoid,
    voidReasons: result.voidReasons,
    ...ENGINE_LIMITS.builtin,
  };
}
