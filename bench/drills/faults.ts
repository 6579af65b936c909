/**
 * `npm run drill:faults`: faults of every kind at random nodes and sites of a running lab, and somebody killed with SIGKILL at a
 * random moment of most of them; then it is looked whether anything is left.
 *
 *   --count N    faults (100)           --seed N   of what is drawn (a fresh one, which is printed)
 *   --json FILE  everything             --quick    ten faults
 *
 * In turn: the process that ordered the fault is killed, the keeper is killed, a node of the target is killed, and nobody is.
 * What is left is looked for from outside, by this program and not by the keeper: nodes that do not answer or answer wrongly, stopped
 * processes, burdening threads, lines in the ledger. How long a removal took, from the word to its being carried out and to
 * its being seen, is printed and not judged here. Ends with `N passed, N failed` alone on the last line; exit status 0
 * held, 1 not, 2 usage.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nowMs, sleep } from "#core/host/clock.ts";
import { randomSeed } from "#core/host/random.ts";
import { Prng } from "#core/prng.ts";
import { BURDEN_THREADS } from "#core/wire/misbehaviour.ts";
import type { FaultReport } from "#core/wire/keeper.ts";
import { KeeperClient } from "#lab/keeper/client.ts";
import { ledgerPath, OF_KEEPER } from "#lab/keeper/keeper-place.ts";
import { FAULT_KINDS } from "#lab/keeper/kinds/registry.ts";
import { readLedger } from "#lab/keeper/ledger-file.ts";
import type { Lab } from "#lab/lab.ts";
import { processState, threadBusyMs } from "#lab/process-stat.ts";
import { startBenchLab } from "../bench-lab.ts";
import { median } from "../results.ts";
import { wholeNumber } from "./whole-number.ts";
import { withinDrill } from "./within-drill.ts";

const OWNER = fileURLToPath(new URL("fault-owner.ts", import.meta.url));
const KILLED = ["owner", "keeper", "node", "nobody"] as const;
const COUNT = 100;
const COUNT_QUICK = 10;
const COUNT_MAX = 100_000;
const SEED_MAX = 2 ** 32 - 1;
/** Before somebody is killed, or the fault is taken back. */
const MOMENT_MS_MAX = 1_500;
const TTL_MS = 120_000;
const CLEAN_MS_MAX = 60_000;
const LOOK_MS = 20;
/** Of each node, to see whether its answers are right. */
const ASKED = 10;
const QUICK_MS = 400;

type Killed = (typeof KILLED)[number];

interface Played {
  readonly kind: string;
  readonly target: string;
  readonly killed: Killed;
  /** What is left, a sentence each; empty: nothing. */
  readonly left: readonly string[];
  /** Null: its keeper was killed, or the fault never stood. */
  readonly removedMs: number | null;
  readonly goneMs: number | null;
}

