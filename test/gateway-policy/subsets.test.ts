/** Subsets: who is for which, that a client stays on its side, and where a request goes when its subset has nobody. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { WHOLE, type PickRequest } from "#gateway/balancer/balancer.ts";
import { ALGORITHMS, createBalancer, isHashing, type Algorithm } from "#gateway/balancer/create-balancer.ts";
import { SitePool } from "#gateway/balancer/site-pool.ts";
import { RescuePlan } from "#gateway/resilience/rescue-plan.ts";
import { SiteSpread } from "#gateway/resilience/site-spread.ts";
import { Affinity } from "#gateway/routing/affinity.ts";
import { requestKey, type KeySource } from "#gateway/routing/request-key.ts";
import {
  chooseSubset,
  subsetChains,
  subsetsWith,
  type SubsetChoice,
} from "#gateway/routing/subset-choice.ts";

const [V1, V2] = [0, 1];

function source(address: string, ...fields: string[]): KeySource {
  return { fields, path: "/", address };
}

function split(v2Share: number, more: Partial<SubsetChoice> = {}): SubsetChoice {
  return {
    split: [
      { id: "v2", subset: V2, share: v2Share },
      { id: "v1", subset: V1, share: 10_000 - v2Share },
    ],
    splitBy: { part: "ip" },
    namedBy: undefined,
    ...more,
  };
}

describe("the split", () => {
  const clients = Array.from({ length: 20_000 }, (_, index) => source(`10.${index >> 8}.${index & 255}.7`));

  test.each([0, 1, 500, 3_333, 10_000])("gives %d hundredths of a percent of the clients to v2", (share) => {
    const count = clients.filter((client) => chooseSubset(split(share), client) === V2).length;
    const expected = (share * clients.length) / 10_000;
    // Five standard deviations; none where all or nobody goes there.
    const bound = 5 * Math.sqrt(expected * (1 - share / 10_000));
    expect(Math.abs(count - expected)).toBeLessThanOrEqual(bound);
  });

  test("a client stays where it is, and as v2 grows nobody goes back to v1", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(10_000), fc.nat(10_000), (address, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        const before = chooseSubset(split(less), source(address));
        expect(chooseSubset(split(less), source(address))).toBe(before);
        if (before === V2) expect(chooseSubset(split(more), source(address))).toBe(V2);
      }),
    );
  });

  test("goes by a field or a cookie where told, and by the address where that is missing", () => {
    const byUser = split(5_000, { splitBy: { part: "header", name: "x-user" } });
    const sideOf = (address: string, ...fields: string[]): number =>
      chooseSubset(byUser, source(address, ...fields));
    for (const user of ["ada", "grace", "edsger", "barbara"]) {
      const sides = clients.slice(0, 50).map(({ address }) => sideOf(address, "X-User", user));
      expect(new Set(sides).size).toBe(1);
    }
    expect(new Set(clients.slice(0, 50).map(({ address }) => sideOf(address))).size).toBe(2);
    for (const { address } of clients.slice(0, 50))
      expect(sideOf(address)).toBe(chooseSubset(split(5_000), source(address)));
  });

  test("says nothing about the node within the subset: keys of one side fill all of its nodes", () => {
    const prng = new Prng(1);
    const members = [0, 1, 2, 3].map((node) => ({ node, id: `n${node}`, weight: 1 }));
    const options = { algorithm: "ip_hash", activeBias: 1, loadFactorPercent: 0 } as const;
    const balancer = createBalancer(members, options, prng);
    const counts = [0, 0, 0, 0];
    for (const client of clients.filter((each) => chooseSubset(split(500), each) === V2)) {
      const key = requestKey({ part: "ip" }, client);
      counts[balancer.pick(() => true, { excluded: [], nowMs: 0, key })]! += 1;
    }
    const sum = counts.reduce((all, count) => all + count, 0);
    expect(Math.min(...counts)).toBeGreaterThan(sum / 8);
  });

  test("who names a subset of the split is for that, a share of 0 too; other names are nobody's", () => {
    const choice = split(0, { namedBy: { part: "header", name: "x-version" } });
    const named = (...fields: string[]): number => chooseSubset(choice, source("192.0.2.1", ...fields));
    expect(named()).toBe(V1);
    expect(named("X-Version", "v2")).toBe(V2);
    expect(named("x-version", "v1")).toBe(V1);
    for (const other of ["v3", "", "V2", "any", "__proto__"]) expect(named("x-version", other)).toBe(V1);
    const byCookie = split(0, { namedBy: { part: "cookie", name: "version" } });
    expect(chooseSubset(byCookie, source("192.0.2.1", "Cookie", "a=b; version=v2"))).toBe(V2);
  });
});

test("fallbacks make a chain: to nobody, to all, or through others", () => {
  const subset = (id: string, fallback: string): { id: string; fallback: string } => ({ id, fallback });
  expect(subsetChains([subset("a", "fail"), subset("b", "any"), subset("c", "b"), subset("d", "a")])).toEqual(
    [[0], [1, WHOLE], [2, 1, WHOLE], [3, 0]],
  );
});

test("a node is of each subset all of whose labels it has", () => {
  const subsets = [
    { labels: { version: "v1" } },
    { labels: { version: "v2" } },
    { labels: { version: "v2", disk: "fast" } },
  ];
  expect(subsetsWith({ version: "v2", disk: "fast", rack: "7" }, subsets)).toEqual([1, 2]);
  expect(subsetsWith({ version: "v2" }, subsets)).toEqual([1]);
  expect(subsetsWith({}, subsets)).toEqual([]);
});

/** Two sites: v1 v1 v2 | v1 v2 v2, nodes 0 to 5. */
const SITES = [
  [V1, V1, V2],
  [V1, V2, V2],
];

