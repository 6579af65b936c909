/**
 * `anycastle load --engine … --plan …`: one plan by each engine in turn, judged against the objectives, one table. Each
 * engine finds the lab as the one before it did: whole. The orders of the plan `failover` are given from here, to every
 * engine alike.
 *
 * Exit status: 0 held, 99 an objective was missed, 1 a run is void.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import { after, nowMs, sleep, type Timer } from "#core/host/clock.ts";
import { randomSeed } from "#core/host/random.ts";
import {
  ENGINES_SCHEMA,
  type EngineComparison,
  type EngineName,
  type EngineResult,
} from "#core/wire/engine-result.ts";
import type { LabClient } from "#lab/client.ts";
import { AutocannonEngine } from "#loadtest/engines/autocannon-engine.ts";
import { BuiltinEngine } from "#loadtest/engines/builtin-engine.ts";
import type { Engine, EngineRun } from "#loadtest/engines/engine-run.ts";
import { verdictOver } from "#loadtest/engines/judge.ts";
import { K6Engine } from "#loadtest/engines/k6-engine.ts";
import { loadPlan, plannedCount, type LoadPlan, type PlannedFault } from "#loadtest/engines/load-plan.ts";
import { renderEngines } from "#loadtest/engines/render-engines.ts";
import { Departure } from "../departure.ts";
import type { LoadFlags } from "../load.ts";
import type { Output } from "../output.ts";

const WHOLE_MS_MAX = 60_000;
const POLL_MS = 200;
/** An engine that was aborted ends at once. */
const ABORT_MS_MAX = 2_000;

const ENGINES: Readonly<Record<EngineName, () => Engine>> = {
  builtin: () => new BuiltinEngine(),
  k6: () => new K6Engine(),
  autocannon: () => new AutocannonEngine(),
};

export interface EnginesTarget {
  readonly url: string;
  readonly vantages: EngineRun["vantages"];
  /** Undefined: a gateway that no lab of ours runs. */
  readonly client: LabClient | undefined;
}

export async function runEngines(output: Output, flags: LoadFlags, target: EnginesTarget): Promise<number> {
  refuseOptions(flags);
  const plan = loadPlan(flags.plan ?? "golden", flags.rate, flags.duration);
  refuseWithoutLab(plan, target.client);
  const names = flags.engine ?? ["builtin"];
  const engines = names.map((name) => ENGINES[name]());
  for (const engine of engines) await engine.prepare();
  const seed = flags.seed ?? randomSeed();
  const dir = mkdtempSync(join(tmpdir(), "anycastle-engines-"));
  const abort = new AbortController();
  const departure = departureOf(abort);
  try {
    const played = playAll(names, engines, target, (name) => {
      output.tell(
        `${name}: plan ${plan.name}, at most ${plan.rate}/s to ${target.url}, ${plan.durationMs / 1000} s`,
      );
      return { ...target, plan, seed, lagGateMs: flags.lagGate, dir, signal: abort.signal };
    });
    // A run that a signal cut short fails in its own way; that is no news.
    played.catch(() => undefined);
    const results = await Promise.race([played, departure.done]);
    if (typeof results === "number") return results;
    const comparison = comparisonOf(target.url, plan, seed, results);
    if (flags.json === true) output.printJson(comparison);
    else output.print(renderEngines(comparison, { isColour: output.isColour }).trimEnd());
    return exitCodeOf(comparison.verdict);
  } finally {
    abort.abort(new Error("the run is over"));
    rmSync(dir, { recursive: true, force: true });
  }
}

async function playAll(
  names: readonly EngineName[],
  engines: readonly Engine[],
  { client }: EnginesTarget,
  runOf: (name: EngineName) => EngineRun,
): Promise<EngineResult[]> {
  const results: EngineResult[] = [];
  for (const [index, engine] of engines.entries()) {
    const run = runOf(names[index]!);
    await untilWhole(client, run.signal);
    results.push(await play(engine, run, client));
  }
  return results;
}

