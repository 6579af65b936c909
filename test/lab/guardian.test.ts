/** No process outlives its lab, however the lab ends, and nothing of it is left on disk. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { LabStatus } from "#core/wire/control.ts";
import { Guardian } from "#lab/guardian/guardian.ts";
import { LabClient } from "#lab/client.ts";
import { processState } from "#lab/process-stat.ts";

/** What is asked for; here it only bounds the waiting. */
const OUTLIVES_MS_MAX = 2_000;

let dir: string;
const sleepers: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "anycastle-guardian-"));
});
afterEach(() => {
  for (const sleeper of sleepers.splice(0)) sleeper.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

/** A process that does nothing until it is killed. */
function startSleeper(): ChildProcess {
  const sleeper = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"], { stdio: "ignore" });
  sleepers.push(sleeper);
  return sleeper;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Killed, but its parent has not asked for its status yet.
    return processState(pid) !== "Z";
  } catch {
    return false;
  }
}

/** Bit of a signal in proc(5)'s mask of caught signals. */
function handlesSighup(pid: number): boolean {
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!;
  return (BigInt(`0x${mask}`) & (1n << BigInt(constants.signals.SIGHUP - 1))) !== 0n;
}

/** Polls: nobody tells the end of another's child. */
async function allGone(pids: readonly number[], ms: number): Promise<readonly number[]> {
  const untilMs = performance.now() + ms;
  while (pids.some(isAlive) && performance.now() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, 10));
  return pids.filter(isAlive);
}

test(
  "kill -9 of a lab takes its whole cast with it, frozen nodes too, and its file",
  { timeout: 60_000 },
  async () => {
    const entry = join(import.meta.dirname, "lab-process.ts");
    const lab = spawn(process.execPath, [entry, dir], { stdio: ["ignore", "pipe", "inherit"] });
    const status = await new Promise<LabStatus>((resolve, reject) => {
      const reader = new NdjsonReader((value) => resolve(value as LabStatus), reject);
      lab.stdout.on("data", (chunk: Buffer) => reader.push(chunk));
      lab.once("exit", (code) => reject(new Error(`the lab exited with ${code}`)));
    });
    await LabClient.find(dir).fail({ target: "ny1", how: "hang" });
    const nodes = status.sites.flatMap((site) => site.nodes.map(({ pid }) => pid));
    const pids = [...nodes, ...status.processes.map(({ pid }) => pid)] as number[];
    expect(pids).toHaveLength(9 + 3);
    expect(pids.filter(isAlive)).toEqual(pids);
    const end = once(lab, "exit");
    lab.kill("SIGKILL");
    await end;
    expect(await allGone(pids, OUTLIVES_MS_MAX)).toEqual([]);
    expect(readdirSync(dir)).toEqual([]);
  },
);

test("at its dismissal what is still watched is killed, what was forgotten is not", async () => {
  const guardian = new Guardian({}, () => undefined);
  const [watched, forgotten] = [startSleeper(), startSleeper()];
  guardian.watch(watched.pid!);
  guardian.watch(forgotten.pid!);
  guardian.forget(forgotten.pid!);
  const end = once(watched, "exit");
  await guardian.dismiss();
  expect(await end).toEqual([null, "SIGKILL"]);
  expect(forgotten.exitCode ?? forgotten.signalCode).toBeNull();
  expect(guardian.pid).toBeNull();
});

test("a guardian that dies is started again and told everything anew", async () => {
  const deaths: number[] = [];
  const guardian = new Guardian({}, (pid) => deaths.push(pid));
  const watched = startSleeper();
  guardian.watch(watched.pid!);
  const first = guardian.pid!;
  process.kill(first, "SIGKILL");
  while (guardian.pid === null || guardian.pid === first)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(deaths).toEqual([first]);
  const end = once(watched, "exit");
  await guardian.dismiss();
  expect(await end).toEqual([null, "SIGKILL"]);
});

test("signals to the group leave the guardian at its post", async () => {
  const guardian = new Guardian({}, () => undefined);
  const watched = startSleeper();
  guardian.watch(watched.pid!);
  // The last one that it asks for.
  while (!handlesSighup(guardian.pid!)) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(guardian.pid!, signal);
  const end = once(watched, "exit");
  await guardian.dismiss();
  expect(await end).toEqual([null, "SIGKILL"]);
});
