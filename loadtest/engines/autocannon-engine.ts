/**
 * autocannon (a library, no process of its own) as one of the engines: one instance for each vantage and step, all
 * instances of a step at once. Closed loop, and labelled so.
 *
 * Times are taken from its responses, one by one, and not from its histogram: with a rate set it weights slow answers
 * by a factor that has nothing to do with what was planned (`lib/run.js`: `Math.ceil(1 / rate)` ms is taken for the
 * expected interval). Its count of requests sent is not used either: it adds the rate of each connection once.
 */
import { createRequire } from "node:module";
import autocannon from "autocannon";
import type { EngineResult, EngineVantage } from "#core/wire/engine-result.ts";
import { LatencyHistogram } from "../load/latency-histogram.ts";
import type { Engine, EngineRun } from "./engine-run.ts";
import { judgeObjectives } from "./judge.ts";
import { ENGINE_LIMITS } from "./limits.ts";
import { plannedCount, type LoadStep } from "./load-plan.ts";
import { objectivesOf } from "./objectives.ts";

/** Answers that take this long at the full rate still find a free connection. */
const ANSWER_S = 0.3;
const CONNECTIONS_MAX = 256;
const TIMEOUT_S = 10;
/** It looks for the end of a run only when it takes a sample. */
const SAMPLE_MS = 50;
const NS_PER_MS = 1e6;
const STATUS_EXPECTED = 200;
const SITES_MAX = 256;

export class AutocannonEngine implements Engine {
  async prepare(): Promise<void> {}

  async run(run: EngineRun): Promise<EngineResult> {
    const counts = run.vantages.map(({ vantage }) => new VantageCount(vantage));
    const all = new LatencyHistogram();
    for (const step of run.plan.steps) {
      run.signal.throwIfAborted();
      const rates = sharesOf(step.rate, run.vantages.length);
      await Promise.all(
        run.vantages.flatMap(({ host }, index) => {
          const rate = rates[index]!;
          return rate === 0 ? [] : [fire(run, host, { ...step, rate }, counts[index]!, all)];
        }),
      );
    }
    return autocannonResult(run, counts, all);
  }
}

/** Whole rates that add up; where there are fewer requests than vantages, the last get none. */
export function sharesOf(rate: number, vantageCount: number): number[] {
  const least = Math.floor(rate / vantageCount);
  return Array.from({ length: vantageCount }, (_, index) => least + (index < rate % vantageCount ? 1 : 0));
}

class VantageCount {
  readonly vantage: string;
  readonly latency = new LatencyHistogram();
  readonly failures = new Map<string, number>();
  readonly sites = new Map<string, number>();
  ok = 0;
  failed = 0;

  constructor(vantage: string) {
    this.vantage = vantage;
  }

  fail(reason: string): void {
    this.failed += 1;
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  /** Field names and values in turn, as the parser gives them. */
  countSite(fields: readonly string[]): void {
    for (let at = 0; at < fields.length; at += 2) {
      if (fields[at]!.toLowerCase() !== "x-edge-route") continue;
      const site = fields[at + 1]!;
      if (this.sites.has(site) || this.sites.size < SITES_MAX) {
        this.sites.set(site, (this.sites.get(site) ?? 0) + 1);
      }
    }
  }
}

function fire(
  { url, signal }: EngineRun,
  host: string,
  step: LoadStep,
  count: VantageCount,
  all: LatencyHistogram,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const instance = autocannon(
    {
      url,
      headers: { host },
      connections: Math.min(CONNECTIONS_MAX, step.rate, Math.max(1, Math.ceil(step.rate * ANSWER_S))),
      overallRate: step.rate,
      duration: step.durationMs / 1000,
      sampleInt: SAMPLE_MS,
      timeout: TIMEOUT_S,
      ignoreCoordinatedOmission: true,
      setupClient: (client) => {
        // What it emits is the parser's own form; its types promise an object.
        client.on("headers", (head) => count.countSite((head as unknown as { headers: string[] }).headers));
      },
    },
    (error) => (error === null || error === undefined ? resolve() : reject(error)),
  );
  instance.on("response", (_client, status, _bytes, responseMs) => {
    if (status !== STATUS_EXPECTED) return count.fail(`status-${status}`);
    count.ok += 1;
    count.latency.record(responseMs * NS_PER_MS);
    all.record(responseMs * NS_PER_MS);
  });
  instance.on("reqError", (error: Error & { code?: string }) =>
    count.fail(error.message === "request timed out" ? "timeout" : (error.code ?? "socket")),
  );
  const stop = (): void => instance.stop();
  signal.addEventListener("abort", stop, { once: true });
  return promise.finally(() => signal.removeEventListener("abort", stop));
}

function autocannonResult(
  { plan, signal }: EngineRun,
  counts: readonly VantageCount[],
  all: LatencyHistogram,
): EngineResult {
  signal.throwIfAborted();
  const ok = counts.reduce((sum, count) => sum + count.ok, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  const latency = all.percentiles();
  const planned = plannedCount(plan);
  const isVoid = ok + failed === 0;
  return {
    engine: "autocannon",
    toolVersion: autocannonVersion(),
    loop: "closed",
    latencyFrom: "sent",
    planned,
    sent: ok + failed,
    ok,
    failed,
    failures: sumOf(counts),
    latency,
    ttfb: null,
    sendLag: null,
    vantages: counts.map(vantageResult),
    duplicated: null,
    objectives: judgeObjectives({ sent: ok + failed, failed, p99Ms: latency.p99 }, objectivesOf(plan)),
    isVoid,
    voidReasons: isVoid ? ["no request was answered or failed: nothing was measured"] : [],
    ...ENGINE_LIMITS.autocannon,
  };
}

function vantageResult({ vantage, ok, failed, latency, sites }: VantageCount): EngineVantage {
  const { p50, p99 } = latency.percentiles();
  return { vantage, sent: ok + failed, failed, p50Ms: p50, p99Ms: p99, sites: Object.fromEntries(sites) };
}

function sumOf(counts: readonly VantageCount[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { failures } of counts) {
    for (const [reason, count] of failures) sum[reason] = (sum[reason] ?? 0) + count;
  }
  return sum;
}

function autocannonVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)("autocannon/package.json");
  return (manifest as { readonly version: string }).version;
}
