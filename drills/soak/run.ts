/**
 * A soak: load on a lab for a long time while parts of it fail and come back, one order an interval, and a look at every
 * process now and then.
 *
 *   idle -> load on -> settle -> ( FAULT -> REVIVE -> whole ) * n -> settle -> load off -> calm -> idle -> lab off
 *
 * Both ends are looked at alike: memory with load, everything else while nothing is to be done, when pools have let go
 * of what they keep. What is more then has been left behind.
 * It acts through the lab's own API. Send times are not judged here, so the gate of the load is wide.
 */
import { existsSync, statSync } from "node:fs";
import { BoxNoiseWatch, type BoxNoise } from "#core/host/box-noise.ts";
import { every, nowMs, sleep, type Timer } from "#core/host/clock.ts";
import { messageOf } from "#core/errors.ts";
import { SITES } from "#core/geography/cities.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { JOURNAL_FILE_LIMITS } from "#lab/journal-file.ts";
import type { Lab } from "#lab/lab.ts";
import { isSameProcess } from "#lab/process-stat.ts";
import type { SoakEvidence, SoakOrder, SoakProcess } from "./evidence.ts";
import { countHandles } from "./handles.ts";
import { FailureTable } from "./failure-table.ts";
import { ProcessHistory, type Window } from "./process-history.ts";
import { childrenOf, sampleProcess } from "./process-sample.ts";
import { Schedule } from "./schedule.ts";

const MINUTE_MS = 60_000;
const IDLE_MS = 5_000;
/** Longer than the gateway's pools keep a connection that nobody uses: 75 s, as the nodes offer. */
const CALM_MS = 80_000;
const SETTLE_MS = 10_000;
const SAMPLE_MS = 10_000;
/** In a run of a few minutes a sample in ten seconds would be too few. */
const SAMPLE_MS_SHORT = 1_000;
const SHORT_MS = 10 * MINUTE_MS;
const WHOLE_MS_MAX = 60_000;
const POLL_MS = 100;
/** Memory: minutes 10 to 20 against the last ten, which must not be the same. */
const MEMORY_FROM_MS = 10 * MINUTE_MS;
const MEMORY_SPAN_MS = 10 * MINUTE_MS;
/** As in the golden scenario, but over the whole run. */
const FOREIGN_CORES_VOID = 0.5;
const STOLEN_CORES_VOID = 0.25;
const MEMORY_MS_MIN = 30 * MINUTE_MS;

export interface SoakRun {
  readonly lab: Lab;
  readonly nodesPerSite: number;
  readonly seed: number;
  readonly durationMs: number;
  /** Between two orders. */
  readonly everyMs: number;
  readonly journalFile: string;
  readonly startLoad: (onFailed: (method: string, reason: string) => void) => SoakLoad;
  readonly tell: (line: string) => void;
}

export interface SoakLoad {
  readonly pid: number | undefined;
  stop(): void;
  readonly finished: Promise<LoadResult>;
}

/** Ends with the lab stopped. */
export async function runSoak(run: SoakRun): Promise<SoakEvidence> {
  const watch = new CastWatch(run);
  let load: SoakLoad | undefined;
  const failures = new FailureTable();
  try {
    run.tell("idle: what the cast does while nothing is to be done");
    const idleFirst = await watch.during(IDLE_MS);
    const handlesFirst = await countHandles(run.lab.gatewayAdminUrl);
    load = run.startLoad((method, reason) => failures.add(method, reason));
    watch.loadPid = load.pid;
    let isOver = false;
    void load.finished.catch(() => undefined).then(() => (isOver = true));
    const settledFirst = await watch.during(SETTLE_MS);
    const orders = await playOrders(run, watch, failures);
    const settledLast = await watch.during(SETTLE_MS);
    const hasEndedEarly = isOver;
    load.stop();
    const result = await load.finished;
    watch.loadPid = undefined;
    run.tell(`load off; idle again when the pools have let go (${CALM_MS / 1000} s)`);
    await sleep(CALM_MS);
    const idleLast = await watch.during(IDLE_MS);
    const handlesLast = await countHandles(run.lab.gatewayAdminUrl);
    const endMs = settledLast.toMs;
    const rows = watch.processes({ idleFirst, settledFirst, settledLast, idleLast });
    const strangers = watch.strangers();
    const everybody = watch.everybody;
    const events = run.lab.journal.lastSeq;
    watch.end();
    const noise = watch.noise.read();
    await run.lab.stop("the soak is over", "drain");
    return {
      durationMs: run.durationMs,
      isMemoryJudged: endMs >= MEMORY_MS_MIN,
      load: { sent: result.sent, failed: result.failedTotal, getFailed: failures.countOf("GET") },
      orders,
      failures: failures.rows(),
      processes: rows,
      handlesFirst,
      handlesLast,
      strangers,
      survivors: [...everybody].filter(([pid, ticks]) => isSameProcess(pid, ticks)).map(([pid]) => pid),
      journal: { ...journalOnDisk(run.journalFile), events },
      voidReasons: [
        ...(result.isVoid ? result.voidReasons : []),
        ...(hasEndedEarly ? ["the load ended before the soak"] : []),
      ],
      noise: noiseReasons(noise),
    };
  } finally {
    watch.end();
    load?.stop();
  }
}

