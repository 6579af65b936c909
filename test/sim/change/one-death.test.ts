/** One death on each way to serve: laws hold over many draws, and anycast is what is played message by message. */
import { describe, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import type { Detection } from "#sim/change/detection.ts";
import { playDeath, type ClientLoss, type Service } from "#sim/change/one-death.ts";
import { DELAY_US, serviceOnDiamond } from "./service-on-diamond.ts";

const SECOND_US = 1_000_000;
const TTL_US = 60 * SECOND_US;
const CHECK: Detection = {
  kind: "check",
  intervalUs: 5 * SECOND_US,
  fastUs: 5 * SECOND_US,
  failures: 3,
  checkUs: 2 * SECOND_US,
};
/** U(0, 5) + 3 x 2 + 2 x 5 s. */
const CHECK_WINDOW_US = [16 * SECOND_US, 21 * SECOND_US] as const;
const RUNS = 400;

/** AS 10 and AS 30 are nearest to west and routed there or not; AS 20 is at east. */
function service(changed: Partial<Service> = {}): Service {
  const { base, west, east, ten, twenty, thirty } = serviceOnDiamond();
  return {
    graph: base.graph,
    sites: [west, east],
    solved: base.solved,
    routersFrom: base.graph.vertexCount,
    timing: base.timing,
    servers: 2,
    detection: CHECK,
    steering: { kind: "anycast" },
    clients: [
      { vertex: ten, rttUs: [10_000, 40_000] },
      { vertex: twenty, rttUs: [40_000, 10_000] },
      { vertex: thirty, rttUs: [20_000, undefined] },
    ],
    ...changed,
  };
}

function runsOf(of: Service, death: Parameters<typeof playDeath>[1]): ClientLoss[][] {
  return Array.from({ length: RUNS }, (_, run) => playDeath(of, death, new Prng(7).fork(`${run}`)));
}

function spanOf(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

/** All over the window, and nowhere else. */
function expectWindow(values: readonly number[], [min, max]: readonly [number, number]): void {
  const [least, most] = spanOf(values);
  const slack = (max - min) / 20;
  expect(least).toBeGreaterThanOrEqual(min);
  expect(least).toBeLessThan(min + slack);
  expect(most).toBeLessThanOrEqual(max);
  expect(most).toBeGreaterThan(max - slack);
}

describe("a server of two", () => {
  test("half of the requests of its site fail until the checks have found it, and nobody else's", () => {
    const runs = runsOf(service(), { at: 0, of: "server" });
    for (const [ten, twenty] of runs) {
      expect(ten!.lostUs).toBe(ten!.servedAgainUs / 2);
      expect(twenty).toMatchObject({ isAffected: false, lostUs: 0, rttBeforeUs: 10_000, rttAfterUs: 10_000 });
    }
    expectWindow(
      runs.map(([ten]) => ten!.servedAgainUs),
      CHECK_WINDOW_US,
    );
  });

  test("that nobody looks at fails until somebody repairs it", () => {
    const [ten] = playDeath(service({ detection: undefined }), { at: 0, of: "server" }, new Prng(1));
    expect(ten).toMatchObject({ isAffected: true, lostUs: Infinity, servedAgainUs: Infinity });
  });

  test("the only one of its site is the site", () => {
    const death = { at: 0, of: "server" } as const;
    const alone = playDeath(service({ servers: 1 }), death, new Prng(1));
    expect(alone).toEqual(playDeath(service({ servers: 1 }), { ...death, of: "site" }, new Prng(1)));
  });
});

test("the only site: everybody, until somebody repairs it", () => {
  const { west } = serviceOnDiamond();
  const one = service({
    sites: [west],
    clients: service().clients.map((client) => ({ ...client, rttUs: [1] })),
  });
  for (const loss of playDeath(one, { at: 0, of: "site" }, new Prng(1))) {
    expect(loss).toEqual({
      isAffected: true,
      lostUs: Infinity,
      servedAgainUs: Infinity,
      rttBeforeUs: 1,
      rttAfterUs: undefined,
    });
  }
});

describe("a site, found by DNS", () => {
  const byDns = service({ steering: { kind: "dns", ttlUs: TTL_US } });

  test("its clients wait for the checks and for what their resolver still keeps, each for itself", () => {
    const runs = runsOf(byDns, { at: 0, of: "site" });
    const [least, most] = spanOf(runs.map(([ten]) => ten!.lostUs));
    expect(least).toBeGreaterThanOrEqual(CHECK_WINDOW_US[0]);
    expect(least).toBeLessThan(CHECK_WINDOW_US[0] + 0.1 * TTL_US);
    expect(most).toBeLessThanOrEqual(CHECK_WINDOW_US[1] + TTL_US);
    expect(most).toBeGreaterThan(CHECK_WINDOW_US[0] + 0.9 * TTL_US);
    const mean = runs.reduce((sum, [ten]) => sum + ten!.lostUs, 0) / RUNS / SECOND_US;
    // 16 + 2.5 + 30, give or take three standard errors of a uniform minute.
    expect(Math.abs(mean - 48.5)).toBeLessThan((3 * 60) / Math.sqrt(12 * RUNS));
    // AS 30 is nearest to west too, with another resolver.
    expect(runs[0]![2]!.lostUs).not.toBe(runs[0]![0]!.lostUs);
  });

  test("then they go to the nearest that is left; others notice nothing", () => {
    const [ten, twenty, thirty] = playDeath(byDns, { at: 0, of: "site" }, new Prng(1));
    expect(ten).toMatchObject({ isAffected: true, rttBeforeUs: 10_000, rttAfterUs: 40_000 });
    expect(twenty).toMatchObject({ isAffected: false, lostUs: 0, rttBeforeUs: 10_000, rttAfterUs: 10_000 });
    expect(thirty).toMatchObject({ isAffected: true, rttBeforeUs: 20_000, rttAfterUs: undefined });
  });
});

describe("a site, found by anycast", () => {
  test("its clients wait for the checks and for BGP to reach them", () => {
    const runs = runsOf(service(), { at: 0, of: "site" });
    expectWindow(
      runs.map(([ten]) => ten!.lostUs - DELAY_US),
      CHECK_WINDOW_US,
    );
    const [ten, twenty, thirty] = runs[0]!;
    expect(ten).toMatchObject({ isAffected: true, rttBeforeUs: 10_000, rttAfterUs: 40_000 });
    expect(twenty).toMatchObject({ isAffected: false, lostUs: 0 });
    // AS 30 had both, and its provider's AS 10 carries it over as soon as that has heard.
    expect(thirty!.lostUs).toBe(ten!.lostUs);
  });

  test("that nobody finds out is lost for its clients until somebody repairs it", () => {
    const [ten, twenty] = playDeath(service({ detection: undefined }), { at: 0, of: "site" }, new Prng(1));
    expect(ten).toMatchObject({ isAffected: true, lostUs: Infinity });
    expect(twenty).toMatchObject({ isAffected: false, lostUs: 0 });
  });
});
