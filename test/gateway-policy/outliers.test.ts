/** Nodes that answer with errors: when they go out, for how long, and how many may be out at once. */
import { expect, test } from "vitest";
import { NodeHealthBoard } from "#gateway/health/node-health.ts";
import { OutlierWindow } from "#gateway/health/outlier-window.ts";
import { OUTLIERS_OFF, type OutlierOptions } from "#gateway/health/outliers.ts";
import { PhiAccrual, phiOf } from "#gateway/health/phi-accrual.ts";
import { HEALTH_PROFILES } from "#gateway/health/profiles.ts";

const OUTLIERS: OutlierOptions = { ...OUTLIERS_OFF, consecutiveErrors: 5, ejectionMaxMs: 90_000 };

class Bench {
  readonly board: NodeHealthBoard;
  nowMs = 0;

  constructor(nodeCount: number, options = OUTLIERS) {
    this.board = new NodeHealthBoard(nodeCount, HEALTH_PROFILES.demo, options);
    for (let node = 0; node < nodeCount; node++) this.prove(node);
  }

  prove(node: number): void {
    for (let pass = 0; pass < 2; pass++) this.board.check(node, "passed", this.nowMs, this.nowMs);
  }

  /** `e` an error, `a` another answer. */
  answers(node: number, script: string): (string | undefined)[] {
    return Array.from(script, (letter) => {
      const sign = letter === "e" ? "error" : "answered";
      return this.board.attempt(node, sign, this.nowMs, (this.nowMs += 1))?.reason;
    });
  }

  get health(): string {
    return Array.from({ length: 4 }, (_, node) => this.board.health(node)[0]).join("");
  }
}

test("five errors in a row, and no fewer", () => {
  const bench = new Bench(4);
  expect(bench.answers(0, "eeeeaeeee").every((reason) => reason === undefined)).toBe(true);
  expect(bench.answers(0, "e")).toEqual(["5 gateway errors in a row"]);
  expect(bench.health).toBe("ehhh");
});

test("out for a time that passed checks do not shorten, then they decide", () => {
  const bench = new Bench(4);
  bench.answers(0, "eeeee");
  bench.nowMs += 29_000;
  bench.prove(0);
  expect(bench.health).toBe("ehhh");
  bench.nowMs += 1_001;
  bench.prove(0);
  expect(bench.health).toBe("hhhh");
});

test("the time grows with each ejection up to its maximum, and a quiet time takes one off", () => {
  const bench = new Bench(4);
  const outMs = (): number => {
    bench.answers(0, "eeeee");
    const sinceMs = bench.nowMs;
    while (bench.board.health(0) === "ejected") {
      bench.nowMs += 10_000;
      bench.prove(0);
    }
    return bench.nowMs - sinceMs;
  };
  expect([outMs(), outMs(), outMs(), outMs()]).toEqual([30_000, 60_000, 90_000, 90_000]);
  bench.nowMs += 10 * OUTLIERS.ejectionMaxMs;
  expect(outMs()).toBe(30_000);
});

test("no more than the share, and the last healthy node stays", () => {
  const bench = new Bench(4);
  for (const node of [0, 1, 2, 3]) bench.answers(node, "eeeeeeee");
  expect(bench.health).toBe("eehh");
  const two = new Bench(2, { ...OUTLIERS, shareMaxPercent: 100 });
  for (const node of [0, 1]) two.answers(node, "eeeeeeee");
  expect([two.board.health(0), two.board.health(1)]).toEqual(["ejected", "healthy"]);
});

test("a death counts at once whatever the share, and its return waits for no time", () => {
  const bench = new Bench(4);
  for (const node of [0, 1]) bench.answers(node, "eeeee");
  bench.board.attempt(2, "reset", bench.nowMs, bench.nowMs);
  expect(bench.health).toBe("eeeh");
  bench.prove(2);
  expect(bench.health).toBe("eehh");
});

test("0 is never", () => {
  const bench = new Bench(4, { ...OUTLIERS, consecutiveErrors: 0 });
  bench.answers(0, "eeeeeeeeeeee");
  expect(bench.health).toBe("hhhh");
});

