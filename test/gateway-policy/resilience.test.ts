import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PickRequest } from "#gateway/balancer/balancer.ts";
import { LeastConnections } from "#gateway/balancer/least-connections.ts";
import { causeOfCode, failureClass, mayRetry } from "#gateway/resilience/failure-class.ts";
import { HedgeDelay } from "#gateway/resilience/hedge-delay.ts";
import { RescuePlan } from "#gateway/resilience/rescue-plan.ts";
import { RetryBudget } from "#gateway/resilience/retry-budget.ts";

describe("the law of failover", () => {
  const progress = { isSent: true, isReused: true, isHeadReceived: false, isPartSentToClient: false };

  test.each([
    [{ ...progress, isSent: false }, "A"],
    [progress, "C"],
    [{ ...progress, isReused: false }, "D"],
    [{ ...progress, isHeadReceived: true }, "E"],
    [{ ...progress, isHeadReceived: true, isPartSentToClient: true }, "F"],
  ] as const)("%o is class %s", (state, expected) => expect(failureClass(state)).toBe(expected));

  /** Classes after which the request may be sent again. */
  test.each([
    ["GET", {}, "ACDE"],
    ["HEAD", {}, "ACDE"],
    ["OPTIONS", {}, "ACDE"],
    ["PUT", {}, "ACDE"],
    ["DELETE", {}, "ACDE"],
    ["POST", {}, "A"],
    ["PATCH", {}, "A"],
    ["LOCK", {}, "A"],
    ["get", {}, "A"],
    ["POST", { hasIdempotencyKey: true }, "ACDE"],
    ["POST", { isOptedIn: true }, "ACDE"],
  ])("%s %o is retried after %s", (method, extra, expected) => {
    const permit = { method, hasIdempotencyKey: false, isOptedIn: false, ...extra };
    const retried = (["A", "C", "D", "E", "F"] as const).filter((failure) => mayRetry(failure, permit));
    expect(retried.join("")).toBe(expected);
  });

  test.each([
    ["ECONNREFUSED", false, "refused"],
    ["ECONNRESET", true, "reset"],
    ["ECONNRESET", false, "refused"],
    ["UND_ERR_SOCKET", true, "reset"],
    ["UND_ERR_BODY_TIMEOUT", true, "timeout"],
    ["HPE_INVALID_CONSTANT", true, "broken"],
    [undefined, true, "broken"],
  ] as const)("%s, sent: %s, means %s", (code, isSent, expected) => {
    expect(causeOfCode(code, isSent)).toBe(expected);
  });
});

describe("the retry budget", () => {
  test("with everything down, attempts stay within 1.2 times the requests and ten a second", () => {
    const seconds = fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(seconds, fc.integer({ min: 0, max: 999 }), (requestsPerSecond, phaseMs) => {
        const budget = new RetryBudget({ percent: 20, perSecond: 10 }, phaseMs);
        let requests = 0;
        let retries = 0;
        for (const [second, count] of requestsPerSecond.entries()) {
          for (let index = 0; index < count; index++) {
            const nowMs = phaseMs + second * 1000 + Math.floor((index * 1000) / count);
            requests += 1;
            budget.deposit(nowMs);
            // Every request would be tried three times more.
            for (let attempt = 0; attempt < 3; attempt++) if (budget.withdraw(nowMs)) retries += 1;
          }
        }
        // A window's allowance may be spent at its end and the next one's at its beginning: one window of slack.
        const windows = Math.ceil(requestsPerSecond.length / 10) + 1;
        expect(retries).toBeLessThanOrEqual(requests * 0.2 + windows * 100);
      }),
      { numRuns: 50 },
    );
  });

  test("a quiet gateway may retry ten times a second", () => {
    const budget = new RetryBudget({ percent: 20, perSecond: 10 }, 0);
    let allowed = 0;
    while (budget.withdraw(5_000)) allowed += 1;
    expect(allowed).toBe(100);
    expect(budget.remainingRatio(5_000)).toBe(0);
  });

  test("what was spent comes back when its window is over, and after any silence", () => {
    for (const laterMs of [10_000, 19_999, 3_600_000]) {
      const budget = new RetryBudget({ percent: 0, perSecond: 1 }, 0);
      while (budget.withdraw(0));
      expect(budget.withdraw(9_999)).toBe(false);
      expect(budget.remainingRatio(laterMs)).toBe(1);
    }
  });
});