/** Faults and revivals in turn, the last of them a revival. */
async function playOrders(run: SoakRun, watch: CastWatch, failures: FailureTable): Promise<SoakOrder[]> {
  const { lab, durationMs, everyMs } = run;
  const schedule = new Schedule(
    SITES.map(({ site }) => site),
    run.nodesPerSite,
    run.seed,
  );
  const orders: SoakOrder[] = [];
  const fromMs = nowMs();
  for (let dueMs = fromMs; dueMs + 2 * everyMs <= fromMs + durationMs; dueMs += 2 * everyMs) {
    await sleep(Math.max(0, dueMs - nowMs()));
    const { target, how } = schedule.next();
    run.tell(`${clock(watch)} ${how} ${target}`);
    failures.after = `${how} ${target}`;
    const fault = { atMs: watch.sinceStartMs(), order: "fail" as const, target, how, wholeAfterMs: null };
    orders.push({ ...fault, problem: await problemOf(() => lab.fail({ target, how })) });
    await sleep(Math.max(0, dueMs + everyMs - nowMs()));
    run.tell(`${clock(watch)} revive ${target}`);
    failures.after = `revive ${target}`;
    orders.push(await revive(run, watch, target));
  }
  return orders;
}

async function revive({ lab }: SoakRun, watch: CastWatch, target: string): Promise<SoakOrder> {
  const atMs = watch.sinceStartMs();
  const startMs = nowMs();
  const refused = await problemOf(() => lab.revive({ target }));
  const isWhole = await untilWhole(lab);
  return {
    atMs,
    order: "revive",
    target,
    how: null,
    wholeAfterMs: isWhole ? Math.round(nowMs() - startMs) : null,
    problem:
      refused ?? (isWhole ? null : `not whole after ${WHOLE_MS_MAX / 1000} s: ${missing(lab).join(", ")}`),
  };
}