function world(
  state: {
    readonly down?: readonly number[];
    readonly reluctant?: readonly number[];
    readonly full?: readonly number[];
  },
  algorithm: Algorithm = "round_robin",
  options: {
    readonly affinity?: Affinity;
    readonly panicPercent?: number;
    readonly hasSpread?: boolean;
  } = {},
): RescuePlan {
  const { down = [], reluctant = [], full = [] } = state;
  const hasRoom = (node: number): boolean => !full.includes(node);
  const isEligible = (node: number): boolean =>
    !down.includes(node) && !reluctant.includes(node) && hasRoom(node);
  const prng = new Prng(1);
  const balancers = SITES.map(
    (labels, site) =>
      new SitePool(
        labels.map((subset, index) => ({
          node: 3 * site + index,
          id: `n${3 * site + index}`,
          weight: 1,
          zone: undefined,
          subsets: [subset],
        })),
        {
          subsetCount: 2,
          own: undefined,
          hasMarks: false,
          hasKeys: isHashing(algorithm),
          isHealthy: isEligible,
          wholeWeight: () => 1,
          makeBalancer: (group) =>
            createBalancer(group, { algorithm, activeBias: 1, loadFactorPercent: 0 }, prng.fork("balancer")),
          prng,
        },
      ),
  );
  const healthOf = (site: number, subset: number): { healthy: number; total: number } => {
    const members = balancers[site]!.members.filter((node) => balancers[site]!.isWithin(node, subset));
    return { healthy: members.filter(isEligible).length, total: members.length };
  };
  const { affinity, hasSpread = false, panicPercent = 0 } = options;
  return new RescuePlan(
    { balancers, hasRoom, isEligible, isReluctant: (node) => hasRoom(node) && reluctant.includes(node) },
    {
      affinity,
      spread: hasSpread
        ? new SiteSpread({ overprovisioningPercent: 140, panicPercent }, healthOf, prng.fork("spread"))
        : undefined,
    },
  );
}

function asked(subsets: readonly number[] | undefined, more: Partial<PickRequest> = {}): PickRequest {
  return { excluded: [], nowMs: 0, key: 0, subsets, ...more };
}

/** Asks on until nobody is left. */
function order(plan: RescuePlan, subsets: readonly number[]): string {
  const tried: number[] = [];
  const words: string[] = [];
  for (
    let next = plan.next([0, 1], asked(subsets));
    next !== undefined;
    next = plan.next([0, 1], asked(subsets, { excluded: tried }))
  ) {
    tried.push(next.node);
    words.push(`${next.node}${next.isLastResort ? "!" : ""}`);
  }
  return words.join(" ");
}