describe("the hedge delay", () => {
  const options = { initialMs: 150, floorMs: 50, capMs: 400 };

  /** 95 attempts of `common` and 5 of `rare` milliseconds, then the delay. */
  function delayAfter(common: number, rare: number): number {
    const delay = new HedgeDelay(options, 0);
    for (let sample = 0; sample < 100; sample++) delay.record(sample < 95 ? common : rare, 1);
    return delay.delayMs(2);
  }

  test("is the initial one until a hundred attempts were timed", () => {
    const delay = new HedgeDelay(options, 0);
    for (let sample = 0; sample < 99; sample++) delay.record(70, 1);
    expect(delay.delayMs(1)).toBe(150);
    delay.record(70, 200);
    expect(delay.delayMs(200)).toBeGreaterThanOrEqual(70);
    expect(delay.delayMs(200)).toBeLessThanOrEqual(77);
  });

  test("follows the 95th percentile, not the worst", () => {
    expect(delayAfter(100, 5_000)).toBeGreaterThanOrEqual(100);
    expect(delayAfter(100, 5_000)).toBeLessThanOrEqual(110);
  });

  test("stays between floor and cap", () => {
    expect(delayAfter(1, 1)).toBe(50);
    expect(delayAfter(10_000_000, 10_000_000)).toBe(400);
  });

  test("a further hedge comes after half the delay: two fit into 250 ms from the start", () => {
    const delay = new HedgeDelay({ ...options, capMs: 150 }, 0);
    expect(delay.delayMs(0) + delay.furtherDelayMs(0)).toBe(225);
  });

  test("forgets what is older than twenty seconds", () => {
    for (const laterMs of [20_001, 30_000, 3_600_000]) {
      const delay = new HedgeDelay(options, 0);
      for (let sample = 0; sample < 200; sample++) delay.record(300, 1);
      expect(delay.delayMs(2)).toBeGreaterThan(290);
      expect(delay.delayMs(10_002)).toBeGreaterThan(290);
      expect(delay.delayMs(10_002 + laterMs)).toBe(150);
    }
  });
});

describe("the rescue plan", () => {
  /** Two sites of two nodes: 0 1 | 2 3. */
  function plan(options: {
    eligible: readonly number[];
    reluctant?: readonly number[];
    full?: readonly number[];
  }): RescuePlan {
    const balancers = [
      [0, 1],
      [2, 3],
    ].map((nodes) => new LeastConnections(nodes.map((node) => ({ node, id: `n${node}`, weight: 1 }))));
    const hasRoom = (node: number): boolean => !(options.full ?? []).includes(node);
    return new RescuePlan({
      balancers,
      hasRoom,
      isEligible: (node) => hasRoom(node) && options.eligible.includes(node),
      isReluctant: (node) => hasRoom(node) && (options.reluctant ?? []).includes(node),
    });
  }

  function asked(excluded: readonly number[]): PickRequest {
    return { excluded, nowMs: 0, key: 0 };
  }

  /** Asks on until nobody is left. */
  function order(rescue: RescuePlan, sites: readonly number[]): string {
    const tried: number[] = [];
    const words: string[] = [];
    for (
      let next = rescue.next(sites, asked(tried));
      next !== undefined;
      next = rescue.next(sites, asked(tried))
    ) {
      tried.push(next.node);
      words.push(`${next.node}${next.isLastResort ? "!" : ""}`);
    }
    return words.join(" ");
  }

  test("another node of the site first, then the next site", () => {
    expect(order(plan({ eligible: [0, 1, 2, 3] }), [1, 0])).toBe("2 3 0 1");
  });

  test("nodes that are out come last, the reluctant before the dead, and say so", () => {
    expect(order(plan({ eligible: [3], reluctant: [1] }), [0, 1])).toBe("3 1! 0! 2!");
  });

  test("a node without a free connection is never asked", () => {
    expect(order(plan({ eligible: [0, 1, 2, 3], full: [0, 2] }), [0, 1])).toBe("1 3");
  });

  test("no site, nobody", () => expect(order(plan({ eligible: [0, 1] }), [])).toBe(""));

  test("a hedge goes to eligible nodes only", () => {
    const rescue = plan({ eligible: [1] });
    expect(rescue.nextEligible([0, 1], asked([]))).toMatchObject({ node: 1 });
    expect(rescue.nextEligible([0, 1], asked([1]))).toBeUndefined();
  });
});
