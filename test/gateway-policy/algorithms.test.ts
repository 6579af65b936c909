/** Laws that every balancer keeps, and what each algorithm is for. Seeded; no clock. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { NONE, type Balancer, type BalancerMember } from "#gateway/balancer/balancer.ts";
import { ALGORITHMS, createBalancer, type Algorithm } from "#gateway/balancer/create-balancer.ts";
import { LeastTime } from "#gateway/balancer/least-time.ts";
import { Maglev } from "#gateway/balancer/maglev.ts";
import { PeakEwma } from "#gateway/balancer/peak-ewma.ts";

const everybody = (_node: number): boolean => true;

function members(weights: readonly number[]): BalancerMember[] {
  return weights.map((weight, node) => ({ node, id: `node-${node}`, weight }));
}

function make(algorithm: Algorithm, weights: readonly number[], loadFactorPercent = 0): Balancer {
  return createBalancer(members(weights), { algorithm, activeBias: 1, loadFactorPercent }, new Prng(7));
}

function pick(balancer: Balancer, key = 0, nowMs = 0, isEligible = everybody): number {
  return balancer.pick(isEligible, { excluded: [], nowMs, key });
}

/** How often each node is picked when nothing is ever in flight. */
function picks(balancer: Balancer, count: number, nodes: number): number[] {
  const counts = Array.from({ length: nodes }, () => 0);
  for (let request = 0; request < count; request++) {
    counts[pick(balancer, Math.imul(request, 0x9e37_79b1) >>> 0)]! += 1;
  }
  return counts;
}

const act = fc.oneof(
  fc.record({ do: fc.constant("take" as const), node: fc.nat(7) }),
  fc.record({ do: fc.constant("giveBack" as const), node: fc.nat(7) }),
  fc.record({ do: fc.constant("weigh" as const), node: fc.nat(7), weight: fc.nat(3) }),
  fc.record({ do: fc.constant("turn" as const), node: fc.nat(7) }),
  fc.record({ do: fc.constant("observe" as const), node: fc.nat(7), tookMs: fc.nat(500) }),
  fc.record({
    do: fc.constant("pick" as const),
    excluded: fc.array(fc.nat(7), { maxLength: 3 }),
    key: fc.nat(),
  }),
);

describe.each(ALGORITHMS)("%s", (algorithm) => {
  test("whatever happened, a pick may be picked, and NONE means that nobody may", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(act, { maxLength: 60 }), (count, acts) => {
        const balancer = make(
          algorithm,
          Array.from({ length: count }, () => 1),
          125,
        );
        const isUp = Array.from({ length: count }, () => true);
        let nowMs = 0;
        for (const one of acts) {
          nowMs += 100;
          if (one.do === "pick") {
            const mayTake = (node: number): boolean => isUp[node]! && !one.excluded.includes(node);
            const picked = balancer.pick((node) => isUp[node]!, {
              excluded: one.excluded,
              nowMs,
              key: one.key,
            });
            const all = isUp.flatMap((_, node) => (mayTake(node) && balancer.weight(node) > 0 ? [node] : []));
            expect(all.length === 0 ? [NONE] : all).toContain(picked);
            continue;
          }
          const node = one.node % count;
          if (one.do === "take") balancer.take(node);
          else if (one.do === "giveBack" && balancer.active(node) > 0) balancer.giveBack(node);
          else if (one.do === "weigh") balancer.setWeight(node, one.weight);
          else if (one.do === "observe") balancer.observed?.(node, one.tookMs, nowMs);
          else if (one.do === "turn") {
            isUp[node] = !isUp[node];
            balancer.stateChanged?.(node, isUp[node]);
          }
        }
      }),
    );
  });

  test("equal nodes get equal shares, within a tenth", () => {
    const counts = picks(make(algorithm, [1, 1, 1, 1]), 8_000, 4);
    for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThanOrEqual(200);
  });

  test("ten thousand nodes, all but one out: that one is found", () => {
    const balancer = make(
      algorithm,
      Array.from({ length: 10_000 }, () => 1),
      125,
    );
    expect(pick(balancer, 1, 0, (node) => node === 8_765)).toBe(8_765);
  });

  test.each([10, 100, 5_000])(
    "with %d nodes of ten thousand out few are asked about at each choice",
    (out) => {
      const balancer = make(
        algorithm,
        Array.from({ length: 10_000 }, () => 1),
      );
      for (let node = 0; node < out; node++) balancer.stateChanged?.(node, false);
      const held: number[] = [];
      let questions = 0;
      for (let request = 0; request < 200; request++) {
        const node = pick(balancer, Math.imul(request, 0x9e37_79b1) >>> 0, request, (each) => {
          questions += 1;
          return each >= out;
        });
        balancer.take(node);
        held.push(node);
        if (held.length > 20) balancer.giveBack(held.shift()!);
      }
      expect(questions).toBeLessThan(200 * 5);
    },
  );
});