describe("a request for a subset", () => {
  test.each<[what: string, subsets: number[], state: Parameters<typeof world>[0], asks: string]>([
    ["is never given to others", [V2], {}, "2 4 5"],
    ["asks those of it that are out rather than others", [V2], { down: [2, 4, 5] }, "2! 4! 5!"],
    ["goes on to its subset at the next site", [V2], { down: [2] }, "4 5 2!"],
    ["goes to its fallback when nobody of it is left", [V2, V1], {}, "2 4 5 0 1 3"],
    ["goes to its fallback before it asks who is out", [V2, V1], { down: [2, 4, 5] }, "0 1 3 2! 4! 5!"],
    ["goes to anybody when anybody will do", [V2, WHOLE], { down: [4], full: [2] }, "5 0 1 3 4!"],
    ["has nobody when all of it are full", [V2], { full: [2, 4, 5] }, ""],
    ["asks the reluctant before the dead", [V1], { down: [0, 1], reluctant: [3] }, "3! 0! 1!"],
  ])("%s", (_what, subsets, state, asks) => expect(order(world(state), subsets)).toBe(asks));

  test("is hedged within it, and beyond only where the fallback allows that", () => {
    const plan = world({});
    expect(plan.nextEligible([0], asked([V2], { excluded: [2] }))).toBeUndefined();
    expect(plan.nextEligible([0], asked([V2, V1], { excluded: [2] }))).toMatchObject({ site: 0 });
    expect(plan.nextEligible([0, 1], asked([V2, V1], { excluded: [2] }))).toMatchObject({ site: 1 });
  });

  test.each(ALGORITHMS)("%s chooses within it, whatever its nodes do", (algorithm) => {
    const nodes = fc.uniqueArray(fc.nat(5));
    fc.assert(
      fc.property(
        nodes,
        nodes,
        fc.constantFrom([V1], [V2], [V2, V1], [V1, WHOLE]),
        fc.nat(),
        (down, full, subsets, key) => {
          const plan = world({ down, full }, algorithm);
          const isOf = (node: number, subset: number): boolean =>
            subset === WHOLE || SITES[Math.floor(node / 3)]![node % 3] === subset;
          const next = plan.next([0, 1], asked(subsets, { key }));
          const all = [0, 1, 2, 3, 4, 5].filter((node) => !full.includes(node));
          const inHealth = subsets.map((subset) =>
            all.filter((node) => isOf(node, subset) && !down.includes(node)),
          );
          const expected =
            inHealth.find((those) => those.length > 0) ??
            all.filter((node) => subsets.some((subset) => isOf(node, subset)));
          expect(expected.length === 0 ? [undefined] : expected).toContain(next?.node);
        },
      ),
    );
  });

  test("a sticky session ends where its node is not of the subset", () => {
    const nodes = [0, 1, 2, 3, 4, 5].map((index) => ({
      index,
      id: `n${index}`,
      siteIndex: Math.floor(index / 3),
    }));
    const tokens = nodes.map(({ id }) => id);
    const affinity = new Affinity({ by: "cookie", cookie: "c", attributes: "", tokens }, nodes);
    const plan = world({}, "round_robin", { affinity });
    expect(plan.next([0, 1], asked([V1], { affinity: 1 }))).toMatchObject({ node: 1 });
    expect(plan.next([0, 1], asked([V2], { affinity: 1 }))).toMatchObject({ node: 2 });
    const byKey = world({}, "round_robin", {
      affinity: new Affinity({ by: "key", of: { part: "ip" } }, nodes),
    });
    for (let mark = 0; mark < 50; mark++)
      expect(byKey.next([0, 1], asked([V2], { affinity: mark }))).toMatchObject({ node: 2 });
  });

  test("its sites carry what its own nodes can: a site whose v2 is out takes no v2, and all of v1", () => {
    const plan = world({ down: [2] }, "round_robin", { hasSpread: true });
    const sites = [0, 1];
    const first = (subset: number): Set<number> =>
      new Set(Array.from({ length: 200 }, () => plan.next(sites, asked([subset]))!.site));
    expect(first(V2)).toEqual(new Set([1]));
    expect(first(V1)).toEqual(new Set([0]));
  });

  test("in panic asks all of it, but not those that are out while there is a fallback", () => {
    const plan = world({ down: [2, 4, 5] }, "round_robin", { hasSpread: true, panicPercent: 50 });
    expect(plan.next([0, 1], asked([V2]))).toMatchObject({ isLastResort: true });
    for (let count = 0; count < 50; count++)
      expect(plan.next([0, 1], asked([V2, V1]))).toMatchObject({ isLastResort: false, site: 0 });
  });

  test("says why others are not asked", () => {
    const plan = world({ down: [2], reluctant: [4] });
    const reasons = (subsets: number[]): unknown[] =>
      plan.explain([0, 1], asked(subsets)).map(({ reason }) => reason);
    const no = "not-in-subset";
    expect(reasons([V2])).toEqual([no, no, "out", no, "last-resort", undefined]);
    expect(reasons([V2, V1])).toEqual(["fallback", "fallback", "out", "fallback", "last-resort", undefined]);
    expect(reasons([WHOLE])).toEqual([undefined, undefined, "out", undefined, "last-resort", undefined]);
  });
});