async function problemOf(order: () => Promise<unknown>): Promise<string | null> {
  try {
    await order();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

async function untilWhole(lab: Lab): Promise<boolean> {
  for (const giveUpMs = nowMs() + WHOLE_MS_MAX; nowMs() < giveUpMs;) {
    if (missing(lab).length === 0) return true;
    await sleep(POLL_MS);
  }
  return false;
}

function missing(lab: Lab): string[] {
  const { sites, vantages } = lab.status();
  return [
    ...sites.filter(({ isAnnounced }) => !isAnnounced).map(({ site }) => site),
    ...sites
      .flatMap(({ nodes }) => nodes)
      .flatMap(({ node, bgp, gateway }) => (bgp === "up" && gateway === "healthy" ? [] : [node])),
    ...vantages.filter(({ site }) => site === null).map(({ vantage }) => vantage),
  ];
}

interface SoakWindows {
  readonly idleFirst: Window;
  readonly settledFirst: Window;
  readonly settledLast: Window;
  readonly idleLast: Window;
}

/** Looks at every process of the cast, and at the lab's own, from the start to the end. */
class CastWatch {
  readonly #run: SoakRun;
  readonly #startMs = nowMs();
  readonly #histories = new Map<string, ProcessHistory>();
  /** Every process that was ever seen, by pid. */
  readonly everybody = new Map<number, string>();
  readonly noise = new BoxNoiseWatch(process.pid);
  readonly #timer: Timer;
  loadPid: number | undefined;

  constructor(run: SoakRun) {
    this.#run = run;
    this.#look();
    this.#timer = every(run.durationMs < SHORT_MS ? SAMPLE_MS_SHORT : SAMPLE_MS, () => this.#look());
  }

  sinceStartMs(): number {
    return Math.round(nowMs() - this.#startMs);
  }

  /** Waits, with a look at both ends. */
  async during(ms: number): Promise<Window> {
    this.#look();
    const fromMs = this.sinceStartMs();
    await sleep(ms);
    this.#look();
    return { fromMs: Math.max(0, fromMs - 1), toMs: this.sinceStartMs() + 1 };
  }

  end(): void {
    this.#timer.cancel();
  }

  strangers(): number[] {
    const known = new Set(this.#cast().map(({ pid }) => pid));
    return childrenOf(process.pid).filter((pid) => !known.has(pid));
  }

  processes({ idleFirst, settledFirst, settledLast, idleLast }: SoakWindows): SoakProcess[] {
    const endMs = settledLast.toMs;
    const early = { fromMs: MEMORY_FROM_MS, toMs: MEMORY_FROM_MS + MEMORY_SPAN_MS };
    const late = { fromMs: endMs - MEMORY_SPAN_MS, toMs: endMs };
    const isMemoryJudged = endMs >= MEMORY_MS_MIN;
    return [...this.#histories.values()].map((history) => {
      const [rssFirst, rssLast] = isMemoryJudged
        ? [history.median(early, "rssBytes"), history.median(late, "rssBytes")]
        : [history.median(settledFirst, "rssBytes"), history.median(settledLast, "rssBytes")];
      const isRatio = isMemoryJudged && rssFirst !== null && rssLast !== null;
      return {
        process: history.process,
        pid: history.last?.pid ?? 0,
        isNode: this.#isNode(history.process),
        startCount: history.startCount,
        rssFirstBytes: rssFirst,
        rssLastBytes: rssLast,
        rssRatio: isRatio ? rssLast / rssFirst : null,
        descriptorsFirst: history.median(idleFirst, "descriptors"),
        descriptorsLast: history.median(idleLast, "descriptors"),
        wakeUpsFirst: history.wakeUpsPerS(idleFirst),
        wakeUpsLast: history.wakeUpsPerS(idleLast),
      };
    });
  }

  #look(): void {
    this.noise.touch();
    for (const { process: name, pid } of this.#cast()) {
      const sample = sampleProcess(pid);
      if (sample === undefined) continue;
      if (pid !== process.pid) this.everybody.set(pid, sample.startTicks);
      let history = this.#histories.get(name);
      if (history === undefined) this.#histories.set(name, (history = new ProcessHistory(name)));
      history.add({ ...sample, pid, atMs: this.sinceStartMs() });
    }
  }

  #cast(): { process: string; pid: number }[] {
    const { sites, processes } = this.#run.lab.status();
    const nodes = sites.flatMap((site) => site.nodes).map(({ node, pid }) => ({ process: node, pid }));
    const all = [
      { process: "lab", pid: process.pid },
      { process: "load", pid: this.loadPid ?? null },
      ...processes,
      ...nodes,
    ];
    return all.flatMap(({ process, pid }) => (pid === null ? [] : [{ process, pid }]));
  }

  #isNode(name: string): boolean {
    return SITES.some(({ site }) => name.startsWith(`${site}-`));
  }
}

/** A cast without a machine proves nothing against it. */
function noiseReasons(noise: BoxNoise | undefined): string[] {
  const { foreignCores = 0, stolenCores = 0 } = noise ?? {};
  const reasons: string[] = [];
  if (foreignCores > FOREIGN_CORES_VOID) {
    reasons.push(`other processes used ${foreignCores.toFixed(2)} cores all the time`);
  }
  if (stolenCores > STOLEN_CORES_VOID) {
    reasons.push(`the hypervisor took ${stolenCores.toFixed(2)} cores all the time`);
  }
  return reasons;
}

function journalOnDisk(file: string): { bytes: number; bytesMax: number; files: number } {
  const { bytesMax, filesMax } = JOURNAL_FILE_LIMITS;
  const found = Array.from({ length: filesMax }, (_, age) => (age === 0 ? file : `${file}.${age}`)).filter(
    (name) => existsSync(name),
  );
  const bytes = found.reduce((sum, name) => sum + statSync(name).size, 0);
  return { bytes, bytesMax: bytesMax * filesMax, files: found.length };
}

function clock(watch: CastWatch): string {
  const seconds = Math.round(watch.sinceStartMs() / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`.padStart(6);
}
