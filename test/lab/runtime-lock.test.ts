/** One lab in a directory: against processes that race for a leftover, and against every kind of leftover. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clearLockOf, RuntimeLock } from "#lab/runtime-lock.ts";
import { isSameProcess, processStartTicks, processState } from "#lab/process-stat.ts";

const RACERS = 6;
const ROUNDS = 5;
const isLinux = processStartTicks(process.pid) !== undefined;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "anycastle-lock-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** Of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ["--version"]).pid;
}

function leave(name: string, text: string): void {
  writeFileSync(join(dir, name), text);
}

test("who takes it has it until it is released, and nothing is left", async () => {
  const lock = await RuntimeLock.take(dir);
  await expect(RuntimeLock.take(dir)).rejects.toMatchObject({
    code: "LAB_RUNNING",
    exitCode: 1,
    message: `a lab is being started or stopped here (pid ${process.pid})`,
  });
  lock.release();
  expect(readdirSync(dir)).toEqual([]);
  const next = await RuntimeLock.take(dir);
  lock.release(); // It is over: this is somebody else's.
  expect(readdirSync(dir)).toEqual(["lab.lock"]);
  next.release();
});

const dead = deadPid();
test.for([
  ["a process that has gone", `{"pid":${dead},"startTicks":"1"}\n`, []],
  ["a process that has gone, on a system that tells no start", `{"pid":${dead}}\n`, []],
  ["nobody: an empty file", "", []],
  ["nobody: a torn line", '{"pid":', []],
  ["nobody: no pid", '{"pid":"x"}\n', []],
  [
    "one that has gone, and whose heir was killed while taking over",
    `{"pid":${dead},"startTicks":"1"}\n`,
    [[`lab.lock.${dead}-1`, `{"pid":${dead},"startTicks":"2"}\n`]],
  ],
] as const)("a lock of %s is a leftover", async ([, text, others]) => {
  leave("lab.lock", text);
  for (const [name, content] of others) leave(name, content);
  const lock = await RuntimeLock.take(dir);
  expect(JSON.parse(readFileSync(join(dir, "lab.lock"), "utf8"))).toMatchObject({ pid: process.pid });
  expect(readdirSync(dir)).toEqual(["lab.lock"]);
  lock.release();
});

test.skipIf(!isLinux)("a pid that is somebody else's by now holds nothing", async () => {
  leave("lab.lock", `{"pid":${process.pid},"startTicks":"1"}\n`);
  (await RuntimeLock.take(dir)).release();
  expect(readdirSync(dir)).toEqual([]);
});

test("while a living process removes a leftover nobody else does, and the wait is bounded", async () => {
  leave("lab.lock", `{"pid":${dead},"startTicks":"1"}\n`);
  const ticks = processStartTicks(process.pid);
  leave(`lab.lock.${dead}-1`, `${JSON.stringify({ pid: process.pid, startTicks: ticks })}\n`);
  const taking = RuntimeLock.take(dir);
  await expect(taking).rejects.toMatchObject({ code: "LAB_RUNNING" });
  expect(readFileSync(join(dir, "lab.lock"), "utf8")).toContain(`"pid":${dead}`);
});

test("the guardian of a lab clears what that lab left, and nothing of another's", async () => {
  let cleared = 0;
  const clear = (): void => void (cleared += 1);
  clearLockOf(dir, dead, clear); // Nothing is there.
  const lock = await RuntimeLock.take(dir);
  clearLockOf(dir, dead, clear);
  expect([cleared, readdirSync(dir)]).toEqual([0, ["lab.lock"]]);
  lock.release();
  leave("lab.lock", `{"pid":${dead},"startTicks":"1"}\n`);
  clearLockOf(dir, dead, clear);
  expect([cleared, readdirSync(dir)]).toEqual([1, []]);
});

const POLL = { timeout: 10_000 };

test.skipIf(!isLinux)("a zombie is gone: it only waits for its parent to look", async () => {
  // The shell starts a process that ends with its input, and becomes one that never looks after its child. Only then is
  // the input ended: a shell that is still one may look.
  const parent = spawn("sh", ["-c", "exec 3<&0; cat <&3 >&2 & echo $!; exec sleep 60"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  try {
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once("data", (chunk: Buffer) => resolve(Number.parseInt(chunk.toString(), 10))),
    );
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, "utf8"), POLL).toBe("sleep\n");
    parent.stdin.end();
    await expect.poll(() => processState(pid), POLL).toBe("Z");
    expect(isSameProcess(pid, processStartTicks(pid))).toBe(false);
  } finally {
    parent.kill("SIGKILL");
  }
});

/** Takes the lock of `dir` at each "take" on its standard input, tells how that went, and gives it back at "give". */
const RACER = `
import { createInterface } from "node:readline";
import { RuntimeLock } from "#lab/runtime-lock.ts";
process.stdout.write("here\\n");
let lock;
for await (const line of createInterface(process.stdin)) {
  if (line === "give") lock?.release();
  lock = undefined;
  if (line === "take") {
    await RuntimeLock.take(process.argv[1]).then(
      (taken) => (lock = taken, process.stdout.write("taken\\n")),
      (error) => process.stdout.write(error.code + "\\n"),
    );
  } else process.stdout.write("given\\n");
}
`;

test("of many that race for a leftover one gets it, every time", async () => {
  const args = ["--input-type=module", "-e", RACER, dir];
  const cwd = join(import.meta.dirname, "..", "..");
  const racers = Array.from({ length: RACERS }, () =>
    spawn(process.execPath, args, { cwd, stdio: ["pipe", "pipe", "inherit"] }),
  );
  try {
    const next = racers.map((racer) => {
      const lines = racer.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false });
      return async (): Promise<string> => String((await lines.next()).value).trim();
    });
    const said = async (word?: string): Promise<string[]> => {
      if (word !== undefined) for (const racer of racers) racer.stdin.write(`${word}\n`);
      return await Promise.all(next.map((read) => read()));
    };
    expect(await said()).toEqual(Array(RACERS).fill("here"));
    for (let round = 0; round < ROUNDS; round++) {
      leave("lab.lock", `{"pid":${dead},"startTicks":"1"}\n`);
      const outcomes = await said("take");
      expect(outcomes.sort()).toEqual([...Array<string>(RACERS - 1).fill("LAB_RUNNING"), "taken"]);
      expect(readdirSync(dir)).toEqual(["lab.lock"]);
      await said("give");
      expect(readdirSync(dir)).toEqual([]);
    }
  } finally {
    for (const racer of racers) racer.kill("SIGKILL");
  }
});
