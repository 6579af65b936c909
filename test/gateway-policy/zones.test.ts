/** Zones: how much stays in the gateway's own, where the rest goes, and that a second attempt goes to another one. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { NONE, WHOLE, type Balancer, type PickRequest } from "#gateway/balancer/balancer.ts";
import { ALGORITHMS, createBalancer, isHashing, type Algorithm } from "#gateway/balancer/create-balancer.ts";
import { priorityLoads } from "#gateway/balancer/priority-load.ts";
import { SitePool } from "#gateway/balancer/site-pool.ts";
import { ownZonePercent, type ZoneOptions } from "#gateway/balancer/zone-share.ts";
import { RescuePlan } from "#gateway/resilience/rescue-plan.ts";
import { SiteSpread } from "#gateway/resilience/site-spread.ts";
import { Affinity } from "#gateway/routing/affinity.ts";

const OPTIONS: ZoneOptions = { factorPercent: 140, trafficPercent: undefined, nodesMin: 1 };

interface TestNode {
  readonly zone?: string | undefined;
  readonly weight?: number;
  readonly subsets?: readonly number[];
}

/** Node n is `nodes[n]`; the gateway stands in zone a. */
function poolOf(
  nodes: readonly TestNode[],
  {
    algorithm = "least_connections",
    down = new Set<number>(),
    own = "a",
    options = OPTIONS,
    hasMarks = false,
    seed = 1,
  }: {
    readonly algorithm?: Algorithm;
    readonly down?: ReadonlySet<number>;
    readonly own?: string | undefined;
    readonly options?: ZoneOptions;
    readonly hasMarks?: boolean;
    readonly seed?: number;
  } = {},
): SitePool {
  const prng = new Prng(seed);
  const members = nodes.map(({ zone, weight = 1_000, subsets = [] }, node) => ({
    node,
    id: `n${node}`,
    weight,
    zone,
    subsets,
  }));
  return new SitePool(members, {
    subsetCount: 3,
    own: { ...options, id: own },
    hasMarks,
    hasKeys: isHashing(algorithm),
    isHealthy: (node) => !down.has(node),
    wholeWeight: (node) => nodes[node]!.weight ?? 1_000,
    makeBalancer: (group) =>
      createBalancer(group, { algorithm, activeBias: 1, loadFactorPercent: 0 }, prng.fork("balancer")),
    prng: prng.fork("zones"),
  });
}

function asked(request: Partial<PickRequest> = {}): PickRequest {
  return { excluded: [], nowMs: 0, key: 0, ...request };
}

/** Zones as letters: `aabb`. */
function zoned(letters: string): TestNode[] {
  return letters.split("").map((zone) => ({ zone }));
}

/** How many of 10,000 requests go to each zone; each ends before the next one. */
function zoneCounts(pool: Balancer, letters: string, down: ReadonlySet<number>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let count = 0; count < 10_000; count++) {
    const key = Math.imul(count, 0x9e37_79b1) >>> 0;
    const node = pool.pick((each) => !down.has(each), asked({ key, nowMs: count }));
    const zone = letters[node]!;
    counts[zone] = (counts[zone] ?? 0) + 1;
  }
  return counts;
}

