/** The soak without a lab: what breaks when, what samples come to, and what the judge says of them. */
import fc from "fast-check";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { SITES } from "#core/geography/cities.ts";
import { FAULT_HOWS } from "#core/wire/faults.ts";
import type { SoakEvidence, SoakProcess } from "#drills/soak/evidence.ts";
import { FailureTable } from "#drills/soak/failure-table.ts";
import { judgeSoak } from "#drills/soak/judge.ts";
import { ProcessHistory } from "#drills/soak/process-history.ts";
import { childrenOf, sampleProcess } from "#drills/soak/process-sample.ts";
import { renderSoak } from "#drills/soak/render.ts";
import { Schedule, type SoakFault } from "#drills/soak/schedule.ts";

const SITE_NAMES = SITES.map(({ site }) => site);

function faults(seed: number, count: number): SoakFault[] {
  const schedule = new Schedule(SITE_NAMES, 2, seed);
  return Array.from({ length: count }, () => schedule.next());
}

test("whatever the seed: 45 faults meet every site in every way, 90 as a site and as a node", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), (seed) => {
      const first = faults(seed, 45).map(({ target, how }) => `${target.replace(/-\d$/, "")} ${how}`);
      expect(new Set(first).size).toBe(SITE_NAMES.length * FAULT_HOWS.length);
      const all = faults(seed, 90).map(({ target, how }) => `${target.replace(/-\d$/, "-n")} ${how}`);
      expect(new Set(all).size).toBe(2 * SITE_NAMES.length * FAULT_HOWS.length);
    }),
    { numRuns: 30 },
  );
});

test("two hours meet every site, every way, and first and second nodes", () => {
  const met = faults(1, 60);
  expect(new Set(met.map(({ target }) => target.split("-")[0]))).toEqual(new Set(SITE_NAMES));
  expect(new Set(met.map(({ how }) => how))).toEqual(new Set(FAULT_HOWS));
  expect(new Set(met.map(({ target }) => target.split("-")[1]))).toEqual(new Set([undefined, "1", "2"]));
});

test("the same seed gives the same order, another seed another", () => {
  expect(faults(7, 20)).toEqual(faults(7, 20));
  expect(faults(7, 20)).not.toEqual(faults(8, 20));
});

function historyOf(
  samples: readonly [atMs: number, rss: number, wakeUps: number, pid?: number][],
): ProcessHistory {
  const history = new ProcessHistory("gateway");
  for (const [atMs, rssBytes, wakeUps, pid = 1] of samples) {
    history.add({ pid, startTicks: String(pid), atMs, rssBytes, wakeUps, descriptors: rssBytes, threads: 1 });
  }
  return history;
}

test("a window's figure is the median, and wake-ups are a rate", () => {
  const history = historyOf([
    [0, 100, 0],
    [1_000, 900, 50],
    [2_000, 110, 100],
    [3_000, 120, 400],
  ]);
  expect(history.median({ fromMs: 0, toMs: 2_000 }, "rssBytes")).toBe(110);
  expect(history.wakeUpsPerS({ fromMs: 0, toMs: 2_000 })).toBe(50);
  expect(history.wakeUpsPerS({ fromMs: 2_500, toMs: 3_000 })).toBeNull();
});

test("a process that was started again tells nothing of the windows before its start", () => {
  const history = historyOf([
    [0, 100, 0],
    [1_000, 100, 0],
    [10_000, 60, 0, 2],
    [11_000, 61, 0, 2],
  ]);
  expect(history.startCount).toBe(2);
  expect(history.median({ fromMs: 0, toMs: 1_000 }, "rssBytes")).toBeNull();
  expect(history.median({ fromMs: 10_000, toMs: 11_000 }, "rssBytes")).toBe(61);
});

test("failures are counted by what they were and what was asked last, in a bounded table", () => {
  const table = new FailureTable();
  table.after = "kill ny1";
  for (let index = 0; index < 3; index++) table.add("GET", "timeout");
  table.add("POST", "reset");
  expect(table.rows()[0]).toEqual({ method: "GET", reason: "timeout", after: "kill ny1", count: 3 });
  for (let index = 0; index < 5_000; index++) table.add("GET", `reason ${index}`);
  expect(table.rows().length).toBeLessThanOrEqual(2_001);
  expect(table.countOf("GET")).toBe(5_003);
  expect(table.rows().reduce((sum, { count }) => sum + count, 0)).toBe(5_004);
});

const ROW: SoakProcess = {
  process: "gateway",
  pid: 10,
  isNode: false,
  startCount: 1,
  rssFirstBytes: 100e6,
  rssLastBytes: 105e6,
  rssRatio: 1.05,
  descriptorsFirst: 70,
  descriptorsLast: 75,
  wakeUpsFirst: 100,
  wakeUpsLast: 120,
};

const SOUND: SoakEvidence = {
  durationMs: 7_200_000,
  isMemoryJudged: true,
  load: { sent: 720_000, failed: 12, getFailed: 0 },
  orders: [{ atMs: 1, order: "fail", target: "ny1", how: "kill", wholeAfterMs: null, problem: null }],
  failures: [],
  processes: [ROW],
  handlesFirst: new Map([["lab Timeout", 3]]),
  handlesLast: new Map([["lab Timeout", 4]]),
  strangers: [],
  survivors: [],
  journal: { bytes: 10, bytesMax: 1_000, files: 1, events: 5 },
  voidReasons: [],
  noise: [],
};

