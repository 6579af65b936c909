import * as fc from "fast-check";
import { expect, test } from "vitest";
import { NONE } from "#gateway/balancer/balancer.ts";
import { LeastConnections } from "#gateway/balancer/least-connections.ts";

const ANY = { excluded: [], nowMs: 0, key: 0 };
const everybody = (): boolean => true;

/** Takes `count` attempts without giving any back; how many each node then holds. */
function fill(weights: readonly number[], count: number): number[] {
  const balancer = new LeastConnections(weights.map((weight, node) => ({ node, id: `n${node}`, weight })));
  for (let attempt = 0; attempt < count; attempt++) balancer.take(balancer.pick(everybody, ANY));
  return weights.map((_, node) => balancer.active(node));
}

test("equal nodes share open attempts equally", () => {
  expect(fill([1, 1, 1], 300)).toEqual([100, 100, 100]);
});

test("equal idle nodes take turns", () => {
  const balancer = new LeastConnections([0, 1, 2].map((node) => ({ node, id: `n${node}`, weight: 100 })));
  const picks = [0, 0, 0, 0, 0, 0].map(() => balancer.pick(everybody, ANY));
  expect(picks).toEqual([0, 1, 2, 0, 1, 2]);
});

test("two nodes hold attempts in proportion to their weights, within one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), (a, b) => {
      const count = 500;
      const [first] = fill([a, b], count);
      expect(Math.abs(first! - (count * a) / (a + b))).toBeLessThanOrEqual(1);
    }),
  );
});

test("no node of many falls below its share", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 }), (weights) => {
      const count = 400;
      const sum = weights.reduce((total, weight) => total + weight, 0);
      for (const [node, held] of fill(weights, count).entries()) {
        expect(held).toBeGreaterThanOrEqual(Math.floor((count * weights[node]!) / sum));
      }
    }),
  );
});

test("a pick is eligible, not excluded and of weight above 0, and NONE only if there is no such node", () => {
  const member = fc.record({ weight: fc.integer({ min: 0, max: 3 }), up: fc.boolean(), tried: fc.boolean() });
  fc.assert(
    fc.property(fc.array(member, { minLength: 1, maxLength: 8 }), (members) => {
      const balancer = new LeastConnections(
        members.map(({ weight }, node) => ({ node, id: `n${node}`, weight })),
      );
      const excluded = members.flatMap(({ tried }, node) => (tried ? [node] : []));
      const picked = balancer.pick((node) => members[node]!.up, { ...ANY, excluded });
      const possible = members.some(({ weight, up, tried }) => weight > 0 && up && !tried);
      expect(picked !== NONE).toBe(possible);
      if (picked === NONE) return;
      expect(members[picked]).toMatchObject({ up: true, tried: false });
      expect(members[picked]!.weight).toBeGreaterThan(0);
    }),
  );
});

test("a node that has fewer open attempts is picked before one that has more", () => {
  const balancer = new LeastConnections([0, 1].map((node) => ({ node, id: `n${node}`, weight: 1 })));
  balancer.take(0);
  expect([balancer.pick(everybody, ANY), balancer.pick(everybody, ANY)]).toEqual([1, 1]);
  balancer.giveBack(0);
  expect(new Set([balancer.pick(everybody, ANY), balancer.pick(everybody, ANY)])).toEqual(new Set([0, 1]));
});

test("giving back more than was taken is a bug", () => {
  const balancer = new LeastConnections([{ node: 7, id: "n7", weight: 1 }]);
  expect(() => balancer.giveBack(7)).toThrow("given back more often");
});
