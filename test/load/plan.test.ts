import fc from "fast-check";
import { expect, test } from "vitest";
import { Plan, type PlannedRequest, type PlanShape } from "#loadtest/load/plan.ts";

const SHAPE: PlanShape = {
  rate: 500,
  warmUpMs: 1_000,
  durationMs: 28_000,
  vantageCount: 14,
  freshPercent: 50,
  postPercent: 5,
  seed: 7,
};

function all(shape: PlanShape): PlannedRequest[] {
  const plan = new Plan(shape);
  const requests: PlannedRequest[] = [];
  for (let request = plan.take(); request !== undefined; request = plan.take()) requests.push(request);
  return requests;
}

test("the warm-up comes first and the counted part is as long as it was asked for", () => {
  const plan = new Plan(SHAPE);
  expect([plan.warmUpCount, plan.count]).toEqual([500, 14_500]);
  expect(all(SHAPE).map(({ index }) => index)).toEqual(Array.from({ length: 14_500 }, (_, index) => index));
});

test("vantages, cohorts and methods get their shares, exactly", () => {
  const requests = all(SHAPE).slice(0, 14_000);
  for (let vantage = 0; vantage < 14; vantage++) {
    const own = requests.filter((request) => request.vantage === vantage);
    expect(own).toHaveLength(1_000);
    const fresh = own.filter(({ cohort }) => cohort === "fresh");
    expect(fresh).toHaveLength(500);
    expect(fresh.filter(({ method }) => method === "POST")).toHaveLength(25);
    expect(own.filter(({ method }) => method === "POST")).toHaveLength(50);
  }
});

test("cut anywhere, no vantage is more than one request ahead of another", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.nat(1_000), (length, seed) => {
      const counts = Array.from({ length: 14 }, () => 0);
      for (const { vantage } of all({ ...SHAPE, durationMs: 10_000, seed }).slice(0, length))
        counts[vantage]! += 1;
      return Math.max(...counts) - Math.min(...counts) <= 1;
    }),
    { numRuns: 50 },
  );
});

test("the same seed gives the same plan, another seed another order", () => {
  expect(all(SHAPE)).toEqual(all(SHAPE));
  expect(all(SHAPE)).not.toEqual(all({ ...SHAPE, seed: 8 }));
});

test("request i is due i/rate after the start, and the count of due requests agrees", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.nat(20_000), (rate, index) => {
      const plan = new Plan({ ...SHAPE, rate, warmUpMs: 0, durationMs: 60_000 });
      if (index >= plan.count) return true;
      const dueNs = plan.dueAfterNs(index);
      return (
        Math.abs(dueNs - (index * 1e9) / rate) <= 1 &&
        plan.dueCount(dueNs) === index + 1 &&
        plan.dueCount(dueNs - 1) === index
      );
    }),
  );
  expect(new Plan(SHAPE).dueCount(1e15)).toBe(14_500);
});

test("steps follow each other without a gap, each at its own rate", () => {
  const steps = [
    { rate: 100, durationMs: 1_000 },
    { rate: 1_000, durationMs: 500 },
    { rate: 10, durationMs: 2_000 },
  ];
  const plan = new Plan({ ...SHAPE, rate: 100, warmUpMs: 1_000, durationMs: 3_500, steps });
  expect([plan.warmUpCount, plan.count]).toEqual([100, 100 + 100 + 500 + 20]);
  const due = Array.from({ length: plan.count }, (_, index) => plan.dueAfterNs(index) / 1e6);
  expect([due[0], due[99], due[100], due[199]]).toEqual([0, 990, 1_000, 1_990]);
  expect([due[200], due[201], due[699]]).toEqual([2_000, 2_001, 2_499]);
  expect([due[700], due[701], due[719]]).toEqual([2_500, 2_600, 4_400]);
});

test("with steps too, what is due by a time is what the due times say", () => {
  const step = fc.record({
    rate: fc.integer({ min: 1, max: 900 }),
    durationMs: fc.integer({ min: 1, max: 900 }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), fc.nat(4_000), (steps, elapsedMs) => {
      const plan = new Plan({ ...SHAPE, rate: steps[0]!.rate, warmUpMs: 200, steps });
      const due = Array.from({ length: plan.count }, (_, index) => plan.dueAfterNs(index));
      expect(due).toEqual(due.toSorted((a, b) => a - b));
      expect(plan.dueCount(elapsedMs * 1e6)).toBe(due.filter((ns) => ns <= elapsedMs * 1e6).length);
    }),
    { numRuns: 200 },
  );
});
