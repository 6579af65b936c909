/**
 * Whether BFD is wrong, and how fast it is right, from the journal of a real lab under load beside a busy core.
 *
 *   bfd.false_alarms  silence that a router or a node found while no fault was in force
 *   bfd.detect_ms     from SIGSTOP of both nodes of a site until its router has lost each of them
 *
 * Freezes of the box count: a receiver is to know its own. How long the routers' process stood still while something
 * was detected, and how many samples lie in the computed window plus that, stands in the context.
 */
import { detectionPlan } from "#core/detection.ts";
import { vantageIds } from "#core/geography/rtt.ts";
import { nowMs, sleep } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import { LAB_DEFAULTS, type Lab } from "#lab/lab.ts";
import { measureSilence, type SilentNode } from "#loadtest/report/silence.ts";
import { startBenchLab } from "./bench-lab.ts";
import { ForeignLoad } from "./foreign-load.ts";
import { BenchProcess } from "./processes.ts";
import { benchResult, type BenchResult } from "./results.ts";
import { SteadyLoad } from "./steady-load.ts";

const SITE = "ny1";
const RATE_PER_S = 500;
const DETECT_MS_MAX = 20_000;
/** The cast has started, and its compilers are done with the worst. */
const SETTLE_MS = 2_000;
/** A fault comes at any phase of the packets. */
const PHASE_MS = 500;
const TOUCH_MS = 1_000;
/** Stalls this near to an alarm are told with it. */
const AROUND_MS = 1_000;
const NS_PER_MS = 1e6;
const SPIN = "for (;;);";
const PLAN = detectionPlan(LAB_DEFAULTS.holdTimeS, LAB_DEFAULTS.bfd);

type Say = (line: string) => void;

export async function falseAlarms(directory: string, seconds: number, say: Say): Promise<BenchResult[]> {
  return withLab(directory, say, async (lab, loads, noise) => {
    const sinceSeq = lab.journal.lastSeq;
    for (const untilMs = nowMs() + seconds * 1000; nowMs() < untilMs; await sleep(TOUCH_MS)) noise.touch();
    const events = lab.journal.since(sinceSeq);
    const alarms = events.filter(isAlarm);
    const stallsMs = events.flatMap((event) => (event.kind === "stall" ? [event.durationMs] : []));
    return [
      benchResult("bfd.false_alarms", "count", [alarms.length], {
        bfd: PLAN.inForce.label,
        seconds,
        sessions: lab.nodeUrls().length,
        ...contextOf(loads, noise, say),
        stalls: stallsMs.length,
        longestStallMs: Math.max(0, ...stallsMs),
        alarms: alarms.map((alarm) => ({
          node: alarm.node,
          by: alarm.by,
          stalls: stallsAround(alarm, events),
        })),
      }),
    ];
  });
}

export async function detectTimes(directory: string, count: number, say: Say): Promise<BenchResult[]> {
  return withLab(directory, say, async (lab, loads, noise) => {
    const phase = new Prng(1).fork("bench/bfd-phase");
    const nodes: SilentNode[] = [];
    for (let index = 0; index < count; index++) {
      await sleep(phase.integer(0, PHASE_MS));
      nodes.push(...(await hangOnce(lab)));
      noise.touch();
      say(`bfd: hang ${index + 1} of ${count}`);
    }
    const { minMs, maxMs } = PLAN.inForce;
    return [
      benchResult(
        "bfd.detect_ms",
        "ms",
        nodes.flatMap(({ atMs }) => (atMs === null ? [] : [atMs])),
        {
          bfd: PLAN.inForce.label,
          target: SITE,
          how: "hang",
          windowMs: [minMs, maxMs],
          within: nodes.filter(({ isWithin }) => isWithin).length,
          outside: nodes.filter(({ isWithin }) => !isWithin),
          stalledMs: nodes.map(({ stalledMs }) => stalledMs),
          ...contextOf(loads, noise, say),
        },
      ),
    ];
  });
}

async function hangOnce(lab: Lab): Promise<readonly SilentNode[]> {
  const sinceSeq = lab.journal.lastSeq;
  const { nodes, atNs: faultNs } = await lab.fail({ target: SITE, how: "hang" });
  for (const node of nodes) await routerLoses(lab, node, sinceSeq);
  const events = lab.journal.since(sinceSeq);
  const silence = measureSilence({ how: "hang", plan: PLAN, nodes, events, faultNs, reviveNs: Infinity });
  await lab.revive({ target: SITE });
  await lab.untilReady();
  return silence!.nodes;
}

function routerLoses(lab: Lab, node: string, sinceSeq: number): Promise<JournalEvent> {
  return lab.waitFor(
    (event) => event.kind === "router.session" && event.node === node && event.state === "down",
    { sinceSeq, timeoutMs: DETECT_MS_MAX, what: `the router to lose ${node}` },
  );
}

type Alarm = Extract<JournalEvent, { kind: "bfd.session" }>;

/** Of either side. That the other then hears of it, and that BGP ends, is not counted again. */
function isAlarm(event: JournalEvent): event is Alarm {
  return event.kind === "bfd.session" && event.detectMs !== null;
}

/** Who stood still about then: a node that was starved was silent, and the alarm was true. */
function stallsAround({ atNs }: JournalEvent, events: readonly JournalEvent[]): string[] {
  return events.flatMap((event) =>
    event.kind === "stall" && Math.abs(event.atNs - atNs) < AROUND_MS * NS_PER_MS
      ? [`${event.process} ${event.durationMs} ms`]
      : [],
  );
}

async function withLab(
  directory: string,
  say: Say,
  measure: (lab: Lab, loads: readonly SteadyLoad[], noise: ForeignLoad) => Promise<BenchResult[]>,
): Promise<BenchResult[]> {
  const lab = await startBenchLab(directory);
  const noise = new ForeignLoad();
  let loads: readonly SteadyLoad[] = [];
  let spinner: BenchProcess | undefined;
  try {
    await lab.untilReady();
    const vantages = vantageIds();
    loads = vantages.map((id) => new SteadyLoad(lab.gatewayUrl, id, RATE_PER_S / vantages.length));
    spinner = new BenchProcess("spinner", [process.execPath, "-e", SPIN]);
    await sleep(SETTLE_MS);
    return await measure(lab, loads, noise);
  } catch (error) {
    say(`bfd: given up; the journal ends with ${JSON.stringify(lab.journal.since(lab.journal.lastSeq - 5))}`);
    throw error;
  } finally {
    for (const load of loads) load.stop();
    await spinner?.stop();
    await lab.stop("the benchmark has what it wants", "now");
  }
}

function contextOf(
  loads: readonly SteadyLoad[],
  noise: ForeignLoad,
  say: Say,
): Readonly<Record<string, unknown>> {
  const sum = (of: (load: SteadyLoad) => number): number =>
    loads.reduce((total, load) => total + of(load), 0);
  return {
    load: `${RATE_PER_S} GET/s from ${loads.length} cities, open loop, keep-alive, beside one process that spins`,
    sent: sum(({ sent }) => sent),
    answered: sum(({ answered }) => answered),
    failed: sum(({ failed }) => failed),
    failures: [...new Set(loads.flatMap(({ reasons }) => reasons))],
    foreignCores: noise.cores(say),
  };
}