test.each<Algorithm>(["least_connections", "round_robin"])(
  "%s chooses the same whether or not it was told who is out, and heeds whoever takes those all the same",
  (algorithm) => {
    const step = fc.record({
      node: fc.nat(6),
      turns: fc.boolean(),
      isPanic: fc.boolean(),
      ends: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const weights = [1, 2, 1, 3, 1, 1, 2];
        const [told, untold] = [make(algorithm, weights), make(algorithm, weights)];
        const isOut = weights.map(() => false);
        const held: number[] = [];
        for (const { ends, isPanic, node, turns } of steps) {
          if (turns) {
            isOut[node] = !isOut[node];
            told.stateChanged!(node, !isOut[node]);
          }
          const may = (each: number): boolean => isPanic || !isOut[each];
          const picked = pick(told, 0, 0, may);
          expect(picked).toBe(pick(untold, 0, 0, may));
          if (picked === NONE) continue;
          for (const balancer of [told, untold]) balancer.take(picked);
          held.push(picked);
          if (!ends) continue;
          const done = held.shift()!;
          for (const balancer of [told, untold]) balancer.giveBack(done);
        }
      }),
    );
  },
);

test.each<Algorithm>(["round_robin", "random", "consistent_hash"])(
  "%s: shares follow weights",
  (algorithm) => {
    const counts = picks(make(algorithm, [1, 2, 5]), 16_000, 3);
    for (const [node, weight] of [1, 2, 5].entries()) {
      expect(Math.abs(counts[node]! / 16_000 - weight / 8)).toBeLessThan(0.01);
    }
  },
);

test("round robin interleaves: no node waits longer than its share, and none is paid for what it missed", () => {
  const balancer = make("round_robin", [5, 1, 1]);
  const order = Array.from({ length: 14 }, () => pick(balancer));
  expect(order.slice(0, 7).filter((node) => node === 0)).toHaveLength(5);
  expect(order.slice(7).filter((node) => node === 0)).toHaveLength(5);
  const pair = make("round_robin", [1, 1]);
  for (let request = 0; request < 100; request++) pick(pair, 0, 0, (node) => node === 0);
  const after = Array.from({ length: 6 }, () => pick(pair));
  expect(after.filter((node) => node === 1).length).toBeLessThanOrEqual(4);
});

test("round robin: a weight that changes all the time does not put a node off", () => {
  const balancer = make("round_robin", [1_000, 100]);
  let count = 0;
  for (let request = 0; request < 400; request++) {
    // As a node that starts slowly: a little heavier before each request.
    balancer.setWeight(1, 101 + request);
    if (pick(balancer) === 1) count += 1;
  }
  // Its share grows from an eleventh to a third.
  expect(count).toBeGreaterThan(70);
  expect(count).toBeLessThan(110);
});

test("least connections and least time pick what a search through all of them would", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 }),
      fc.nat(),
      (weights, seed) => {
        const prng = new Prng(seed);
        const least = make("least_connections", weights);
        const fastest = new LeastTime(members(weights));
        const averages = weights.map(() => 30);
        for (let step = 0; step < 80; step++) {
          const isOut = weights.map(() => prng.chance(1, 4));
          const load = (node: number): number => (least.active(node) + 1) / weights[node]!;
          const time = (node: number): number => averages[node]! * load(node);
          const up = weights.flatMap((_, node) => (isOut[node]! ? [] : [node]));
          const chosen = pick(least, 0, 0, (node) => !isOut[node]!);
          const quick = pick(fastest, 0, 0, (node) => !isOut[node]!);
          if (up.length === 0) expect([chosen, quick]).toEqual([NONE, NONE]);
          else {
            expect(load(chosen)).toBeCloseTo(Math.min(...up.map(load)), 9);
            expect(time(quick)).toBeCloseTo(Math.min(...up.map(time)), 9);
          }
          const node = prng.integer(0, weights.length - 1);
          if (prng.chance(2, 3) || least.active(node) === 0) {
            least.take(node);
            fastest.take(node);
          } else {
            least.giveBack(node);
            fastest.giveBack(node);
          }
          const tookMs = prng.integer(1, 200);
          fastest.observed(node, tookMs);
          averages[node] = averages[node]! + (tookMs - averages[node]!) / 8;
        }
      },
    ),
    { numRuns: 50 },
  );
});

test("a bias above 1 lets load count for more beside weight", () => {
  const held = (activeBias: number): number => {
    const balancer = createBalancer(
      members([1, 9]),
      { algorithm: "least_connections", activeBias, loadFactorPercent: 0 },
      new Prng(1),
    );
    for (let request = 0; request < 100; request++) balancer.take(pick(balancer));
    return balancer.active(1);
  };
  // Levels (active + 1)^bias / weight: 9 to 1 by weight, 3 to 1 by its root.
  expect([held(1), held(2)]).toEqual([90, 75]);
});

