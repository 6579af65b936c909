/** Who keeps the pace, and who is waited for. */
import { expect, test } from "vitest";
import { PaceWatch } from "#gateway/listener/pace.ts";

const PACE = { bytesPerSecond: 100, graceMs: 5_000 };

/** Looks once a second; `bytesAt` of the seconds since the start, `isWaitedFor` likewise. The second in which it is too slow. */
function cutAfterS(
  bytesAt: (second: number) => number,
  isWaitedFor: (second: number) => boolean = () => true,
): number | undefined {
  const watch = new PaceWatch();
  for (let second = 0; second < 100; second++) {
    if (watch.isTooSlow(bytesAt(second), isWaitedFor(second), second * 1_000, PACE)) return second;
  }
  return undefined;
}

test("nothing at all, or too little, is cut at the end of the grace", () => {
  expect(cutAfterS(() => 0)).toBe(5);
  expect(cutAfterS((second) => second * 99)).toBe(5);
  expect(cutAfterS((second) => second * 100)).toBe(undefined);
});

test("who has kept the pace has the whole grace anew", () => {
  expect(cutAfterS((second) => Math.min(second, 8) * 200)).toBe(15);
});

test("only the time in which it is waited for counts", () => {
  expect(
    cutAfterS(
      () => 0,
      (second) => second % 4 !== 0,
    ),
  ).toBe(undefined);
  expect(
    cutAfterS(
      () => 0,
      (second) => second > 20,
    ),
  ).toBe(26);
});
