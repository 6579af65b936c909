/**
 * The golden scenario, unattended: steady state proven, load on, test, fault, test, revival, proven failback, verdict.
 *
 *   warm-up -> load on -> test -> FAULT -> next test -> network converged -> test -> REVIVE -> home again -> test -> load off
 *
 * It acts on a lab through the lab's own API and measures through the gateway as clients do; it never looks inside
 * either. Every wait is for an event of the journal and has a bound; a wait that runs out is not an error here but
 * something that was not measured, and the judge will say which step that missed.
 */
import type { DetectionPlan } from "#core/detection.ts";
import { BoxNoiseWatch, type BoxNoise } from "#core/host/box-noise.ts";
import { every, sleep, wallClock } from "#core/host/clock.ts";
import { describeMachine } from "#core/host/machine.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { FaultPrediction, LoadResult, SpeedTest, StepResult, Verdict } from "#core/wire/measure.ts";
import type { Lab } from "#lab/lab.ts";
import type { RequestRecord } from "#loadtest/load/request-record.ts";
import type { FailoverEvidence } from "#loadtest/report/evidence.ts";
import type { GoldenEvidence, GoldenTests, GoldenWorld } from "./evidence.ts";
import { judgeGolden, verdictOf, voidReasons } from "./judge.ts";
import { warmUpGateway, warmUpNodes } from "./warm-up.ts";

/**
 * Cold requests of each city per test. On a quiet box a single one scatters by about 1 ms (one sigma) under the load; with
 * nine, one of 13 deltas passes 2 ms by chance in every twelfth run, with 25 none did.
 */
const ROUNDS = 25;
/** The load runs this long before the first test: its own start is not part of the steady state. */
const LOAD_SETTLE_MS = 5_000;
/** Rounds of the test that is thrown away: the first cold connections from a city read 1 to 2 ms high. */
const REHEARSAL_ROUNDS = 4;
/** Load that goes on after the last test, so that a late failure of the failback is seen. */
const LOAD_TAIL_MS = 1_000;
const CONFIRM_MS_MAX = 10_000;
/** Propagation after a detection; the world's own bound is 5 s. */
const CONVERGE_MS_MAX = 6_000;
const RETURN_MS_MAX = 20_000;
const NOISE_TOUCH_MS = 500;

export interface GoldenRun {
  readonly lab: Lab;
  readonly target: string;
  /** The nodes of `target`. */
  readonly nodes: readonly string[];
  readonly how: FaultHow;
  readonly mode: "anycast" | "anycast-only";
  readonly rate: number;
  readonly seed: number;
  readonly isStrict: boolean;
  readonly detection: DetectionPlan;
  readonly world: GoldenWorld;
  readonly prediction: FaultPrediction;
  readonly version: string;
  /** What to type to run it again. */
  readonly command: string;
  readonly emulated: readonly string[];
  readonly runTest: (label: string, rounds: number) => Promise<SpeedTest>;
  readonly startLoad: () => RunningLoad;
  /** One line for a person who watches. */
  readonly tell: (line: string) => void;
}

export interface RunningLoad {
  /** Ends the plan; what was due until now counts. */
  stop(): void;
  readonly finished: Promise<{ readonly result: LoadResult; readonly requests: readonly RequestRecord[] }>;
}

export interface GoldenOutcome {
  readonly verdict: Verdict;
  readonly voidReasons: readonly string[];
  readonly steps: readonly StepResult[];
  /** For the failover report. */
  readonly evidence: FailoverEvidence;
}

