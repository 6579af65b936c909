/** Sticky sessions: which node a request belongs to, and what is stronger than that. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { LeastConnections } from "#gateway/balancer/least-connections.ts";
import { RescuePlan } from "#gateway/resilience/rescue-plan.ts";
import { Affinity } from "#gateway/routing/affinity.ts";

const NODES = ["ny1-1", "ny1-2", "ny1-3", "la1-1", "la1-2"].map((id, index) => ({
  index,
  id,
  siteIndex: id.startsWith("ny1") ? 0 : 1,
}));
const TOKENS = NODES.map(({ id }) => `token-of-${id}`);
const COOKIE = new Affinity(
  { by: "cookie", cookie: "at", attributes: "Path=/; HttpOnly", tokens: TOKENS },
  NODES,
);
const HEADER = new Affinity({ by: "key", of: { part: "header", name: "x-user" } }, NODES);
const all = (): boolean => true;

function asking(...fields: string[]) {
  return { fields, path: "/", address: "192.0.2.1" };
}

test("a cookie names a node by its token, and nothing else names one", () => {
  expect(COOKIE.markOf(asking("cookie", "a=b; at=token-of-ny1-2"))).toBe(1);
  for (const cookie of ["at=ny1-2", "at=1", "at=", "attic=token-of-ny1-2", "at=token-of-ny1-2x"]) {
    expect(COOKIE.markOf(asking("cookie", cookie))).toBe(undefined);
  }
  expect(COOKIE.markOf(asking())).toBe(undefined);
});

test("a cookie is given with the first answer, and anew when another node answers", () => {
  expect(COOKIE.cookieFor(1, undefined)).toBe("at=token-of-ny1-2; Path=/; HttpOnly");
  expect(COOKIE.cookieFor(1, 1)).toBe(undefined);
  expect(COOKIE.cookieFor(2, 1)).toBe("at=token-of-ny1-3; Path=/; HttpOnly");
  expect(HEADER.cookieFor(1, undefined)).toBe(undefined);
});

test("a client that reaches another site belongs to nobody there", () => {
  expect(COOKIE.nodeOf(1, 0, all)).toBe(1);
  expect(COOKIE.nodeOf(1, 1, all)).toBe(-1);
});

test("by field: a node that goes moves its own clients only, and they come back with it", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.nat(2), (user, gone) => {
      const mark = HEADER.markOf(asking("X-User", user))!;
      const before = HEADER.nodeOf(mark, 0, all);
      const without = HEADER.nodeOf(mark, 0, (node) => node !== gone);
      expect([0, 1, 2]).toContain(before);
      expect(without).not.toBe(gone);
      if (before !== gone) expect(without).toBe(before);
    }),
  );
});

test("by field: clients are spread over all nodes of a site", () => {
  const counts = [0, 0, 0];
  for (let user = 0; user < 3_000; user++) {
    counts[HEADER.nodeOf(HEADER.markOf(asking("x-user", `user-${user}`))!, 0, all)]! += 1;
  }
  for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(120);
});

test("without the field a request belongs to nobody", () => {
  expect(HEADER.markOf(asking("x-other", "a"))).toBe(undefined);
});

function planOver(isUp: (node: number) => boolean, weights = [100, 100, 100]): RescuePlan {
  const members = (site: number) =>
    NODES.filter(({ siteIndex }) => siteIndex === site).map(({ index, id }) => ({
      node: index,
      id,
      weight: weights[index] ?? 100,
    }));
  const pools = {
    balancers: [new LeastConnections(members(0), 1), new LeastConnections(members(1), 1)],
    isEligible: isUp,
    isReluctant: () => false,
    hasRoom: all,
  };
  return new RescuePlan(pools, { affinity: COOKIE });
}

const ASKED = { excluded: [], nowMs: 0, key: 0, affinity: 2 };

test("affinity beats the balancer, and nothing else", () => {
  expect(planOver(all).next([0, 1], ASKED)?.node).toBe(2);
  expect(planOver((node) => node !== 2).next([0, 1], ASKED)?.node).toBe(0);
  expect(planOver(all, [100, 100, 0]).next([0, 1], ASKED)?.node).toBe(0);
  expect(planOver(all).next([0, 1], { ...ASKED, excluded: [2] })?.node).toBe(0);
  expect(planOver(all).next([1, 0], ASKED)?.node).toBe(3);
  expect(planOver(all).nextEligible([0, 1], { ...ASKED, excluded: [2] })?.node).toBe(0);
});