/** `[failed, of]` and a time for those that did not, node by node, over one interval. */
function judged(
  options: Partial<OutlierOptions>,
  nodes: readonly (readonly [failed: number, of: number, ms?: number])[],
  siteOf: (node: number) => number = () => 0,
): string[] {
  const window = new OutlierWindow(nodes.length, { ...OUTLIERS_OFF, ...options }, siteOf);
  window.judge(0);
  for (const [node, [failed, of, ms = 10]] of nodes.entries()) {
    for (let count = 0; count < of; count++) {
      if (count < failed) window.failed(node);
      else window.answered(node, ms);
    }
  }
  expect(window.judge(OUTLIERS_OFF.intervalMs - 1)).toEqual([]);
  const found = window.judge(OUTLIERS_OFF.intervalMs).map(({ node, reason }) => `${node}: ${reason}`);
  expect(window.judge(2 * OUTLIERS_OFF.intervalMs)).toEqual([]);
  return found;
}

const WELL = [1, 200] as const;

test("the share of failed attempts of an interval, with enough of them", () => {
  const options = { failurePercent: 85 };
  expect(judged(options, [[170, 200], WELL])).toEqual(["0: 85.0 % of 200 attempts failed"]);
  expect(judged(options, [[169, 200], WELL])).toEqual([]);
  expect(judged(options, [[99, 99], WELL])).toEqual([]);
});

test("a share that stands out from the others', as in Envoy, with five nodes or more", () => {
  const options = { successRateSigma: 1.9 };
  expect(judged(options, [[60, 200], WELL, WELL, WELL, WELL])).toEqual(["0: 30.0 % of 200 attempts failed"]);
  expect(judged(options, [[60, 200], WELL, WELL, WELL])).toEqual([]);
  // Half of the nodes fail alike: nobody stands out.
  expect(judged(options, [[60, 200], [60, 200], [60, 200], WELL, WELL, WELL])).toEqual([]);
  // Many deviations off, and yet one failure only.
  expect(judged(options, [WELL, [0, 200], [0, 200], [0, 200], [0, 200]])).toEqual([]);
});

test("a median time above that of the site's others, by factor and floor; other sites do not count", () => {
  const options = { latencyFactor: 3 };
  expect(
    judged(options, [
      [0, 100, 100],
      [0, 100, 10],
      [0, 100, 12],
    ]),
  ).toEqual(["0: answers take 128.0 ms, those of its site's others 11.3 ms"]);
  expect(
    judged(options, [
      [0, 100, 30],
      [0, 100, 10],
      [0, 100, 12],
    ]),
  ).toEqual([]);
  expect(
    judged(options, [
      [0, 100, 8],
      [0, 100, 0.5],
      [0, 100, 0.5],
    ]),
  ).toEqual([]);
  expect(
    judged(
      options,
      [
        [0, 100, 100],
        [0, 100, 10],
      ],
      (node) => node,
    ),
  ).toEqual([]);
  // A tail is not a slow node.
  expect(
    judged({ ...options, failurePercent: 85 }, [
      [40, 100, 10],
      [0, 100, 10],
    ]),
  ).toEqual([]);
});

test("outliers go out by the rules of errors: the worst first, the share, never the last", () => {
  const bench = new Bench(4, { ...OUTLIERS, failurePercent: 50, requestsMin: 10 });
  const none = (): number => 0;
  bench.board.sweep(none, bench.nowMs);
  for (const [node, script] of ["eaeeeaeeea", "eeeaeeeaee", "eaaaaaaaaa", "eaeaeaeaea"].entries()) {
    bench.answers(node, script);
  }
  bench.nowMs += 10_000;
  const reasons = bench.board.sweep(none, bench.nowMs).map(({ node, reason }) => `${node}: ${reason}`);
  expect(reasons).toEqual(["1: 80.0 % of 10 attempts failed", "0: 70.0 % of 10 attempts failed"]);
  expect(bench.health).toBe("eehh");
});

test("phi is the tail of the normal distribution, in tens", () => {
  // Exact values: -log10(1 - Phi(y)).
  for (const [deviations, phi] of [
    [-3, 0.0006],
    [0, 0.301],
    [1, 0.7995],
    [2, 1.643],
    [3, 2.8697],
  ] as const) {
    expect(Math.abs(phiOf(deviations) - phi)).toBeLessThan(0.05);
  }
  expect(phiOf(60)).toBeGreaterThan(600);
  const node = new PhiAccrual(10);
  for (let count = 0; count < 19; count++) node.answered(100);
  expect(node.phi(10_000)).toBe(0);
  for (let count = 0; count < 400; count++) node.answered(count % 2 === 0 ? 90 : 110);
  expect(Math.abs(node.phi(100) - 0.301)).toBeLessThan(0.02);
  expect([node.phi(150) < 8, node.phi(160) > 8]).toEqual([true, true]);
});

