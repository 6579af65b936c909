/** Rate limits, on virtual time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Admission } from "#gateway/admission/admission.ts";
import { ClientTable } from "#gateway/admission/client-table.ts";
import { RateLimiter } from "#gateway/admission/rate-limiter.ts";

function passes(limit: { requestsPerSecond: number; burst: number }, atMs: readonly number[]): boolean[] {
  const limiter = new RateLimiter(limit);
  let dueUs = 0;
  return atMs.map((nowMs) => {
    const isPassing = limiter.mayPass(dueUs, nowMs);
    if (isPassing) dueUs = limiter.next(dueUs, nowMs);
    return isPassing;
  });
}

describe("rate limiter", () => {
  test("a burst at once, then one at a time", () => {
    expect(passes({ requestsPerSecond: 10, burst: 3 }, [0, 0, 0, 0, 99, 100, 101, 200])).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  test("less than one a second", () => {
    expect(passes({ requestsPerSecond: 0.5, burst: 1 }, [0, 1_999, 2_000, 3_999, 4_000])).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  /** The definition: in no window of any length may more pass than the rate gives and a burst. */
  test("in any window no more than its rate and a burst", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(50), { minLength: 1, maxLength: 300 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 20 }),
        (gaps, requestsPerSecond, burst) => {
          let nowMs = 0;
          const atMs = gaps.map((gap) => (nowMs += gap));
          const passed = passes({ requestsPerSecond, burst }, atMs);
          const times = atMs.filter((_, index) => passed[index]);
          for (let first = 0; first < times.length; first++) {
            for (let last = first; last < times.length; last++) {
              const allowed = burst + ((times[last]! - times[first]!) * requestsPerSecond) / 1_000;
              // Intervals are whole microseconds: a part in a thousand at the highest of these rates.
              expect(last - first + 1).toBeLessThanOrEqual(allowed * 1.001 + 1e-9);
            }
          }
        },
      ),
    );
  });

  test("who is told to wait may pass then, and not before", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 10 }),
        (requestsPerSecond, burst) => {
          const limiter = new RateLimiter({ requestsPerSecond, burst });
          let dueUs = 0;
          while (limiter.mayPass(dueUs, 0)) dueUs = limiter.next(dueUs, 0);
          const waitMs = limiter.waitMs(dueUs, 0);
          expect(limiter.mayPass(dueUs, waitMs - 0.002)).toBe(false);
          expect(limiter.mayPass(dueUs, waitMs + 0.001)).toBe(true);
        },
      ),
    );
  });
});

test("each client has its own limit, and one that is turned away uses up nothing of all", () => {
  const admission = new Admission({
    rateLimit: { requestsPerSecond: 1, burst: 3 },
    rateLimitPerClient: { requestsPerSecond: 1, burst: 1 },
    clientsMax: 10,
  });
  expect(admission.judge("a", 0)).toBe(undefined);
  for (let count = 0; count < 5; count++) {
    expect(admission.judge("a", 0)).toMatchObject({ reason: "client-rate", retryAfterS: 1 });
  }
  expect([admission.judge("b", 0), admission.judge("c", 0)]).toEqual([undefined, undefined]);
  expect(admission.judge("d", 0)).toMatchObject({ reason: "rate", retryAfterS: 1 });
  // Nor did the limit of all use up d's own.
  expect(admission.judge("d", 1_000)).toBe(undefined);
});

test("limits can be changed, and lifted", () => {
  const admission = new Admission({ rateLimit: undefined, rateLimitPerClient: undefined, clientsMax: 10 });
  expect(admission.isOn).toBe(false);
  admission.setLimits({ all: { requestsPerSecond: 1, burst: 1 }, perClient: undefined });
  expect([admission.isOn, admission.judge("a", 0), admission.judge("a", 0)?.reason]).toEqual([
    true,
    undefined,
    "rate",
  ]);
  admission.setLimits({ all: undefined, perClient: undefined });
  expect(admission.judge("a", 0)).toBe(undefined);
});

test("clients beyond the bound: the one that was quiet for longest is forgotten", () => {
  const table = new ClientTable(3);
  for (const client of ["a", "b", "c"]) table.set(client, 7);
  table.set("a", 8);
  table.set("d", 9);
  expect(["a", "b", "c", "d"].map((client) => table.get(client))).toEqual([8, 0, 7, 9]);
  expect(table.size).toBe(3);
});
