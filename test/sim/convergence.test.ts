/**
 * Exact convergence times and message counts of the literature's shapes: full mesh, ring, line; MRAI with and without
 * limits on withdrawals (WRATE) and sender-side loop detection (SSLD). Whole microseconds, no tolerance, and any order
 * of what happens at the same moment where the closed form is a law.
 */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import { LAWS } from "#sim/truth/convergence-laws.ts";
import { exactRows } from "#sim/truth/exact-rows.ts";
import { playShape } from "#sim/truth/play-shape.ts";
import { buildShape } from "#sim/truth/shapes.ts";

const ORDERS = 4;
const ROWS = exactRows(ORDERS);

test.for(ROWS)("$quantity: $expected", ({ verdict, got }) => {
  if (verdict === "no law") expect(got).toMatch(/^longest \d+\.\d\d s; \d+ of \d+ runs paid an MRAI$/);
  else
    expect({ verdict, got }).toMatchObject({ verdict: "equal", got: expect.stringMatching(/^(\d+) of \1 /) });
});

test("every shape and mode has a row for the withdrawal and one for the announcement", () => {
  expect(LAWS).toHaveLength(12);
  expect(ROWS.filter(({ quantity }) => quantity.includes(": withdrawal"))).toHaveLength(LAWS.length + 3);
  expect(ROWS.filter(({ quantity }) => quantity.includes(": announcement"))).toHaveLength(LAWS.length);
});

test("the laws need an MRAI of two delays: below that the mesh does not keep them", () => {
  const [law] = LAWS;
  const timers = { mraiUs: 10_000, delayUs: 10_000 };
  const { down } = playShape({ graph: buildShape("full mesh", 6), origin: 0, mode: law!.mode, ...timers });
  expect(down).not.toEqual(law!.down(6, timers.mraiUs, timers.delayUs));
});

test("with sender-side loop detection alone the order of simultaneous events decides", () => {
  const timers = { mraiUs: 30_000_000, delayUs: 10_000 };
  const times = new Set<number>();
  for (let orderSeed = 1; orderSeed <= 40; orderSeed++) {
    const graph = buildShape("full mesh", 7);
    times.add(playShape({ graph, origin: 0, mode: "SSLD", ...timers, orderSeed }).down.us);
  }
  expect(Math.min(...times)).toBeLessThan(timers.mraiUs);
  expect(times.size).toBeGreaterThan(1);
});

test("random delays never leave a route behind after the last site has withdrawn", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const graph = buildShape("full mesh", 7, new Prng(seed));
    const engine = new PropagationEngine(
      graph,
      { delayUs: [1, 900_000], mraiUs: [0, 1_000_000], hasPolicy: false },
      new Prng(seed),
    );
    engine.announce(0, { prepends: 0, isGraceful: false }, 0);
    engine.advance(700_000 + seed);
    engine.withdraw(0, 700_000 + seed);
    engine.settle();
    for (let vertex = 0; vertex < graph.vertexCount; vertex++) expect(engine.siteOf(vertex)).toBeUndefined();
  }
});
