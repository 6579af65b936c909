/** Limits that follow what nodes can carry, before a simulated server with a knee, on virtual time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AimdLimit } from "#gateway/admission/aimd-limit.ts";
import type { ConcurrencyLimit } from "#gateway/admission/concurrency-limit.ts";
import { GradientLimit } from "#gateway/admission/gradient-limit.ts";
import { SampleWindow } from "#gateway/admission/sample-window.ts";
import { Simulation, type Server } from "./simulated-server.ts";

const OPTIONS = {
  activeMin: 4,
  activeInitial: 20,
  activeMax: 1_000,
  windowMs: 250,
  samplesMin: 100,
  tolerance: 1.5,
  measureIntervalMs: 30_000,
  latencyMaxMs: 40,
};

type Options = Partial<typeof OPTIONS>;

const gradient = (options: Options = {}, aheadMs = 0): GradientLimit =>
  new GradientLimit({ ...OPTIONS, ...options }, aheadMs, 0);
const aimd = (options: Options = {}): AimdLimit => new AimdLimit({ ...OPTIONS, ...options }, 0);

const ALGORITHMS: readonly [string, (options?: Options) => ConcurrencyLimit][] = [
  ["gradient", gradient],
  ["aimd", aimd],
];

/** Fifty at the same time, 10 ms each: the knee is at 50, and 5,000 a second is all. */
function serverOf(server: Partial<Server> = {}): Server {
  return { workers: 50, serviceMs: 10, slowPercent: 0, ...server };
}

describe.each(ALGORITHMS)("%s", (_name, create) => {
  test("finds the knee from below, under twice the load: the server is busy, answers are not slow", () => {
    const sim = new Simulation(serverOf(), [create()], 1);
    sim.run(30_000, 10_000);
    const { served, medianMs, limitMin } = sim.run(30_000, 10_000);
    expect(served).toBeGreaterThan(0.985 * 5_000 * 30);
    expect(medianMs).toBeLessThan(40);
    expect(limitMin).toBeGreaterThan(25);
  });

  test("finds it from far above", () => {
    const sim = new Simulation(serverOf({ workers: 20 }), [create({ activeInitial: 400 })], 1);
    sim.run(20_000, 4_000);
    const { served, medianMs } = sim.run(20_000, 4_000);
    expect(served).toBeGreaterThan(0.985 * 2_000 * 20);
    expect(medianMs).toBeLessThan(40);
  });

  test("follows a server that loses nine tenths of itself, and gets them back", () => {
    const server = serverOf();
    const sim = new Simulation(server, [create()], 1);
    sim.run(20_000, 8_000);
    server.workers = 5;
    sim.run(15_000, 8_000);
    const small = sim.run(10_000, 8_000);
    expect(small.medianMs).toBeLessThan(40);
    expect(small.served).toBeGreaterThan(0.97 * 500 * 10);
    server.workers = 50;
    sim.run(15_000, 8_000);
    expect(sim.run(10_000, 8_000).served).toBeGreaterThan(0.97 * 5_000 * 10);
  });

  test("does not collapse while hardly anybody comes", () => {
    const sim = new Simulation(serverOf(), [create()], 1);
    sim.run(20_000, 8_000);
    const before = sim.limits[0]!.limit;
    expect(sim.run(600_000, 2).shed).toBe(0);
    expect(sim.limits[0]!.limit).toBeGreaterThan(before * 0.4);
    // 40 under way on average: a burst of that finds room.
    expect(sim.run(2_000, 4_000).shed).toBeLessThan(400);
  });

  test("two gateways before one server come to about equal shares, the later one too", () => {
    const limits = [create(), create({ activeInitial: 100 })];
    const sim = new Simulation(serverOf(), limits, 1);
    sim.run(20_000, [8_000, 0.001]);
    sim.run(50_000, [6_000, 6_000]);
    const { medianMs } = sim.run(20_000, [6_000, 6_000]);
    expect(medianMs).toBeLessThan(40);
    const [first, second] = limits.map(({ limit }) => limit);
    expect(Math.max(first!, second!) / Math.min(first!, second!)).toBeLessThan(2.5);
  });

  test("is never outside of its bounds, whatever is seen, and a whole number", () => {
    const sample = fc.record({
      tookMs: fc.oneof(fc.nat(100), fc.double({ min: 0, max: 1e6, noNaN: true })),
      active: fc.integer({ min: 1, max: 2_000 }),
      isLost: fc.boolean(),
      afterMs: fc.oneof(fc.nat(20), fc.nat(100_000)),
    });
    fc.assert(
      fc.property(
        fc.array(sample, { maxLength: 500 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 0, max: 50 }),
        (samples, activeMin, room) => {
          const activeMax = activeMin + room;
          const bounds = { activeMin, activeInitial: activeMin, activeMax, samplesMin: 10, windowMs: 50 };
          const limit = create({ ...bounds, measureIntervalMs: 1_000 });
          let nowMs = 0;
          for (const { afterMs, ...seen } of samples) {
            nowMs += afterMs;
            limit.sample(seen, nowMs);
            expect(limit.limit).toBeGreaterThanOrEqual(activeMin);
            expect(limit.limit).toBeLessThanOrEqual(activeMax);
            expect(Number.isInteger(limit.limit)).toBe(true);
          }
        },
      ),
    );
  });
});

