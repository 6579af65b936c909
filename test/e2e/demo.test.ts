/**
 * The demo as a person starts it, `bin/anycastle.js demo`, and what people do to it: start it twice, fill its disk, end
 * it gently, at once, from its terminal while it starts, and with kill -9. Nobody is ever left running.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { LabStatus } from "#core/wire/control.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import type { LoadResult } from "#core/wire/measure.ts";
import { LabClient } from "#lab/client.ts";
import { processState } from "#lab/process-stat.ts";
import { anycastle, cleanEnvironment, LAUNCHER, LongRun, run, scratch } from "../cli/run-cli.ts";
import { isAlive, outliving, pidsOf } from "./processes.ts";
import { Terminal, terminalCommand } from "./terminal.ts";

const DEMO = ["demo", "--port", "0", "--control-port", "0"];
const READY = "all sites are in service";
/** What is promised for children whose lab was killed. */
const OUTLIVES_MS_MAX = 2_000;
/** More than all buffers on the way hold: such a request is open for as long as nobody reads its answer. */
const LARGE_BYTES = 64 * 1024 * 1024;
/** Of all processes together. */
const MEMORY_MB_MAX = 800;
/** Well above the 200 ms from which on standing still is told. */
const STANDSTILL_MS = 700;
const POLL_MS = 50;

function labOf(dir: string): LabClient {
  return LabClient.find(join(dir, "runtime"));
}

/** A demo of its own for one test, gone with it. */
async function startDemo(
  ...flags: readonly string[]
): Promise<{ dir: string; demo: LongRun; status: LabStatus }> {
  const { dir, remove } = scratch();
  const demo = new LongRun(dir, [...DEMO, ...flags]);
  onTestFinished(async () => {
    demo.kill("SIGKILL");
    await demo.ended;
    remove();
  });
  await demo.said(READY);
  return { dir, demo, status: await labOf(dir).status() };
}

/** A request that is open: its answer has begun, and nobody reads on. */
async function openRequest(gatewayUrl: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = get(`${gatewayUrl}/bytes?size=${LARGE_BYTES}`, { agent: false }, resolve);
  request.on("error", reject);
  const response = await promise;
  response.pause();
  return response;
}

