/** Nodes that answer with errors: when they go out, for how long, and how many may be out at once. */
import { expect, test } from "vitest";
import { NodeHealthBoard } from "#gateway/health/node-health.ts";
import { HEALTH_PROFILES } from "#gateway/health/profiles.ts";

const OUTLIERS = { consecutiveErrors: 5, ejectionBaseMs: 30_000, ejectionMaxMs: 90_000, shareMaxPercent: 50 };

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
