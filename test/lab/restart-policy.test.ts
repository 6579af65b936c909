/** How long a process that died unasked waits for its next start, and how many of its lines become events. */
import { expect, test } from "vitest";
import { LineBudget } from "#lab/line-budget.ts";
import { RestartPolicy } from "#lab/restart-policy.ts";

/** Each number is the time in ms that the process was up before it died; the answer is the delays that follow. */
function check(upsMs: readonly number[], delaysMs: readonly number[]): void {
  const policy = new RestartPolicy();
  expect(upsMs.map((upMs) => policy.died(upMs).delayMs)).toEqual(delaysMs);
}

test("a process that dies at once waits longer each time, never more than 5 s", () => {
  check([0, 0, 0, 0, 0, 0, 0, 0], [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  check(
    Array.from({ length: 2_000 }, () => 50),
    [100, 200, 400, 800, 1600, 3200, ...Array.from({ length: 1_994 }, () => 5000)],
  );
});

test("ten seconds up are forgiven, a millisecond less is not", () => {
  check([0, 0, 10_000, 0], [100, 200, 100, 200]);
  check([0, 0, 9_999], [100, 200, 400]);
});

test("an order to start begins anew", () => {
  const policy = new RestartPolicy();
  policy.died(0);
  policy.died(0);
  policy.reset();
  expect(policy.died(0)).toEqual({ attempt: 1, delayMs: 100 });
});

test("lines beyond the budget of a second are counted and told once", () => {
  const budget = new LineBudget(2);
  const told = [0, 1, 2, 3, 999, 1000, 1001].map((atMs) => budget.admit(atMs));
  expect(told.map(({ isAdmitted }) => isAdmitted)).toEqual([true, true, false, false, false, true, true]);
  expect(told.map(({ leftOut }) => leftOut)).toEqual([0, 0, 0, 0, 0, 3, 0]);
  budget.admit(1002);
  expect(budget.takeLeftOut()).toBe(1);
  expect(budget.takeLeftOut()).toBe(0);
});