describe("gradient, where others are complained about", () => {
  test("a server that is slower, without a queue, gets its limit back within seconds", () => {
    const server = serverOf();
    const sim = new Simulation(server, [gradient()], 1);
    sim.run(10_000, 1_500);
    server.serviceMs = 30;
    sim.run(6_000, 1_500);
    expect(sim.run(20_000, 1_500).shed).toBe(0);
    server.serviceMs = 10;
    expect(sim.run(20_000, 1_500).shed).toBe(0);
  });

  test("the floor does not drift under a load that never ends", () => {
    const limit = gradient({ measureIntervalMs: 5_000 });
    const sim = new Simulation(serverOf(), [limit], 1);
    sim.run(100_000, 6_000);
    expect(limit.floorMs).toBeGreaterThan(8);
    expect(limit.floorMs).toBeLessThan(12);
  });

  test("measuring turns away little, and nothing where the limit is not in use", () => {
    const sim = new Simulation(serverOf(), [gradient()], 1);
    sim.run(20_000, 1_500);
    expect(sim.run(120_000, 1_500)).toMatchObject({ shed: 0 });
    // All that can be served comes, and a bit: what is lost to four measurements in two minutes is less than a hundredth.
    sim.run(20_000, 5_500);
    expect(sim.run(120_000, 5_500).served).toBeGreaterThan(0.99 * 5_000 * 120);
  });

  test("gateways that measure together know the floor; in turns each takes the others' queue for it", () => {
    const floors = (aheads: readonly number[]): number => {
      const limits = aheads.map((aheadMs) => gradient({ measureIntervalMs: 8_000 }, aheadMs));
      const sim = new Simulation(serverOf(), limits, 1);
      sim.run(80_000, 8_000 / limits.length);
      return Math.max(...limits.map(({ floorMs }) => floorMs!));
    };
    expect(floors([0, 5, 10, 15])).toBeLessThan(13);
    expect(floors([0, 2_000, 4_000, 6_000])).toBeGreaterThan(16);
  });

  test("a third of the traffic for a path that is ten times as slow takes nothing from the others", () => {
    const limit = gradient();
    const sim = new Simulation(serverOf({ slowPercent: 30 }), [limit], 1);
    sim.run(20_000, 3_000);
    // 50 workers, 37 ms on average.
    expect(sim.run(60_000, 3_000).served).toBeGreaterThan(0.95 * (50_000 / 37) * 60);
  });

  test("a few requests say nothing: with fewer than make a window the limit stays", () => {
    const limit = gradient();
    for (let ms = 0; ms < 3_000_000; ms += 1_000)
      limit.sample({ tookMs: ms % 7_919, active: 20, isLost: false }, ms);
    expect([limit.limit, limit.floorMs]).toEqual([20, undefined]);
  });

  test("nodes that do not answer at all are no new floor", () => {
    const limit = gradient({ samplesMin: 10 });
    for (let ms = 0; ms < 60_000; ms += 5) limit.sample({ tookMs: 10, active: 20, isLost: false }, ms);
    for (let ms = 60_000; ms < 600_000; ms += 100)
      limit.sample({ tookMs: 300, active: limit.limit, isLost: true }, ms);
    expect([limit.limit, limit.floorMs]).toEqual([4, 10]);
  });
});

describe("aimd", () => {
  test("many that are lost together are one reason to go down", () => {
    const limit = aimd({ activeInitial: 100, samplesMin: 10 });
    for (let count = 0; count < 100; count++) limit.sample({ tookMs: 5_000, active: 100, isLost: true }, 300);
    expect(limit.limit).toBe(90);
  });

  test("goes by what is allowed, not by the knee: a server that is slow by itself gets the least", () => {
    const limit = aimd();
    new Simulation(serverOf({ serviceMs: 60 }), [limit], 1).run(30_000, 100);
    expect(limit.limit).toBe(OPTIONS.activeMin);
  });
});

describe("a window of samples", () => {
  const sample = (tookMs: number, active = 1, isLost = false) => ({ tookMs, active, isLost });

  test("is judged when it has lasted long enough and has enough, by its median", () => {
    const window = new SampleWindow(100, 3, 0);
    expect(window.add(sample(30, 2), 10)).toBe(undefined);
    expect(window.add(sample(10, 7), 20)).toBe(undefined);
    expect(window.add(sample(20), 30)).toBe(undefined);
    expect(window.add(sample(1_000, 1, true), 100)).toEqual({ medianMs: 20, lateMs: Infinity, activeMax: 7 });
  });

  test("lasts for twice what answers took in the one before", () => {
    const window = new SampleWindow(100, 1, 0);
    expect(window.add(sample(200), 100)?.medianMs).toBe(200);
    expect(window.add(sample(200), 499)).toBe(undefined);
    expect(window.add(sample(200), 500)?.medianMs).toBe(200);
  });

  test("that does not fill begins anew", () => {
    const window = new SampleWindow(100, 2, 0);
    window.add(sample(1), 0);
    expect(window.add(sample(5), 31_000)).toBe(undefined);
    expect(window.add(sample(5), 31_200)?.medianMs).toBe(5);
  });
});
