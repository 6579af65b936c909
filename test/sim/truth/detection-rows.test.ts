/** Windows between a silent failure and its detection, by the state machines that nodes and routers run. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { detectionRows } from "#sim/truth/detection-rows.ts";
import { bfdDetectionMs, checkLoopDetectionMs, holdTimerDetectionMs } from "#sim/truth/silent-failures.ts";

test.for(detectionRows())("$quantity: $expected", ({ verdict, got }) => {
  expect({ verdict, got }).toEqual({ verdict: "equal", got: "120 of 120 failures equal" });
});

test("a hold timer runs from the last KEEPALIVE that arrived", () => {
  expect(holdTimerDetectionMs(9, 3_000)).toBe(9_000);
  expect(holdTimerDetectionMs(9, 5_999)).toBe(6_001);
  expect(holdTimerDetectionMs(9, 6_000)).toBe(9_000);
});

test("BFD detects all over its window, not at one end of it", () => {
  const prng = new Prng(1);
  const detected = Array.from({ length: 300 }, (_, moment) =>
    bfdDetectionMs({ multiplier: 3, intervalMs: 300 }, moment, prng),
  );
  expect(Math.min(...detected)).toBeLessThan(660);
  expect(Math.max(...detected)).toBeGreaterThan(840);
});

test("a checker in a black hole waits for its timeout each time", () => {
  const loop = { intervalMs: 5_000, fastMs: 1_000, failuresToFall: 3, failingCheckMs: 5_000 };
  expect(checkLoopDetectionMs(loop, 1)).toBe(4_999 + 5_000 + 1_000 + 5_000 + 1_000 + 5_000);
  expect(checkLoopDetectionMs({ ...loop, failingCheckMs: 0 }, 5_000)).toBe(2_000);
});