class Silence {
  readonly board = new NodeHealthBoard(4, HEALTH_PROFILES.demo, {
    ...OUTLIERS,
    silencePhi: 8,
    silenceDeviationMinMs: 20,
  });
  nowMs = 0;

  constructor() {
    for (let node = 0; node < 4; node++) {
      for (let pass = 0; pass < 2; pass++) this.board.check(node, "passed", 0, 0);
      for (let count = 0; count < 30; count++)
        this.board.attempt(node, "answered", count * 10, count * 10 + 5);
    }
    this.nowMs = 1_000;
  }

  /** The first moment at which one of `nodes`, which all owe an answer, goes out. */
  outAfterMs(nodes: readonly number[]): number | undefined {
    const fromMs = this.nowMs;
    for (const node of nodes) this.board.asked(node, 0, fromMs);
    for (; this.nowMs < fromMs + 5_000; this.nowMs += 1) {
      const inFlight = (node: number): number => Number(nodes.includes(node));
      if (this.board.sweep(inFlight, this.nowMs).length > 0) return this.nowMs - fromMs;
    }
    return undefined;
  }
}

test("a node that owes an answer is out when its silence is too unlikely, and is asked again at once", () => {
  const silence = new Silence();
  // 5 ms and 5.2 deviations of 20 ms.
  expect(silence.outAfterMs([1])).toBeGreaterThan(105);
  expect(silence.nowMs).toBeLessThan(1_130);
  expect(silence.board.health(1)).toBe("ejected");
  const idle = new Silence();
  expect(idle.outAfterMs([])).toBe(undefined);
});

test("silences know the cap of silences, and none is counted across a stall of the gateway's own", () => {
  const all = new Silence();
  all.outAfterMs([0, 1, 2, 3]);
  expect([0, 1, 2, 3].map((node) => all.board.health(node))).toEqual([
    "ejected",
    "ejected",
    "healthy",
    "healthy",
  ]);
  const stalled = new Silence();
  stalled.board.asked(0, 0, stalled.nowMs);
  stalled.board.noteStall(stalled.nowMs + 4_000);
  stalled.nowMs += 4_050;
  expect(stalled.board.sweep(() => 1, stalled.nowMs)).toEqual([]);
});

const PROBED = { ...OUTLIERS, probeIntervalMs: 1_000 };

test("a node that is out gets a probe when its time is over, one at a time, later and later", () => {
  const bench = new Bench(4, PROBED);
  bench.answers(0, "eeeee");
  const sinceMs = bench.nowMs;
  const due: number[] = [];
  for (; bench.nowMs < sinceMs + 40_000; bench.nowMs += 100) {
    if (!bench.board.isProbeDue(0, bench.nowMs)) continue;
    due.push(bench.nowMs - sinceMs);
    bench.board.probed(0, bench.nowMs);
    bench.board.attempt(0, "refused", bench.nowMs, bench.nowMs);
  }
  expect(due).toEqual([30_000, 31_000, 33_000, 36_000]);
});

test("an answer to a probe brings a node back; one to a question from before it went out does not", () => {
  const bench = new Bench(4, PROBED);
  bench.board.attempt(0, "reset", 0, 500);
  expect(bench.board.attempt(0, "answered", 400, 600)).toBe(undefined);
  expect(bench.board.attempt(0, "answered", 1_500, 1_501)?.reason).toBe("a probe was answered");
  expect([bench.health, bench.board.isProbeDue(0, 99_999)]).toEqual(["hhhh", false]);
  const without = new Bench(4);
  without.board.attempt(0, "reset", 0, 500);
  expect(without.board.attempt(0, "answered", 1_500, 1_501)).toBe(undefined);
  expect(without.board.isProbeDue(0, 99_999)).toBe(false);
});

test("where checks see what clients see they may end an ejection", () => {
  const bench = new Bench(4, { ...OUTLIERS, isEndedByChecks: true });
  bench.answers(0, "eeeee");
  bench.nowMs += 1;
  bench.prove(0);
  expect(bench.health).toBe("hhhh");
});