/** Bytes of the rest, or what broke it off. */
async function readOn(response: IncomingMessage): Promise<number | string> {
  let bytes = 0;
  try {
    for await (const chunk of response) bytes += (chunk as Buffer).length;
    return bytes;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

describe("one demo for what it bears", () => {
  const { dir, remove } = scratch();
  const disk = join(dir, "disk");
  const journal = join(disk, "journal.ndjson");
  const filler = join(disk, "filler");
  let hasOwnDisk = false;
  let demo: LongRun;

  beforeAll(async () => {
    mkdirSync(disk);
    hasOwnDisk = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]).status === 0;
    demo = new LongRun(
      dir,
      [...DEMO, "--journal", journal],
      hasOwnDisk ? process.execPath : nodeWithSmallFiles(dir),
    );
    await demo.said(READY);
  }, 60_000);

  afterAll(async () => {
    demo.kill("SIGKILL");
    await demo.ended;
    if (hasOwnDisk) execFileSync("umount", [disk]);
    remove();
  }, 30_000);

  test(
    "a second demo is refused by name, with 1, and takes nothing from the first",
    { timeout: 60_000 },
    async () => {
      const { status, stdout, stderr } = await anycastle(dir, ...DEMO);
      expect([status, stdout]).toEqual([1, ""]);
      const { pid, gatewayUrl } = await labOf(dir).status();
      expect(pid).toBe(demo.child.pid);
      expect(stderr).toContain(`error: a lab runs already (pid ${pid}, ${gatewayUrl})\n`);
      expect(stderr).toContain("ANYCASTLE_RUNTIME_DIR");
      expect((await labOf(dir).status()).isReady).toBe(true);
    },
  );

  test(
    "a busy port that was asked for is refused with its holder, and nothing is left running",
    { timeout: 60_000 },
    async () => {
      const { gatewayUrl, processes } = await labOf(dir).status();
      const { port } = new URL(gatewayUrl);
      const other = scratch();
      onTestFinished(other.remove);
      const args = ["demo", "--port", port, "--control-port", "0"];
      const { status, stdout, stderr } = await anycastle(other.dir, ...args);
      expect([status, stdout]).toEqual([1, ""]);
      const holder = processes.find(({ process }) => process === "gateway")!.pid;
      const by = process.platform === "linux" ? ` by pid ${holder} (anycastle gateway` : "";
      expect(stderr).toContain(`error: port ${port} on 127.0.0.1, for the gateway, is taken${by}`);
      expect(readdirSync(join(other.dir, "runtime"))).toEqual([]);
    },
  );

  test.skipIf(process.platform !== "linux")(
    "the whole cast fits into 0.8 GB, shared pages counted once",
    { timeout: 60_000 },
    async () => {
      const pids = pidsOf(await labOf(dir).status());
      const profile = pids.map((pid) => `${proportionalMb(pid)} MB ${commandOf(pid)}`);
      const sumMb = pids.reduce((sum, pid) => sum + proportionalMb(pid), 0);
      expect(pids).toHaveLength(1 + 18 + 3);
      // More than that fails with the profile.
      expect(sumMb <= MEMORY_MB_MAX ? [] : profile).toEqual([]);
    },
  );

  test("`status | head -1`: a reader that has seen enough is no error", { timeout: 60_000 }, async () => {
    const script = '"$0" "$1" status | head -1; echo "status ${PIPESTATUS[0]}"';
    const { stdout, stderr } = await run("bash", ["-c", script, process.execPath, LAUNCHER], dir);
    expect(stdout).toMatch(/^anycastle .*\nstatus 0\n$/);
    expect(stderr).toBe("");
  });

  test(
    "a full disk under the journal: it goes on, says so, and load fails nothing",
    { timeout: 120_000 },
    async () => {
      if (hasOwnDisk) fillUp(filler);
      const load = anycastle(dir, "load", "--rate", "100", "--duration", "2s", "--lag-gate", "10s", "--json");
      await demo.said("the journal is not written: ");
      expect(demo.stdout).toMatch(/the journal is not written: (ENOSPC|EFBIG).*; going on in memory/);
      const { status, stdout } = await load;
      const result = JSON.parse(stdout) as LoadResult;
      expect([status, result.sent, result.failedTotal, result.duplicated]).toEqual([0, 200, 0, 0]);
      expect((await labOf(dir).status()).isReady).toBe(true);
      // What happened meanwhile is known, and is written once there is room.
      const known = await anycastle(dir, "events", "--ndjson");
      expect(known.stdout).toContain('"kind":"journal.degraded"');
      expect(known.stdout).toContain('"kind":"load.finished"');
      if (!hasOwnDisk) return;
      rmSync(filler);
      await demo.said("the journal is written again; it lacks 0 events");
    },
  );

  test("a lab that stood still notices, and says so in its journal", { timeout: 60_000 }, async () => {
    const client = labOf(dir);
    const { pid } = await client.status();
    process.kill(pid, "SIGSTOP");
    await expect.poll(() => processState(pid)).toBe("T");
    await new Promise((resolve) => setTimeout(resolve, STANDSTILL_MS));
    process.kill(pid, "SIGCONT");
    const told = (): number[] =>
      [...demo.stdout.matchAll(/lab stood still for (\d+) ms/g)].map(([, ms]) => Number(ms));
    // The loop's own short timer was under way when it stopped.
    const isTold = (): boolean => told().some((ms) => ms >= STANDSTILL_MS / 2);
    await expect.poll(isTold, { timeout: 15_000 }).toBe(true);
    expect((await client.status()).isReady).toBe(true);
  });

  test("Ctrl-C once: what is open is finished, everybody is gone, 130", { timeout: 60_000 }, async () => {
    const client = labOf(dir);
    await client.fail({ target: "syd1", how: "hang" });
    const pids = pidsOf(await client.status());
    expect(pids.filter(isAlive)).toEqual(pids);
    const open = await openRequest(client.gatewayUrl);
    demo.kill("SIGINT");
    await demo.said("stopping, at most 8 s (Ctrl-C again: now)");
    expect(await readOn(open)).toBe(LARGE_BYTES);
    expect(await demo.ended).toEqual({ status: 130, signal: null });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(readdirSync(join(dir, "runtime"))).toEqual([]);
    if (hasOwnDisk) expectWholeJournal(journal);
  });
});

/** Every line is whole, the numbers have no gap, and the last word is about the end. */
function expectWholeJournal(file: string): void {
  const [, ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
  const events = lines.map((line) => JSON.parse(line) as JournalEvent);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index + 1));
  const kinds = new Set(events.map(({ kind }) => kind));
  for (const kind of ["lab.started", "journal.degraded", "journal.recovered", "lab.stopping"] as const) {
    expect(kinds).toContain(kind);
  }
}

/** Proportional set size: a page that n processes share counts 1/n for each (proc(5), smaps_rollup). */
function proportionalMb(pid: number): number {
  const kb = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
  return Math.round(Number(kb) / 1_024);
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
}

/** Until the disk takes nothing more. */
function fillUp(file: string): void {
  const block = Buffer.alloc(4_096);
  for (;;) {
    try {
      writeFileSync(file, block, { flag: "a" });
    } catch (error) {
      expect(error).toMatchObject({ code: "ENOSPC" });
      return;
    }
  }
}