async function play(engine: Engine, run: EngineRun, client: LabClient | undefined): Promise<EngineResult> {
  const { fault } = run.plan;
  if (fault === null || client === undefined) return engine.run(run);
  const orders = new Orders(client, fault);
  try {
    const result = await engine.run(run);
    const refusals = orders.refusals;
    if (refusals.length === 0) return result;
    return { ...result, isVoid: true, voidReasons: [...result.voidReasons, ...refusals] };
  } finally {
    await orders.undo();
  }
}

/** Gives a plan's orders at their times; what the lab refuses makes the run void. */
class Orders {
  readonly refusals: string[] = [];
  readonly #client: LabClient;
  readonly #fault: PlannedFault;
  readonly #timers: readonly Timer[];
  #isBroken = false;
  #last: Promise<void> = Promise.resolve();

  constructor(client: LabClient, fault: PlannedFault) {
    this.#client = client;
    this.#fault = fault;
    const { target, how, faultMs, reviveMs } = fault;
    this.#timers = [
      after(faultMs, () => {
        this.#isBroken = true;
        this.#give(() => client.fail({ target, how }));
      }),
      after(reviveMs, () => this.#revive()),
    ];
  }

  /** Nothing stays broken, however the run ended. */
  async undo(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    if (this.#isBroken) this.#revive();
    await this.#last;
  }

  #revive(): void {
    this.#isBroken = false;
    this.#give(() => this.#client.revive({ target: this.#fault.target }));
  }

  #give(order: () => Promise<unknown>): void {
    this.#last = this.#last
      .then(order)
      .then(() => undefined)
      .catch((error: unknown) => void this.refusals.push(`the lab refused an order: ${messageOf(error)}`));
  }
}

/** Every node runs, announces and is trusted: what an engine before this one broke is mended. */
async function untilWhole(client: LabClient | undefined, signal: AbortSignal): Promise<void> {
  if (client === undefined) return;
  const giveUpMs = nowMs() + WHOLE_MS_MAX;
  for (;;) {
    signal.throwIfAborted();
    const { isReady, sites } = await client.status();
    const nodes = sites.flatMap((site) => site.nodes);
    if (isReady && nodes.every(({ bgp, gateway }) => bgp === "up" && gateway === "healthy")) return;
    if (nowMs() > giveUpMs) {
      throw new UserError("LAB_NOT_WHOLE", `after ${WHOLE_MS_MAX / 1000} s the lab is not whole`, {
        hint: "`anycastle status` shows what is missing, `anycastle reset` mends it",
        exitCode: EXIT.failure,
      });
    }
    await sleep(POLL_MS);
  }
}

function departureOf(abort: AbortController): Departure {
  const leave = async (): Promise<void> => abort.abort(new Error("interrupted"));
  return new Departure({ drainMs: ABORT_MS_MAX, drain: leave, now: leave });
}

function comparisonOf(url: string, plan: LoadPlan, seed: number, results: EngineResult[]): EngineComparison {
  const { name, rate, durationMs } = plan;
  return {
    schema: ENGINES_SCHEMA,
    url,
    plan: { name, rate, durationMs, planned: plannedCount(plan), seed },
    results,
    verdict: verdictOver(results),
  };
}

function exitCodeOf(verdict: EngineComparison["verdict"]): number {
  if (verdict === "held") return EXIT.ok;
  return verdict === "missed" ? EXIT.missed : EXIT.failure;
}

function refuseOptions({ log, warmUp }: LoadFlags): void {
  if (log !== undefined)
    refuse("--log", "only a run without --engine and --plan keeps a record of every request");
  if (warmUp > 0) refuse("--warm-up", "not every engine can warm up: run a short load first");
}

function refuse(option: string, hint: string): never {
  throw new UserError("LOAD_OPTION", `${option} does not go with --engine or --plan`, { hint });
}

function refuseWithoutLab(plan: LoadPlan, client: LabClient | undefined): void {
  if (plan.fault === null || client !== undefined) return;
  throw new UserError("LOAD_PLAN", `the plan ${plan.name} breaks something, and --url is not a lab of ours`, {
    hint: "leave --url out, with a lab running (`npm start`)",
  });
}
