import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NodeHealthBoard, type AttemptSign, type CheckSign } from "#gateway/health/node-health.ts";
import { severityOf } from "#gateway/health/severity.ts";
import { HEALTH_PROFILES, worstCaseDetectionMs } from "#gateway/health/profiles.ts";

const PROFILE = HEALTH_PROFILES.demo;

/**
 * One node of four, one step a letter, 10 ms apart. Checks: `p` passed, `t` timed out, `x` failed, `d` says draining.
 * Attempts: `a` answered, `s` silent, `r` reset, `c` refused. `D`, `U` drained and undrained by the operator.
 */
function run(script: string): string {
  const board = new NodeHealthBoard(4, PROFILE);
  let nowMs = 0;
  for (const letter of script) {
    nowMs += 10;
    step(board, 0, letter, nowMs);
  }
  return board.health(0);
}

const CHECKS: Readonly<Record<string, CheckSign>> = { p: "passed", t: "timeout", x: "failed", d: "draining" };
const ATTEMPTS: Readonly<Record<string, AttemptSign>> = {
  a: "answered",
  s: "silent",
  r: "reset",
  c: "refused",
};

function step(board: NodeHealthBoard, node: number, letter: string, nowMs: number): void {
  if (letter in CHECKS) board.check(node, CHECKS[letter]!, nowMs - 1, nowMs);
  else if (letter in ATTEMPTS) board.attempt(node, ATTEMPTS[letter]!, nowMs - 1, nowMs);
  else if (letter === "D") board.drain(node);
  else board.undrain(node);
}

test.each([
  ["", "unproven"],
  ["p", "unproven"],
  ["pp", "healthy"],
  ["pxp", "unproven"],
  ["ppr", "ejected"],
  ["ppc", "ejected"],
  ["c", "ejected"],
  ["pprp", "ejected"],
  ["pprpp", "healthy"],
  ["pprpxp", "ejected"],
  ["pprpxpp", "healthy"],
  ["ppraaaa", "ejected"],
  ["ppss", "healthy"],
  ["ppsss", "ejected"],
  ["ppssasas", "healthy"],
  ["ppxx", "healthy"],
  ["ppxxx", "unhealthy"],
  ["ppxxpx", "healthy"],
  ["ppxxxpp", "healthy"],
  ["ppd", "draining"],
  ["ppdd", "draining"],
  ["ppdp", "draining"],
  ["ppdpp", "healthy"],
  ["ppdxxx", "unhealthy"],
  ["ppdr", "ejected"],
  ["ppD", "draining"],
  ["ppDpp", "draining"],
  ["ppDU", "healthy"],
  ["ppDr", "ejected"],
  ["ppDrpp", "draining"],
  ["xxx", "unhealthy"],
])("after %s the node is %s", (script, expected) => expect(run(script)).toBe(expected));

test("a node out of rotation returns only by M passed checks in a row that began after it went out", () => {
  const letters = fc.constantFrom("p", "t", "x", "a", "s", "r", "c");
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 60 }), (script) => {
      const board = new NodeHealthBoard(4, PROFILE);
      let nowMs = 0;
      let passes = 0;
      for (const letter of script) {
        nowMs += 10;
        const before = board.health(0);
        step(board, 0, letter, nowMs);
        const after = board.health(0);
        if ("ptx".includes(letter)) passes = letter === "p" ? passes + 1 : 0;
        if (before !== after && (after === "ejected" || after === "unhealthy")) passes = 0;
        if (before !== "healthy" && after === "healthy") {
          expect(passes).toBeGreaterThanOrEqual(PROFILE.healthyThreshold);
        }
        expect(board.isEligible(0)).toBe(after === "healthy" || after === "unproven");
      }
    }),
  );
});

test("an answer to a check that was asked before the ejection does not count", () => {
  const board = new NodeHealthBoard(2, PROFILE);
  for (const nowMs of [10, 20]) board.check(0, "passed", nowMs - 1, nowMs);
  board.attempt(0, "reset", 99, 100);
  board.check(0, "passed", 95, 105);
  board.check(0, "passed", 96, 106);
  expect(board.health(0)).toBe("ejected");
  board.check(0, "passed", 107, 108);
  board.check(0, "passed", 109, 110);
  expect(board.health(0)).toBe("healthy");
});

test("an ejection by traffic asks for a check at once, one by checks does not", () => {
  const board = new NodeHealthBoard(2, PROFILE);
  expect(board.attempt(0, "refused", 1, 2)).toMatchObject({
    from: "unproven",
    to: "ejected",
    checkNow: true,
    reason: "refused",
  });
  board.check(1, "failed", 1, 2);
  board.check(1, "failed", 3, 4);
  expect(board.check(1, "failed", 5, 6)).toMatchObject({ to: "unhealthy", checkNow: false });
});