export async function runGolden(run: GoldenRun): Promise<GoldenOutcome> {
  const startedAt = wallClock();
  const { lab } = run;
  run.tell("warming up: every node answers 600 requests before anything is measured");
  await warmUpNodes(nodeUrls(lab));
  await warmUpGateway(lab.gatewayUrl);
  const noise = new BoxNoiseWatch(process.pid);
  const toucher = every(NOISE_TOUCH_MS, () => noise.touch(), { unref: true });
  const sinceSeq = lab.journal.lastSeq;
  const load = run.startLoad();
  try {
    const { tests, faultNs, reviveNs } = await playStory(run);
    await sleep(LOAD_TAIL_MS);
    load.stop();
    const { result, requests } = await load.finished;
    const measured = { tests, faultNs, reviveNs, result, requests, noise: noise.read() };
    return conclude(run, startedAt, lab.journal.since(0), sinceSeq, measured);
  } finally {
    toucher.cancel();
    load.stop();
  }
}

interface Story {
  readonly tests: GoldenTests;
  readonly faultNs: number;
  readonly reviveNs: number;
}

async function playStory(run: GoldenRun): Promise<Story> {
  const { lab, target, how } = run;
  run.tell(`load on: ${run.rate} requests/s from every city`);
  await sleep(LOAD_SETTLE_MS);
  await run.runTest("rehearsal", REHEARSAL_ROUNDS);
  run.tell("test: steady state");
  const before = await run.runTest("before", ROUNDS);
  run.tell(`${how} ${target}`);
  const faultSeq = lab.journal.lastSeq;
  const fault = await lab.fail({ target, how });
  await awaitEach(run, faultSeq, CONFIRM_MS_MAX, "the fault to be confirmed", run.nodes, (event) =>
    event.kind === "fault.confirmed" ? event.node : undefined,
  );
  run.tell("test: the very next request");
  const next = await run.runTest("next", 1);
  await awaitConvergence(run, faultSeq);
  run.tell("test: while it is down");
  const during = await run.runTest("during", ROUNDS);
  run.tell(`revive ${target}`);
  const reviveSeq = lab.journal.lastSeq;
  const revive = await lab.revive({ target });
  await awaitReturn(run, reviveSeq);
  // A new process is as cold as all were at the start, and is brought to the same state before it is measured.
  await warmUpNodes(nodeUrls(lab, run.nodes));
  run.tell("test: after its return");
  const after = await run.runTest("after", ROUNDS);
  return { tests: { before, next, during, after }, faultNs: fault.atNs, reviveNs: revive.atNs };
}

/** The routers have lost every faulted node, and each vantage that should move has moved. */
async function awaitConvergence(run: GoldenRun, sinceSeq: number): Promise<void> {
  run.tell("waiting for the network to notice");
  // Should BFD fail to notice, the hold timer still does: then the run says so instead of giving up.
  const detectMs = run.detection.holdTimer.maxMs + CONFIRM_MS_MAX;
  await awaitEach(run, sinceSeq, detectMs, "the routers to lose the nodes", run.nodes, (event) =>
    event.kind === "router.session" && event.state === "down" ? event.node : undefined,
  );
  await awaitReached(run, new Map(run.prediction.moves.map((move) => [move.vantage, move.to])));
  if (run.mode === "anycast" && run.how !== "bgp-cut") {
    await awaitEach(run, sinceSeq, CONVERGE_MS_MAX, "the gateway to take the nodes out", run.nodes, (event) =>
      event.kind === "gateway.node" && event.to !== "healthy" ? event.node : undefined,
    );
  }
}

/** Every node announces again, every vantage is home, and the gateway trusts what it had taken out. */
async function awaitReturn(run: GoldenRun, sinceSeq: number): Promise<void> {
  await awaitEach(run, sinceSeq, RETURN_MS_MAX, "the nodes to announce again", run.nodes, (event) =>
    event.kind === "bgp.announced" && !event.isGracefulShutdown ? event.node : undefined,
  );
  await awaitReached(run, new Map(run.prediction.moves.map((move) => [move.vantage, move.from])));
  if (run.mode !== "anycast") return;
  await poll(RETURN_MS_MAX, () => {
    const nodes = run.lab.status().sites.flatMap((site) => site.nodes);
    return run.nodes.every((id) => nodes.some((node) => node.node === id && node.gateway === "healthy"));
  });
}

