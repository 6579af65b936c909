/** One word for how well something is: every boundary. */
import { expect, test } from "vitest";
import { levelOf, worstOf } from "#gateway/health/levels.ts";

test.each([
  [1, 0.8, "healthy"],
  [0.8, 0.8, "healthy"],
  [0.799, 0.8, "degraded"],
  [0.56, 0.8, "degraded"],
  [0.559, 0.8, "unhealthy"],
  [0.24, 0.8, "unhealthy"],
  [0.239, 0.8, "critical"],
  [0, 0.8, "critical"],
  [1, 1, "healthy"],
  [0.999, 1, "degraded"],
  [0.7, 1, "degraded"],
  [0.699, 1, "unhealthy"],
  [0.3, 1, "unhealthy"],
  [0.299, 1, "critical"],
  [0.7 * 0.3, 0.3, "degraded"],
  [0.3 * 0.7, 0.7, "unhealthy"],
  [undefined, 0.8, "critical"],
  [Number.NaN, 0.8, "critical"],
] as const)("score %s of %s is %s", (score, threshold, level) =>
  expect(levelOf(score, threshold)).toBe(level),
);

test("a threshold of nothing is a bug", () => expect(() => levelOf(1, 0)).toThrow("threshold 0"));

test("the worst of all; of nothing the worst there is", () => {
  expect(worstOf(["healthy", "degraded", "healthy"])).toBe("degraded");
  expect(worstOf(["healthy", "critical", "unhealthy"])).toBe("critical");
  expect(worstOf(["healthy"])).toBe("healthy");
  expect(worstOf([])).toBe("critical");
});