describe("the own zone's share", () => {
  /** Nodes in good health of all nodes, own zone and others, all of weight 1. */
  function share(
    own: number,
    ownAll: number,
    far: number,
    farAll: number,
    zones: number,
    options: Partial<ZoneOptions> = {},
  ): number {
    const state = { zones, ownNodes: own, own, far, farWhole: farAll, whole: ownAll + farAll };
    return ownZonePercent(state, { ...OPTIONS, ...options });
  }

  test.each<
    [what: string, percent: number, own: number, ownAll: number, far: number, farAll: number, zones: number]
  >([
    ["all is well", 100, 5, 5, 5, 5, 2],
    ["half of the own zone is left", 70, 5, 10, 10, 10, 2],
    ["72 of 100 are enough", 100, 72, 100, 100, 100, 2],
    ["71 of 100 are not", 99, 71, 100, 100, 100, 2],
    ["nobody is left in it", 0, 0, 5, 5, 5, 2],
    ["nobody is left anywhere else", 100, 1, 5, 0, 5, 2],
    ["nobody is left at all: as many as it has nodes", 25, 0, 1, 0, 3, 2],
    ["a quarter here and there", 50, 25, 100, 25, 100, 2],
    ["it has one of four nodes for half of the traffic", 70, 1, 1, 3, 3, 2],
    ["it has three of four, and one of them is out", 100, 2, 3, 1, 1, 2],
    ["the smallest of three zones", 70, 1, 1, 5, 5, 3],
    ["it is the only zone", 100, 3, 3, 0, 0, 1],
  ])("%s: %d %%", (_what, percent, own, ownAll, far, farAll, zones) => {
    expect(share(own, ownAll, far, farAll, zones)).toBe(percent);
  });

  test("traffic is what is told, not an even part", () => {
    expect(share(2, 2, 2, 2, 2, { trafficPercent: 100 })).toBe(70);
    expect(share(2, 2, 2, 2, 2, { trafficPercent: 70 })).toBe(100);
    expect(share(1, 1, 9, 9, 2, { trafficPercent: 10 })).toBe(100);
  });

  test("with fewer nodes than asked for no zone is preferred", () => {
    expect(share(1, 4, 4, 4, 2, { nodesMin: 2 })).toBe(20);
    expect(share(2, 4, 4, 4, 2, { nodesMin: 2 })).toBe(70);
  });

  test("of two zones alike it is the table of priorities", () => {
    for (let own = 0; own <= 100; own++) {
      for (let far = own === 0 ? 1 : 0; far <= 100; far++) {
        const priorities = [own, far].map((healthy) => ({ healthy, total: 100 }));
        expect(share(own, 100, far, 100, 2)).toBe(priorityLoads(priorities, 140, 0)[0]!.load);
      }
    }
  });

  test("never shrinks when a node of it comes back, nor when one of the others goes", () => {
    const nodes = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(
        nodes,
        nodes,
        fc.nat(30),
        fc.nat(30),
        fc.integer({ min: 2, max: 5 }),
        (ownAll, farAll, o, f, zones) => {
          const [own, far] = [Math.min(o, ownAll), Math.min(f, farAll)];
          fc.pre(own + far > 0);
          const before = share(own, ownAll, far, farAll, zones);
          expect(before).toBeGreaterThanOrEqual(0);
          expect(before).toBeLessThanOrEqual(100);
          if (own < ownAll) expect(share(own + 1, ownAll, far, farAll, zones)).toBeGreaterThanOrEqual(before);
          if (far > 0) expect(share(own, ownAll, far - 1, farAll, zones)).toBeGreaterThanOrEqual(before);
        },
      ),
    );
  });
});