async function awaitReached(run: GoldenRun, expected: ReadonlyMap<string, string | null>): Promise<void> {
  await poll(CONVERGE_MS_MAX, () =>
    run.lab.status().vantages.every(({ vantage, site }) => {
      const wanted = expected.get(vantage);
      return wanted === undefined || wanted === site;
    }),
  );
}

/** Until an event of the journal was seen for each of `ids`. */
async function awaitEach(
  run: GoldenRun,
  sinceSeq: number,
  timeoutMs: number,
  what: string,
  ids: readonly string[],
  idOf: (event: JournalEvent) => string | undefined,
): Promise<void> {
  const missing = new Set(ids);
  const isComplete = await poll(timeoutMs, () => {
    for (const event of run.lab.journal.since(sinceSeq)) missing.delete(idOf(event) ?? "");
    return missing.size === 0;
  });
  if (!isComplete) run.tell(`waited ${timeoutMs / 1000} s in vain for ${what}: ${[...missing].join(", ")}`);
}

const POLL_MS = 10;

async function poll(timeoutMs: number, isDone: () => boolean): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += POLL_MS) {
    if (isDone()) return true;
    await sleep(POLL_MS);
  }
  return isDone();
}

interface Measured extends Story {
  readonly result: LoadResult;
  readonly requests: readonly RequestRecord[];
  readonly noise: BoxNoise | undefined;
}

function conclude(
  run: GoldenRun,
  startedAt: string,
  /** From the start of the lab on: a node that lives through a fault was ready long before it. */
  history: readonly JournalEvent[],
  sinceSeq: number,
  measured: Measured,
): GoldenOutcome {
  const events = history.filter((event) => event.seq > sinceSeq);
  const { target, how, mode, nodes, world, prediction, isStrict } = run;
  const { tests, faultNs, reviveNs, result, requests, noise } = measured;
  const golden: GoldenEvidence = {
    target,
    how,
    mode,
    nodes,
    world,
    prediction,
    detection: run.detection,
    events: history,
    tests,
    load: result,
    failedByMethod: countFailures(requests),
    faultNs,
    reviveNs,
    stallsMs: stallsOf(events, nodes),
    stolenCores: noise?.stolenCores ?? 0,
    foreignCores: noise?.foreignCores ?? 0,
  };
  const steps = judgeGolden(golden);
  const reasons = voidReasons(golden);
  const verdict = verdictOf(steps, reasons, isStrict);
  const evidence: FailoverEvidence = {
    meta: {
      version: run.version,
      startedAt,
      command: run.command,
      target,
      how,
      nodes,
      mode,
      seed: run.seed,
      isStrict,
      machine: describeMachine(),
      boxNoise: noise ?? null,
      emulated: run.emulated,
    },
    verdict,
    voidReasons: reasons,
    steps,
    predicted: prediction,
    detection: run.detection,
    events,
    loadResult: result,
    requests,
    tests: [tests.before, tests.next, tests.during, tests.after],
  };
  return { verdict, voidReasons: reasons, steps, evidence };
}

function countFailures(requests: readonly RequestRecord[]): Map<string, number> {
  const failed = new Map<string, number>();
  for (const { error, method } of requests) {
    if (error !== null) failed.set(method, (failed.get(method) ?? 0) + 1);
  }
  return failed;
}

/** A node that was frozen on purpose reports that as a stall when it is thawed; it says nothing about the box. */
function stallsOf(events: readonly JournalEvent[], faulted: readonly string[]): number[] {
  const stalls: number[] = [];
  for (const event of events) {
    if (event.kind === "stall" && !faulted.includes(event.process)) stalls.push(event.durationMs);
  }
  return stalls;
}

/** Of all nodes, or of those named. */
function nodeUrls(lab: Lab, wanted?: readonly string[]): string[] {
  const nodes = lab.status().sites.flatMap((site) => site.nodes);
  return nodes.filter(({ node }) => wanted === undefined || wanted.includes(node)).map(({ url }) => url);
}
