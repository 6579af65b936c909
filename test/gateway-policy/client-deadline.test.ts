/** How long a client says it waits, and what it may not say. */
import { expect, test } from "vitest";
import { clientDeadlineMs } from "#gateway/forward/client-deadline.ts";

test.each([
  [[], 1_000],
  [["x-wait", "200"], 200],
  [["X-Wait", "200"], 200],
  [["x-wait", "5000"], 1_000],
  [["x-wait", "300", "x-wait", "200"], 200],
  [["x-wait", "0"], 1_000],
  [["x-wait", "-1"], 1_000],
  [["x-wait", "1e2"], 1_000],
  [["x-wait", "200ms"], 1_000],
  [["x-wait", ""], 1_000],
  [["x-wait", "99999999999999"], 1_000],
  [["x-waits", "200", "a", "x-wait"], 1_000],
] as const)("%j", (fields, expectedMs) => {
  expect(clientDeadlineMs(fields, "x-wait", 1_000)).toBe(expectedMs);
});
