import { expect, test } from "vitest";
import { Executions } from "#edge-nodes/executions.ts";

test("the oldest keys are forgotten, and how many is told", () => {
  const executions = new Executions();
  for (let index = 0; index < 100_002; index++) executions.record(`key-${index}`);
  const { keys, forgotten } = executions.report();
  expect(forgotten).toBe(2);
  expect(Object.keys(keys).length).toBe(100_000);
  expect([keys["key-0"], keys["key-1"], keys["key-2"]]).toEqual([undefined, undefined, 1]);
});
