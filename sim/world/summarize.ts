/** What a run came to, read off its journal and counters. */
import type { ProcessEvent } from "#core/wire/events.ts";
import type { GatewayCounts } from "./sim-gateway.ts";
import type { SimLoad } from "./sim-load.ts";
import type { ScenarioOptions, ScenarioSummary, ScenarioTest } from "./scenario.ts";

const NS_PER_US = 1000;
const NS_PER_MS = 1e6;

export interface RunFacts {
  readonly options: ScenarioOptions;
  readonly site: string;
  readonly journal: readonly ProcessEvent[];
  readonly faultUs: number;
  readonly reviveUs: number;
  readonly ejectedUs: number | undefined;
  readonly load: SimLoad;
  readonly gateway: GatewayCounts;
  readonly tests: readonly ScenarioTest[];
  readonly steps: number;
}

export function summarize(facts: RunFacts): ScenarioSummary {
  const { options, load, gateway, tests, steps } = facts;
  const faultNs = facts.faultUs * NS_PER_US;
  const reviveNs = facts.reviveUs * NS_PER_US;
  const during = facts.journal.filter(({ atNs }) => atNs >= faultNs && atNs < reviveNs);
  const detectedNs = during.find((event) => isDetection(event, facts.site))?.atNs;
  const moves = finalMoves(during);
  return {
    seed: options.seed,
    target: options.target,
    how: options.how,
    mode: options.mode,
    faultNs,
    reviveNs,
    requests: load.counts.sent,
    ok: load.counts.ok,
    failedGet: load.counts.failedGet,
    failedPost: load.counts.failedPost,
    failures: Object.fromEntries([...load.failures].sort(([a], [b]) => (a < b ? -1 : 1))),
    rescued: gateway.rescued,
    retries: gateway.retries,
    hedges: gateway.hedges,
    resets: gateway.resets,
    duplicated: load.counts.duplicated,
    detectedMs: detectedNs === undefined ? null : (detectedNs - faultNs) / NS_PER_MS,
    ejectedMs: facts.ejectedUs === undefined ? null : (facts.ejectedUs * NS_PER_US - faultNs) / NS_PER_MS,
    convergedMs:
      detectedNs === undefined || moves.length === 0
        ? null
        : (Math.max(...moves.map(({ atNs }) => atNs)) - detectedNs) / NS_PER_MS,
    moves: moves.map(({ vantage, from, to }) => ({ vantage, from, to })),
    tests,
    steps,
  };
}

function isDetection(event: ProcessEvent, site: string): boolean {
  if (event.kind === "site.withdrawn") return event.site === site;
  return event.kind === "site.announced" && event.site === site && event.isGracefulShutdown;
}

interface FinalMove {
  readonly vantage: string;
  readonly from: string;
  readonly to: string | null;
  readonly atNs: number;
}

/** Where each vantage that moved came from and ended, steps in between left out, in the order of the first step. */
function finalMoves(events: readonly ProcessEvent[]): FinalMove[] {
  const moves = new Map<string, FinalMove>();
  for (const event of events) {
    if (event.kind !== "vantage.moved") continue;
    const from = moves.get(event.vantage)?.from ?? event.from;
    if (from !== null) {
      moves.set(event.vantage, { vantage: event.vantage, from, to: event.to, atNs: event.atNs });
    }
  }
  return [...moves.values()].filter(({ from, to }) => from !== to);
}