describe("eligibility", () => {
  test("while nothing is proven anywhere, unproven nodes take traffic", () => {
    const board = new NodeHealthBoard(2, PROFILE);
    expect([board.isEligible(0), board.isEligible(1)]).toEqual([true, true]);
    for (const nowMs of [1, 2]) board.check(0, "passed", nowMs, nowMs);
    expect([board.isEligible(0), board.isEligible(1)]).toEqual([true, false]);
    board.attempt(0, "reset", 3, 4);
    expect([board.isEligible(0), board.isEligible(1)]).toEqual([false, false]);
    expect(board.isReluctant(1)).toBe(true);
  });

  test("a drained node takes none and is a last resort", () => {
    const board = new NodeHealthBoard(1, PROFILE);
    board.drain(0);
    expect([board.isEligible(0), board.isReluctant(0)]).toEqual([false, true]);
  });
});

describe("silence", () => {
  function provenBoard(nodeCount: number): NodeHealthBoard {
    const board = new NodeHealthBoard(nodeCount, PROFILE);
    for (let node = 0; node < nodeCount; node++) {
      for (const nowMs of [1, 2]) board.check(node, "passed", nowMs, nowMs);
    }
    return board;
  }

  function outCount(board: NodeHealthBoard, nodeCount: number): number {
    return Array.from({ length: nodeCount }, (_, node) => board.isEligible(node)).filter((is) => !is).length;
  }

  test.each([
    [1, 1],
    [2, 1],
    [3, 1],
    [18, 9],
  ])("when all of %i nodes look silent, %i are taken out", (nodeCount, expected) => {
    for (const how of ["attempts", "checks"]) {
      const board = provenBoard(nodeCount);
      for (let round = 0; round < 5; round++) {
        for (let node = 0; node < nodeCount; node++) {
          const nowMs = 100 + round * 100 + node;
          if (how === "attempts") board.attempt(node, "silent", nowMs - 1, nowMs);
          else board.check(node, "timeout", nowMs - 1, nowMs);
        }
      }
      expect([how, outCount(board, nodeCount)]).toEqual([how, expected]);
    }
  });

  test("refused and reset connections take out all of them", () => {
    const board = provenBoard(18);
    for (let node = 0; node < 18; node++) board.attempt(node, node % 2 ? "reset" : "refused", 9, 10);
    expect(outCount(board, 18)).toBe(18);
  });

  test("a place under the cap is free again when a silent node returns", () => {
    const board = provenBoard(2);
    for (const nowMs of [10, 20, 30]) board.attempt(0, "silent", nowMs, nowMs);
    for (const nowMs of [40, 50, 60]) board.attempt(1, "silent", nowMs, nowMs);
    expect([board.health(0), board.health(1)]).toEqual(["ejected", "healthy"]);
    for (const nowMs of [70, 80]) board.check(0, "passed", nowMs, nowMs);
    board.attempt(1, "silent", 90, 90);
    expect([board.health(0), board.health(1)]).toEqual(["healthy", "ejected"]);
  });

  test("what was observed across a stall of the gateway itself is no silence", () => {
    const board = provenBoard(4);
    board.noteStall(500);
    for (let round = 0; round < 5; round++) {
      board.attempt(0, "silent", 400, 510 + round);
      board.check(0, "timeout", 400, 510 + round);
    }
    expect(board.health(0)).toBe("healthy");
    for (let round = 0; round < 3; round++) board.attempt(0, "silent", 520, 600 + round);
    expect(board.health(0)).toBe("ejected");
  });
});

test.each([
  ["seed-000", 35_000],
  ["seed-001", 17_000],
  ["seed-004", 35_000],
  ["demo", 400],
] as const)("profile %s notices a silent death within %i ms by checks alone", (name, expected) => {
  const profile = HEALTH_PROFILES[name];
  expect(worstCaseDetectionMs(profile)).toBe(expected);
  // The formula against the machine: it dies right after a passed check; checks start every interval.
  const board = new NodeHealthBoard(2, profile);
  for (let pass = 0; pass < profile.healthyThreshold; pass++) board.check(0, "passed", 0, 0);
  let startedMs = 0;
  let endedMs = 0;
  while (board.health(0) === "healthy") {
    startedMs += profile.intervalMs;
    endedMs = startedMs + profile.timeoutMs;
    board.check(0, "timeout", startedMs, endedMs);
  }
  expect(endedMs).toBe(expected);
});

test.each([
  ["healthy", 3, 3, "info"],
  ["draining", 0, 1, "info"],
  ["unproven", 0, 1, "info"],
  ["ejected", 0, 1, "critical"],
  ["unhealthy", 0, 4, "critical"],
  ["ejected", 2, 4, "major"],
  ["unhealthy", 3, 4, "minor"],
] as const)("%s, with %d of %d nodes of the site left: %s", (to, healthy, total, severity) => {
  expect(severityOf(to, { healthy, total })).toBe(severity);
});