/** The steps that miss. */
function check(more: Partial<SoakEvidence>, ...expected: string[]): void {
  const { steps, verdict } = judgeSoak({ ...SOUND, ...more });
  expect(steps.filter(({ state }) => state === "missed").map(({ name }) => name)).toEqual(expected);
  expect(verdict).toBe(expected.length === 0 ? "held" : "missed");
}

test("a sound soak holds, lost POSTs or not", () => check({}));
test("one failed GET", () => check({ load: { sent: 9, failed: 1, getFailed: 1 } }, "no GET fails"));
test("a load that sent nothing", () => check({ load: { sent: 0, failed: 0, getFailed: 0 } }, "no GET fails"));
test("an order that was refused", () =>
  check({ orders: [{ ...SOUND.orders[0]!, problem: "FAULT_ACTIVE" }] }, "faults and revivals"));
test("no order at all", () => check({ orders: [] }, "faults and revivals"));
test("a gateway that died", () =>
  check({ processes: [{ ...ROW, startCount: 2 }] }, "nothing but nodes was started again"));
test("a node that was started again is what a soak does", () =>
  check({ processes: [ROW, { ...ROW, process: "ny1-1", isNode: true, startCount: 9 }] }));
test("memory that grew by more than a tenth", () =>
  check({ processes: [ROW, { ...ROW, process: "sim", rssRatio: 1.101 }] }, "memory"));
test("memory of which nobody lived long enough", () =>
  check({ processes: [{ ...ROW, rssRatio: null }] }, "memory"));
test("descriptors that were left behind", () =>
  check({ processes: [{ ...ROW, descriptorsLast: 83 }] }, "descriptors while idle"));
test("a timer that was left behind", () =>
  check({ processes: [{ ...ROW, wakeUpsLast: 301 }] }, "timers (wake-ups while idle)"));
test("handles that were left behind, of a kind that was not there at first", () =>
  check({ handlesLast: new Map([["gateway TCPSocketWrap", 13]]) }, "active handles while idle"));
test("a child nobody lists, or that outlives the lab", () => {
  check({ strangers: [4711] }, "children");
  check({ survivors: [4711] }, "children");
});
test("a journal above its bound, or none", () => {
  check({ journal: { bytes: 1_001, bytesMax: 1_000, files: 2, events: 5 } }, "journal");
  check({ journal: { bytes: 0, bytesMax: 1_000, files: 0, events: 5 } }, "journal");
});

test("a short soak says that memory is not judged", () => {
  const { steps, verdict } = judgeSoak({
    ...SOUND,
    isMemoryJudged: false,
    processes: [{ ...ROW, rssRatio: null }],
  });
  expect(verdict).toBe("held");
  expect(steps.find(({ name }) => name === "memory")).toMatchObject({
    state: "void",
    measured: expect.stringContaining("not judged") as string,
  });
});

test("noise excuses what was missed, and is said beside what held all the same", () => {
  const noise = ["other processes used 0.90 cores all the time"];
  expect(judgeSoak({ ...SOUND, noise }).verdict).toBe("held");
  expect(judgeSoak({ ...SOUND, noise, orders: [] }).verdict).toBe("void");
  const { verdict, steps } = judgeSoak({ ...SOUND, noise });
  const report = {
    ...SOUND,
    noise,
    schema: "anycastle.soak/v1" as const,
    seed: 1,
    rate: 100,
    verdict,
    steps,
  };
  expect(renderSoak(report, { isColour: false })).toContain("  noise: other processes used 0.90 cores");
});

test("a void soak is void even if something was missed, and is shown with every row", () => {
  const evidence = {
    ...SOUND,
    voidReasons: ["the box stood still"],
    load: { sent: 5, failed: 5, getFailed: 5 },
  };
  const { verdict, steps } = judgeSoak(evidence);
  expect(verdict).toBe("void");
  const text = renderSoak(
    { ...evidence, schema: "anycastle.soak/v1", seed: 1, rate: 100, verdict, steps },
    { isColour: false },
  );
  expect(text).toMatch(/^VOID {2}soak of 120 min/);
  expect(text).toContain("void: the box stood still");
  expect(text).toMatch(/^gateway +10 +1 +95 +100 +1\.050 +70 +75 +100 +120$/m);
});

test.skipIf(process.platform !== "linux")(
  "a process is looked at from outside, and its children are found",
  async () => {
    const child = spawn(process.execPath, ["-e", "process.stdin.resume(); console.log(1)"], {
      stdio: "pipe",
    });
    await once(child.stdout, "data");
    const sample = sampleProcess(child.pid!)!;
    expect(sample.rssBytes).toBeGreaterThan(10e6);
    expect(sample.descriptors).toBeGreaterThan(2);
    expect(sample.threads).toBeGreaterThan(0);
    expect(sample.wakeUps).toBeGreaterThan(0);
    expect(childrenOf(process.pid)).toContain(child.pid);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(sampleProcess(child.pid!)).toBeUndefined();
    expect(childrenOf(process.pid)).not.toContain(child.pid);
  },
);