test("two choices keep the fullest node far below what one choice does", () => {
  const fullest = (algorithm: Algorithm): number => {
    const balancer = make(
      algorithm,
      Array.from({ length: 100 }, () => 1),
    );
    for (let request = 0; request < 10_000; request++) balancer.take(pick(balancer));
    return Math.max(...Array.from({ length: 100 }, (_, node) => balancer.active(node)));
  };
  expect(fullest("power_of_two")).toBeLessThanOrEqual(104);
  expect(fullest("random")).toBeGreaterThan(115);
});

describe("peak EWMA", () => {
  function share(balancer: PeakEwma, nowMs: number): number {
    let count = 0;
    for (let request = 0; request < 1_000; request++) if (pick(balancer, 0, nowMs) === 0) count += 1;
    return count / 1_000;
  }

  test("one slow answer takes the traffic away, and its memory fades", () => {
    const balancer = new PeakEwma(members([1, 1, 1]), new Prng(3));
    for (const node of [0, 1, 2]) balancer.observed(node, 20, 0);
    balancer.observed(0, 400, 1);
    for (const node of [1, 2]) balancer.observed(node, 20, 1);
    expect(share(balancer, 1)).toBe(0);
    // 400 ms fade to below 20 ms within 3 time constants; the others are measured all the time.
    for (const node of [1, 2]) balancer.observed(node, 20, 32_000);
    expect(share(balancer, 32_000)).toBeGreaterThan(0.6);
  });

  test("a faster answer is believed by and by", () => {
    const balancer = new PeakEwma(members([1, 1]), new Prng(3));
    balancer.observed(0, 100, 0);
    balancer.observed(1, 60, 0);
    balancer.observed(0, 10, 1_000);
    balancer.observed(1, 60, 1_000);
    // 100 -> 91.4: a tenth of the way after a tenth of the time constant.
    expect(pick(balancer, 0, 1_000)).toBe(1);
    for (let ms = 2_000; ms <= 15_000; ms += 1_000) {
      balancer.observed(0, 10, ms);
      balancer.observed(1, 60, ms);
    }
    expect(pick(balancer, 0, 15_000)).toBe(0);
  });

  test("a node that comes back is a new one", () => {
    const balancer = new PeakEwma(members([1, 1]), new Prng(3));
    balancer.observed(0, 5_000, 0);
    balancer.observed(1, 40, 0);
    expect(pick(balancer, 0, 0)).toBe(1);
    balancer.stateChanged(0, false);
    balancer.stateChanged(0, true);
    expect(pick(balancer, 0, 0)).toBe(0);
  });
});

describe("Maglev", () => {
  const keys = Array.from({ length: 5_000 }, (_, index) => Math.imul(index + 1, 0x9e37_79b1) >>> 0);
  const home = (balancer: Balancer, isEligible = everybody): number[] =>
    keys.map((key) => pick(balancer, key, 0, isEligible));

  test("a node that is out moves its own keys and no other, to all of the rest", () => {
    const balancer = new Maglev(members([1, 1, 1, 1, 1]), 0);
    const before = home(balancer);
    const after = home(balancer, (node) => node !== 2);
    const moved = before.flatMap((node, index) =>
      node === after[index] ? [] : [{ from: node, to: after[index]! }],
    );
    expect(new Set(moved.map(({ from }) => from))).toEqual(new Set([2]));
    expect(moved).toHaveLength(before.filter((node) => node === 2).length);
    for (const node of [0, 1, 3, 4]) {
      expect(moved.filter(({ to }) => to === node).length / moved.length).toBeGreaterThan(0.2);
    }
  });

  test("gateways agree however their nodes are listed, and one more node takes hardly more than its share", () => {
    const list = members([1, 1, 1, 1, 1, 1]);
    expect(home(new Maglev(list.toReversed(), 0))).toEqual(home(new Maglev(list, 0)));
    const more = home(new Maglev([...list, { node: 6, id: "node-6", weight: 1 }], 0));
    const moved = home(new Maglev(list, 0)).filter((node, index) => node !== more[index]).length;
    expect(moved / keys.length).toBeLessThan(1 / 7 + 0.03);
  });

  test("no node holds more than its bounded share, however hot one key is", () => {
    const balancer = new Maglev(members([1, 1, 2]), 125);
    for (let request = 1; request <= 400; request++) {
      balancer.take(pick(balancer, 42));
      for (const [node, share] of [0.25, 0.25, 0.5].entries()) {
        expect(balancer.active(node)).toBeLessThanOrEqual(Math.ceil(1.25 * share * request));
      }
    }
  });

  test("without a bound a key stays where it is", () => {
    const balancer = new Maglev(members([1, 1, 1]), 0);
    const first = pick(balancer, 42);
    for (let request = 0; request < 100; request++) {
      expect(pick(balancer, 42)).toBe(first);
      balancer.take(first);
    }
  });
});