describe.each(ALGORITHMS)("%s", (algorithm) => {
  test("stays in the own zone as long as that carries its part", () => {
    expect(zoneCounts(poolOf(zoned("aabb"), { algorithm }), "aabb", new Set())).toEqual({ a: 10_000 });
    const down = new Set([0]);
    expect(zoneCounts(poolOf(zoned("aaaabbbb"), { algorithm, down }), "aaaabbbb", down)).toEqual({
      a: 10_000,
    });
  });

  test("hands on what it cannot carry, to all other zones", () => {
    const letters = "aabbcc";
    const down = new Set([0]);
    const { a = 0, b = 0, c = 0 } = zoneCounts(poolOf(zoned(letters), { algorithm, down }), letters, down);
    // 70 % stay; five standard deviations either way.
    expect(Math.abs(a - 7_000)).toBeLessThan(230);
    expect(a + b + c).toBe(10_000);
    expect(Math.abs(b - c)).toBeLessThan(400);
  });

  test("leaves a zone without anybody, and comes back", () => {
    const down = new Set([0, 1]);
    const pool = poolOf(zoned("aabb"), { algorithm, down });
    expect(zoneCounts(pool, "aabb", down)).toEqual({ b: 10_000 });
    down.clear();
    pool.forgetShares();
    expect(zoneCounts(pool, "aabb", down)).toEqual({ a: 10_000 });
  });

  test("a second attempt goes to another zone, a third to one that is left, then back", () => {
    const letters = "aabbcc";
    const pool = poolOf(zoned(letters), { algorithm });
    for (let key = 0; key < 50; key++) {
      const tried: number[] = [];
      for (;;) {
        const node = pool.pick(
          () => true,
          asked({ excluded: tried, key: Math.imul(key, 0x9e37_79b1) >>> 0 }),
        );
        if (node === NONE) break;
        tried.push(node);
      }
      const zones = tried.map((node) => letters[node]);
      expect(zones[0]).toBe("a");
      expect(new Set(zones.slice(0, 3)).size).toBe(3);
      expect(new Set(tried)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
      expect(tried).toHaveLength(6);
    }
  });

  test("finds somebody whenever there is somebody, of the subset, not tried, in good health", () => {
    const node = fc.record({
      zone: fc.constantFrom("a", "b", "c", undefined),
      weight: fc.constantFrom(0, 1_000, 3_000),
      subsets: fc.subarray([0, 1, 2]),
    });
    const world = fc.record({
      nodes: fc.array(node, { minLength: 1, maxLength: 12 }),
      down: fc.uniqueArray(fc.nat(11)),
      excluded: fc.uniqueArray(fc.nat(15), { maxLength: 4 }),
      subset: fc.constantFrom(WHOLE, 0, 1, 2),
      key: fc.nat(),
    });
    fc.assert(
      fc.property(world, ({ nodes, down, excluded, subset, key }) => {
        const pool = poolOf(nodes, { algorithm, down: new Set(down), seed: key });
        const may = [...nodes.keys()]
          .filter(
            (each) => (nodes[each]!.weight ?? 1) > 0 && !down.includes(each) && !excluded.includes(each),
          )
          .filter((each) => subset === WHOLE || nodes[each]!.subsets.includes(subset));
        const picked = pool.pick((each) => !down.includes(each), asked({ excluded, key }), subset);
        expect(may.length === 0 ? [NONE] : may).toContain(picked);
        // Where it has been, it does not go again while there is a choice.
        const tried = excluded.flatMap((each) => (each < nodes.length ? [nodes[each]!.zone] : []));
        const isElsewhere = (each: number): boolean => !tried.includes(nodes[each]!.zone);
        if (may.some(isElsewhere)) expect(isElsewhere(picked)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("counts attempts whichever group they were picked in", () => {
    const letters = "aabb";
    const pool = poolOf(zoned(letters), { algorithm });
    const plain = [0, 1, 2, 3].map(() => 0);
    const prng = new Prng(3);
    const held: number[] = [];
    for (let count = 0; count < 500; count++) {
      if (held.length > 0 && prng.chance(1, 2)) {
        const [done] = held.splice(prng.integer(0, held.length - 1), 1);
        pool.giveBack(done!);
        plain[done!]! -= 1;
        continue;
      }
      const excluded = prng.chance(1, 3) ? [prng.integer(0, 3)] : [];
      const node = pool.pick(() => true, asked({ excluded, key: prng.uint32() }));
      pool.take(node);
      pool.observed(node, 5, count);
      held.push(node);
      plain[node]! += 1;
      expect([0, 1, 2, 3].map((each) => pool.active(each))).toEqual(plain);
    }
    for (const node of held) pool.giveBack(node);
    expect([0, 1, 2, 3].map((each) => pool.active(each))).toEqual([0, 0, 0, 0]);
    expect(() => pool.giveBack(0)).toThrow("given back more often");
  });
});

test("a group that is asked for late knows what is under way", () => {
  const pool = poolOf(zoned("ab"), { algorithm: "least_connections" });
  for (let count = 0; count < 3; count++) pool.take(1);
  // With the own node tried, b's group is made; its node is busy, and the only one.
  expect(pool.pick(() => true, asked({ excluded: [0] }))).toBe(1);
  expect(pool.costOf(1, 0)).toBe(4 / 1_000);
  pool.giveBack(1);
  expect(pool.costOf(1, 0)).toBe(3 / 1_000);
});

test("a group that is asked for late knows who is out", () => {
  const pool = poolOf(
    Array.from({ length: 2_000 }, () => ({ zone: "a" })),
    { algorithm: "least_connections" },
  );
  for (let node = 0; node < 500; node++) pool.stateChanged(node, false);
  let questions = 0;
  const isUp = (node: number): boolean => {
    questions += 1;
    return node >= 500;
  };
  for (let count = 0; count < 100; count++) pool.take(pool.pick(isUp, asked()));
  expect(questions).toBeLessThan(300);
});

test("weights count, not heads, and a node that starts slowly carries little", () => {
  const nodes = [{ zone: "a" }, { zone: "a" }, { zone: "b", weight: 2_000 }];
  const pool = poolOf(nodes);
  expect(pool.ownZonePercent(WHOLE)).toBe(100);
  pool.setWeight(1, 100);
  pool.forgetShares();
  // 1,100 of the 2,000 that half of the traffic needs, times 1.4.
  expect(pool.ownZonePercent(WHOLE)).toBe(77);
});

test("without nodes of the own zone, or without zones at all, none is preferred", () => {
  expect(poolOf(zoned("bbcc")).ownZonePercent(WHOLE)).toBeUndefined();
  expect(poolOf([{}, {}]).ownZonePercent(WHOLE)).toBeUndefined();
  const { b = 0, c = 0 } = zoneCounts(poolOf(zoned("bbcc"), { algorithm: "round_robin" }), "bbcc", new Set());
  expect([b, c]).toEqual([5_000, 5_000]);
});

test.each(["ip_hash", "consistent_hash"] as const)(
  "%s: keys stay where they are, and when the own zone loses a node only its keys and the part that is handed on move",
  (algorithm) => {
    const letters = "aaaabbbb";
    const down = new Set<number>();
    const pool = poolOf(zoned(letters), { algorithm, down });
    const keys = Array.from({ length: 4_000 }, (_, index) => Math.imul(index + 1, 0x9e37_79b1) >>> 0);
    const nodesOf = (): number[] => keys.map((key) => pool.pick((node) => !down.has(node), asked({ key })));
    const before = nodesOf();
    expect(nodesOf()).toEqual(before);
    expect(poolNodes(poolOf(zoned(letters), { algorithm, seed: 99 }), keys)).toEqual(before);
    down.add(0);
    down.add(1);
    pool.forgetShares();
    const after = nodesOf();
    const isStaying = after.map((node) => letters[node] === "a");
    const stayed = isStaying.filter(Boolean).length / keys.length;
    expect(Math.abs(stayed - 0.7)).toBeLessThan(0.04);
    // Whoever stays in the zone and had a node that is well keeps it.
    const kept = [...keys.keys()].filter((index) => isStaying[index] && !down.has(before[index]!));
    expect(kept.length).toBeGreaterThan(1_000);
    expect(kept.filter((index) => after[index] !== before[index])).toEqual([]);
    // The part that was handed on is spread over all nodes of the other zone: its side says nothing of its node.
    const far = [4, 5, 6, 7].map((node) => after.filter((each) => each === node).length);
    expect(Math.min(...far)).toBeGreaterThan(200);
    down.clear();
    pool.forgetShares();
    expect(nodesOf()).toEqual(before);
  },
);

function poolNodes(pool: SitePool, keys: readonly number[]): number[] {
  return keys.map((key) => pool.pick(() => true, asked({ key })));
}

describe("sticky sessions and zones", () => {
  const letters = "aabb";
  const nodes = letters.split("").map((_, index) => ({ index, id: `n${index}`, siteIndex: 0 }));

  function planOf(affinity: Affinity, down: ReadonlySet<number>): { plan: RescuePlan; pool: SitePool } {
    const pool = poolOf(zoned(letters), { down, hasMarks: true });
    const pools = {
      balancers: [pool],
      isEligible: (node: number) => !down.has(node),
      isReluctant: () => false,
      hasRoom: () => true,
    };
    return { plan: new RescuePlan(pools, { affinity }), pool };
  }

  test("by address: a client has one node, in the own zone while it can be", () => {
    const down = new Set<number>();
    const { plan, pool } = planOf(new Affinity({ by: "key", of: { part: "ip" } }, nodes), down);
    const nodeOf = (mark: number): number => plan.next([0], asked({ affinity: mark }))!.node;
    const marks = Array.from({ length: 500 }, (_, index) => Math.imul(index + 1, 0x9e37_79b1) >>> 0);
    const before = marks.map(nodeOf);
    expect(marks.map(nodeOf)).toEqual(before);
    expect(new Set(before)).toEqual(new Set([0, 1]));
    down.add(0);
    pool.forgetShares();
    const after = marks.map(nodeOf);
    expect(marks.map(nodeOf)).toEqual(after);
    expect(after).not.toContain(0);
    const stayed = after.filter((node) => node === 1).length;
    expect(Math.abs(stayed - 350)).toBeLessThan(60);
  });

  test("by cookie: a session stays at its node in another zone", () => {
    const tokens = nodes.map(({ id }) => `token-${id}`);
    const affinity = new Affinity({ by: "cookie", cookie: "c", attributes: "", tokens }, nodes);
    const { plan } = planOf(affinity, new Set());
    for (const { index } of nodes) {
      expect(plan.next([0], asked({ affinity: index }))).toMatchObject({ node: index });
    }
    // After a failure there it goes to another zone.
    expect(plan.next([0], asked({ affinity: 0, excluded: [0] }))!.node).toBeGreaterThan(1);
  });
});

describe("the plan across zones and sites", () => {
  test("another zone, the same zone, then the next site, which knows nothing of the first one's zones", () => {
    const prng = new Prng(1);
    const near = poolOf(zoned("aab"));
    const far = new SitePool(
      [3, 4].map((node) => ({
        node,
        id: `n${node}`,
        weight: 1_000,
        zone: node === 3 ? "a" : "b",
        subsets: [],
      })),
      {
        subsetCount: 0,
        own: { ...OPTIONS, id: "a" },
        hasMarks: false,
        hasKeys: false,
        isHealthy: () => true,
        wholeWeight: () => 1_000,
        makeBalancer: (group) =>
          createBalancer(group, { algorithm: "round_robin", activeBias: 1, loadFactorPercent: 0 }, prng),
        prng,
      },
    );
    const plan = new RescuePlan({
      balancers: [near, far],
      isEligible: () => true,
      isReluctant: () => false,
      hasRoom: () => true,
    });
    const tried: number[] = [];
    for (
      let next = plan.next([0, 1], asked());
      next !== undefined;
      next = plan.next([0, 1], asked({ excluded: tried }))
    )
      tried.push(next.node);
    expect(tried).toEqual([0, 2, 1, 3, 4]);
  });

  test("in panic asks all nodes of all zones, well or not", () => {
    const down = new Set([0, 1, 2, 4, 5]);
    const pool = poolOf(zoned("aaabbb"), { down, algorithm: "random" });
    const healthOf = (): { healthy: number; total: number } => ({ healthy: 1, total: 6 });
    const pools = {
      balancers: [pool],
      isEligible: (node: number) => !down.has(node),
      isReluctant: () => false,
      hasRoom: () => true,
    };
    const nodesWith = (panicPercent: number): number[] => {
      const options = { overprovisioningPercent: 140, panicPercent };
      const plan = new RescuePlan(pools, { spread: new SiteSpread(options, healthOf, new Prng(2)) });
      const nodes = Array.from({ length: 600 }, () => plan.next([0], asked())!.node);
      return [0, 1, 2, 3, 4, 5].map((node) => nodes.filter((each) => each === node).length);
    };
    expect(nodesWith(0)).toEqual([0, 0, 0, 600, 0, 0]);
    for (const count of nodesWith(50)) expect(Math.abs(count - 100)).toBeLessThan(50);
  });

  test("says of each node of another zone that it stands aside while the own one carries all", () => {
    const down = new Set<number>();
    const pool = poolOf(zoned("aab"), { down });
    const plan = new RescuePlan({
      balancers: [pool],
      isEligible: (node) => !down.has(node),
      isReluctant: () => false,
      hasRoom: () => true,
    });
    const reasons = (): unknown[] => plan.explain([0], asked()).map(({ reason }) => reason);
    expect(reasons()).toEqual([undefined, undefined, "other-zone"]);
    down.add(0);
    down.add(1);
    pool.forgetShares();
    expect(reasons()).toEqual(["out", "out", undefined]);
  });
});