/** Without the right to mount anything: a Node whose files end at 8 KiB (RLIMIT_FSIZE), which is a full disk to it. */
function nodeWithSmallFiles(dir: string): string {
  const file = join(dir, "node-with-small-files");
  writeFileSync(file, `#!/bin/sh\ntrap '' XFSZ\nulimit -f 16\nexec '${process.execPath}' "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

test(
  "two demos that find the same leftovers at the same moment: one starts",
  { timeout: 60_000 },
  async () => {
    const { dir, remove } = scratch();
    const runtimeDir = join(dir, "runtime");
    const gone = spawnSync(process.execPath, ["--version"]).pid;
    mkdirSync(runtimeDir, { mode: 0o700 });
    const word = {
      pid: gone,
      controlUrl: "http://127.0.0.1:1",
      gatewayUrl: "http://127.0.0.1:2",
      token: "t",
    };
    writeFileSync(join(runtimeDir, "lab.json"), JSON.stringify(word), { mode: 0o600 });
    writeFileSync(join(runtimeDir, "lab.lock"), JSON.stringify({ pid: gone, startTicks: "1" }), {
      mode: 0o600,
    });
    const demos = [0, 1].map(() => new LongRun(dir, [...DEMO, "--nodes", "1"]));
    onTestFinished(async () => {
      for (const demo of demos) demo.kill("SIGKILL");
      await Promise.all(demos.map(({ ended }) => ended));
      remove();
    });
    const refused = await Promise.race(demos.map(async (demo) => ({ demo, end: await demo.ended })));
    expect(refused.end).toEqual({ status: 1, signal: null });
    expect(refused.demo.stderr).toMatch(
      /^error: a lab (runs already|is being started or stopped here) \(pid \d+/m,
    );
    const [first] = demos.filter((demo) => demo !== refused.demo);
    await first!.said(READY);
    expect((await labOf(dir).status()).pid).toBe(first!.child.pid);
    expect(refused.demo.stderr).toContain(`(pid ${first!.child.pid}`);
  },
);

test("Ctrl-C twice: now, whatever is open", { timeout: 60_000 }, async () => {
  const { dir, demo, status } = await startDemo("--nodes", "1");
  const open = await openRequest(status.gatewayUrl);
  demo.kill("SIGINT");
  await demo.said("Ctrl-C again: now");
  // One that comes at once is the same Ctrl-C, sent by a launcher or npm as well: insist until it counts.
  const insisting = setInterval(() => demo.kill("SIGINT"), POLL_MS);
  await demo.said("stopping now").finally(() => clearInterval(insisting));
  expect(await demo.ended).toEqual({ status: 130, signal: null });
  expect(await readOn(open)).toBe("ECONNRESET");
  expect(pidsOf(status).filter(isAlive)).toEqual([]);
  expect(readdirSync(join(dir, "runtime"))).toEqual([]);
});

test(
  "kill -9 while a node is frozen: no child outlives it by 2 s, and a new demo may start",
  { timeout: 60_000 },
  async () => {
    const { dir, demo, status } = await startDemo("--nodes", "1");
    await labOf(dir).fail({ target: "ny1", how: "hang" });
    const frozen = status.sites[0]!.nodes[0]!.pid!;
    expect(processState(frozen)).toBe("T");
    const pids = pidsOf(status);
    expect(pids.filter(isAlive)).toEqual(pids);
    demo.kill("SIGKILL");
    expect(await demo.ended).toEqual({ status: null, signal: "SIGKILL" });
    expect(await outliving(pids, OUTLIVES_MS_MAX)).toEqual([]);
    expect(readdirSync(join(dir, "runtime"))).toEqual([]);
    const next = new LongRun(dir, [...DEMO, "--nodes", "1"]);
    onTestFinished(async () => {
      next.kill("SIGKILL");
      await next.ended;
    });
    await next.said(READY);
    next.kill("SIGTERM");
    expect(await next.ended).toEqual({ status: 143, signal: null });
  },
);

test(
  "Ctrl-C of a terminal while the cast starts reaches the lab alone, which ends its children",
  { timeout: 60_000 },
  async (context) => {
    if (terminalCommand() === undefined) {
      return context.skip("neither python3 (pty) nor script: no pseudo terminal");
    }
    const { dir, remove } = scratch();
    onTestFinished(remove);
    const journal = join(dir, "journal.ndjson");
    const words = [process.execPath, LAUNCHER, ...DEMO, "--nodes", "1", "--journal", journal];
    // CI=1: no raw mode, so that the terminal makes a signal of Ctrl-C, for its whole foreground group, the shell too.
    const terminal = new Terminal('trap : INT; "$@"; echo "status $?"', words, {
      cwd: dir,
      env: cleanEnvironment(dir),
    });
    onTestFinished(async () => {
      terminal.child.kill("SIGKILL");
      await terminal.ended;
    });
    await terminal.said("gateway http://");
    const pids = pidsOf(await labOf(dir).status());
    terminal.type("\u0003");
    await terminal.said("stopping, at most 8 s");
    await terminal.said("status 130");
    expect(await outliving(pids, OUTLIVES_MS_MAX)).toEqual([]);
    // They did not die of the Ctrl-C itself, the lab ended them; but one that is being forked at this very moment is not
    // in its own group yet, and the lab forks one at a time.
    const lines = readFileSync(journal, "utf8").trimEnd().split("\n").slice(1);
    const ends = lines.flatMap((line) => {
      const it = JSON.parse(line) as JournalEvent;
      return it.kind === "process.exited" ? [`${it.process}: ${it.signal ?? it.code}`] : [];
    });
    expect(ends.length).toBeGreaterThan(0);
    expect(ends.filter((end) => end.endsWith(": SIGINT")).slice(1)).toEqual([]);
    expect(existsSync(join(dir, "runtime", "lab.json"))).toBe(false);
  },
);
