/**
 * Exact convergence times and message counts of the literature's shapes: full mesh, ring, line; MRAI with and without
 * limits on withdrawals (WRATE) and sender-side loop detection (SSLD). Whole microseconds, no tolerance.
 */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import { GraphBuilder, type AsGraph } from "#sim/topology/as-graph.ts";

interface Mode {
  readonly wrate?: true;
  readonly ssld?: true;
}

interface Run {
  readonly downUs: number;
  readonly announcements: number;
  readonly withdrawals: number;
}

/** Announces at vertex 0, lets it run out, withdraws, and measures until the last message has arrived. */
function run(graph: AsGraph, mraiUs: number, delayUs: number, mode: Mode): Run {
  const engine = new PropagationEngine(
    graph,
    {
      delayUs: [delayUs, delayUs],
      mraiUs: [mraiUs, mraiUs],
      hasPolicy: false,
      wratePercent: mode.wrate === true ? 100 : 0,
      isLoopDetectedBySender: mode.ssld === true,
    },
    new Prng(1),
  );
  engine.announce(0, { prepends: 0, isGraceful: false }, 0);
  const startUs = engine.settle() + 10 * mraiUs + 1;
  engine.advance(startUs);
  const before = { ...engine.counts };
  engine.withdraw(0, startUs);
  engine.settle();
  for (let vertex = 0; vertex < graph.vertexCount; vertex++) expect(engine.siteOf(vertex)).toBeUndefined();
  return {
    downUs: engine.lastArrivalUs - startUs,
    announcements: engine.counts.announcements - before.announcements,
    withdrawals: engine.counts.withdrawals - before.withdrawals,
  };
}

/** Vertices 0…n-1; AS numbers ascend with the index unless shuffled. */
function build(count: number, links: readonly (readonly [number, number])[], shuffle?: Prng): AsGraph {
  const builder = new GraphBuilder();
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  shuffle?.shuffle(numbers);
  for (const asn of numbers) builder.addVertex(asn);
  for (const [a, b] of links) builder.addPeering(a, b);
  return builder.build();
}

function mesh(count: number, shuffle?: Prng): AsGraph {
  const links: [number, number][] = [];
  for (let a = 0; a < count; a++) for (let b = a + 1; b < count; b++) links.push([a, b]);
  return build(count, links, shuffle);
}

function ring(count: number): AsGraph {
  return build(
    count,
    Array.from({ length: count }, (_, index) => [index, (index + 1) % count] as const),
  );
}

function line(count: number): AsGraph {
  return build(
    count,
    Array.from({ length: count - 1 }, (_, index) => [index, index + 1] as const),
  );
}

const MRAI_US = 30_000_000;
const DELAY_US = 10_000;
const [M, D] = [MRAI_US, DELAY_US];

test.each([3, 4, 5, 6, 7, 8, 9])("a full mesh of %i ASes", (k) => {
  const withdrawals = k * (k - 1);
  const announcements = ((k - 2) * (k - 1) * (k + 1)) / 2;
  for (const graph of [mesh(k), mesh(k, new Prng(k)), mesh(k, new Prng(k + 100))]) {
    expect(run(graph, M, D, {})).toEqual({ downUs: (k - 3) * M + 3 * D, announcements, withdrawals });
    expect(run(graph, M, D, { wrate: true })).toEqual({
      downUs: (k - 2) * M + 2 * D,
      announcements,
      withdrawals,
    });
    expect(run(graph, M, D, { wrate: true, ssld: true })).toEqual({
      downUs: (k - 3) * M + 2 * D,
      announcements: ((k - 2) * (k - 1) * (2 * k - 3)) / 6 - (k - 2),
      withdrawals: (k - 1) ** 2,
    });
  }
});

test("a full mesh with sender-side loop detection alone is far below plain", () => {
  expect(run(mesh(8), M, D, { ssld: true }).downUs).toBeLessThan(run(mesh(8), M, D, {}).downUs / 10);
});

test.each([5, 7, 9, 11])("a ring of %i ASes", (n) => {
  const graph = ring(n);
  const plain = { announcements: 2 * n - 2, withdrawals: 4 * n - 6 };
  const careful = { announcements: n - 3, withdrawals: 2 * n - 2 };
  expect(run(graph, M, D, {})).toEqual({ downUs: n * D, ...plain });
  expect(run(graph, M, D, { wrate: true })).toEqual({ downUs: 2 * M + Math.max(2, n - 3) * D, ...plain });
  expect(run(graph, M, D, { ssld: true })).toEqual({ downUs: (n - 1) * D, ...careful });
  expect(run(graph, M, D, { wrate: true, ssld: true })).toEqual({ downUs: M + (n - 2) * D, ...careful });
});

test.each([3, 6, 12])("a line of %i ASes", (n) => {
  const plain = { downUs: n * D, announcements: 0, withdrawals: 2 * (n - 1) };
  const careful = { downUs: (n - 1) * D, announcements: 0, withdrawals: n - 1 };
  expect(run(line(n), M, D, {})).toEqual(plain);
  expect(run(line(n), M, D, { wrate: true })).toEqual(plain);
  expect(run(line(n), M, D, { ssld: true })).toEqual(careful);
  expect(run(line(n), M, D, { wrate: true, ssld: true })).toEqual(careful);
});

test("random delays never leave a route behind after the last site has withdrawn", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const graph = mesh(7, new Prng(seed));
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