async function main(): Promise<number> {
  const flags = readFlags();
  if (flags === undefined) return 2;
  const prng = new Prng(flags.seed).fork("drill/faults");
  const played: Played[] = [];
  say(`${flags.count} faults, seed ${flags.seed}`);
  await withinDrill(async (directory) => {
    const lab = await startBenchLab(directory, flags.seed);
    try {
      await lab.untilReady();
      for (let count = 0; count < flags.count; count++) {
        const one = await play(lab, prng, KILLED[count % KILLED.length]!);
        played.push(one);
        if (one.left.length > 0)
          say(`LEFT of ${one.kind} at ${one.target}, ${one.killed} killed: ${one.left.join("; ")}`);
      }
    } finally {
      await lab.stop("the drill is over", "now");
    }
  });
  report(played, flags.json);
  const failed = played.filter(({ left }) => left.length > 0).length + (flags.count - played.length);
  say(`${flags.count - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function play(lab: Lab, prng: Prng, killed: Killed): Promise<Played> {
  const { sites } = lab.status();
  const { nodes, site } = sites[prng.integer(0, sites.length - 1)]!;
  const target = prng.chance(1, 3) ? site : nodes[prng.integer(0, nodes.length - 1)]!.node;
  const { kind } = FAULT_KINDS[prng.integer(0, FAULT_KINDS.length - 1)]!;
  const momentMs = prng.integer(0, MOMENT_MS_MAX);
  const dir = lab.runtimeDir;
  const keeper = await KeeperClient.reach(dir);
  let last: FaultReport | undefined;
  await keeper.watch((seen) => (last = seen));
  const owner = startOwner(dir, { kind, target, ttlMs: TTL_MS, drill: "drilled" });
  await sleep(momentMs);
  if (killed === "owner") owner.kill("SIGKILL");
  if (killed === "keeper") killKeeper(dir);
  if (killed === "node") killNode(lab, target);
  if (killed === "node" || killed === "nobody") last = (await keeper.reset())[0] ?? last;
  owner.kill("SIGKILL");
  await keeper.close();
  const left = await untilClean(lab);
  const { goneMs = null, removedMs = null } = killed === "keeper" ? {} : (last ?? {});
  return { kind, target, killed, left, removedMs, goneMs };
}

/** Nothing is left, or what is after a long while. */
async function untilClean(lab: Lab): Promise<readonly string[]> {
  for (const untilMs = nowMs() + CLEAN_MS_MAX; ; await sleep(LOOK_MS)) {
    // What anybody does who looks for faults: it starts a keeper where one was killed.
    const keeper = await KeeperClient.reachIfAny(lab.runtimeDir);
    await keeper?.close();
    const left = await leftovers(lab);
    if (left.length === 0 || nowMs() >= untilMs) return left;
  }
}

async function leftovers(lab: Lab): Promise<string[]> {
  const left = (await readLedger(ledgerPath(lab.runtimeDir))).armed.map(({ id }) => `${id} is in the ledger`);
  for (const { nodes } of lab.status().sites) {
    for (const { bgp, fault, misbehaviour, node, pid, process, url } of nodes) {
      const wrong = fault ?? misbehaviour;
      if (wrong !== null) left.push(`${node} is under ${wrong}`);
      if (process !== "running" || pid === null) left.push(`${node} is ${process}`);
      else if (processState(pid) === "T") left.push(`${node} is stopped`);
      if (bgp !== "up") left.push(`BGP of ${node} is down`);
      for (const thread of Object.values(BURDEN_THREADS)) {
        if (pid !== null && threadBusyMs(pid, thread) !== undefined)
          left.push(`${node} has a thread ${thread}`);
      }
      if (left.length === 0) left.push(...(await wrongAnswers(node, url)));
    }
  }
  return left;
}

async function wrongAnswers(node: string, url: string): Promise<string[]> {
  const took: number[] = [];
  for (let count = 0; count < ASKED; count++) {
    const startMs = nowMs();
    try {
      const answer = await fetch(`${url}/drill`, { signal: AbortSignal.timeout(CLEAN_MS_MAX) });
      const body = await answer.text();
      if (answer.status !== 200 || !body.startsWith(`${node} at `))
        return [`${node} answers ${answer.status} ${body}`];
    } catch (error) {
      return [`${node} does not answer: ${String(error)}`];
    }
    took.push(nowMs() - startMs);
  }
  return median(took) > QUICK_MS ? [`${node} answers after ${median(took)} ms`] : [];
}

function startOwner(dir: string, call: object): ChildProcess {
  return spawn(process.execPath, [OWNER, dir, JSON.stringify(call)], { stdio: "ignore" });
}

function killKeeper(dir: string): void {
  const { pid } = JSON.parse(readFileSync(join(dir, OF_KEEPER.fileName), "utf8")) as { pid: number };
  process.kill(pid, "SIGKILL");
}

function killNode(lab: Lab, target: string): void {
  const nodes = lab
    .status()
    .sites.flatMap(({ nodes: ofSite, site }) =>
      ofSite.filter(({ node }) => site === target || node === target),
    );
  const { pid } = nodes[0]!;
  // A fault may have killed it before.
  if (pid !== null) process.kill(pid, "SIGKILL");
}

function report(played: readonly Played[], json: string | undefined): void {
  for (const killed of KILLED) {
    const some = played.filter((one) => one.killed === killed);
    const removed = some.flatMap(({ removedMs }) => removedMs ?? []);
    const gone = some.flatMap(({ goneMs }) => goneMs ?? []);
    const times =
      removed.length === 0 ? "" : `; removed in ${spread(removed)}, seen to be gone in ${spread(gone)}`;
    const left = some.filter((one) => one.left.length > 0).length;
    say(`${killed} killed: ${some.length} faults, something left of ${left}${times}`);
  }
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify({ schema: "anycastle.drill-faults/v1", played }, undefined, 1)}\n`);
  }
}

/** `12 ms (p99 80, n=25)`. */
function spread(values: readonly number[]): string {
  if (values.length === 0) return "nobody knows what";
  const sorted = values.toSorted((a, b) => a - b);
  const p99 = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))];
  return `${median(values)} ms (p99 ${p99}, n=${values.length})`;
}

interface Flags {
  readonly count: number;
  readonly seed: number;
  readonly json: string | undefined;
}

function readFlags(): Flags | undefined {
  try {
    const { values } = parseArgs({
      options: {
        count: { type: "string" },
        seed: { type: "string" },
        json: { type: "string" },
        quick: { type: "boolean", default: false },
      },
    });
    const { count, json, quick, seed } = values;
    return {
      count: wholeNumber("count", count, { otherwise: quick ? COUNT_QUICK : COUNT, min: 1, max: COUNT_MAX }),
      seed: wholeNumber("seed", seed, { otherwise: randomSeed(), min: 0, max: SEED_MAX }),
      json,
    };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();
