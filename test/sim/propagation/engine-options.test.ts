/** What the engine can be told beside delays and timers of its own: processing, sessions, leaks, shares of ASes. */
import { describe, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { CatchmentSolver, type Source } from "#sim/anycast/solve.ts";
import { DAMPING_SETS } from "#sim/propagation/damping.ts";
import { PropagationEngine, type EngineOptions } from "#sim/propagation/engine.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import { GraphBuilder, RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { buildShape } from "#sim/truth/shapes.ts";
import { smallGraph } from "../small-graph.ts";

const DELAY_US = 10_000;
const STEADY: EngineOptions = { delayUs: [DELAY_US, DELAY_US], mraiUs: [0, 0] };
const MRAI_US = 30_000_000;

function sitesOf(engine: PropagationEngine, graph: AsGraph): number[] {
  return [...graph.asn.keys()].map((vertex) => engine.siteOf(vertex) ?? -1);
}

describe("processing", () => {
  const SECOND_US = 1_000_000;
  const options = { ...STEADY, processingUs: [SECOND_US, SECOND_US] } as const;

  test("an AS takes one message after the other, others work at the same time", () => {
    // Three sites below AS 10: their announcements arrive together.
    const { graph } = smallGraph("10>20", "10>30", "10>40");
    const changedUs: number[] = [];
    const engine = new PropagationEngine(graph, options, new Prng(1), {
      onBestChange: (vertex, atUs) => void (vertex === 0 && changedUs.push(atUs)),
    });
    // The first is the longest and the last the shortest: each of them is better than the one before.
    for (const [index, site] of [1, 2, 3].entries()) engine.announce(site, { prepends: 2 - index }, 0);
    engine.settle();
    expect(changedUs).toEqual([1, 2, 3].map((count) => DELAY_US + count * SECOND_US));
  });

  test("it ends where it ends without", () => {
    const graph = generateGraph(200, new Prng(5));
    const sources = [3, 90, 170].map((vertex) => ({ vertex, prepends: 0 }));
    const engine = new PropagationEngine(graph, { ...options, processingUs: [0, SECOND_US] }, new Prng(2));
    for (const source of sources) engine.announce(source.vertex, source, 0);
    engine.settle();
    expect(sitesOf(engine, graph)).toEqual([...new CatchmentSolver(graph).solve(sources).site]);
  });
});

describe("one timer for all prefixes of a session", () => {
  test("runs whether something is sent or not: the first announcement waits too, each of them less than a period", () => {
    // 40 sites, each with a session of its own to AS 10.
    const { graph } = smallGraph(...Array.from({ length: 40 }, (_, index) => `10>${index + 11}`));
    const arrivedUs: number[] = [];
    const engine = new PropagationEngine(
      graph,
      { delayUs: [DELAY_US, DELAY_US], mraiUs: [MRAI_US, MRAI_US], isMraiShared: true },
      new Prng(3),
      { onArrived: (_slot, _path, atUs) => void arrivedUs.push(atUs) },
    );
    for (let site = 1; site <= 40; site++) engine.announce(site, { prepends: 0 }, 0);
    engine.advance(MRAI_US + DELAY_US);
    const waitedUs = arrivedUs.filter((us) => us <= MRAI_US + DELAY_US).map((us) => us - DELAY_US);
    expect(Math.min(...waitedUs)).toBeGreaterThan(0);
    expect(Math.max(...waitedUs)).toBeLessThanOrEqual(MRAI_US);
    const mean = waitedUs.reduce((sum, us) => sum + us, 0) / waitedUs.length / MRAI_US;
    expect(mean).toBeGreaterThan(0.3);
    expect(mean).toBeLessThan(0.7);
  });

  test("what changes and changes back before its end is not told", () => {
    const { graph } = smallGraph("10>20");
    const engine = new PropagationEngine(
      graph,
      { delayUs: [1, 1], mraiUs: [MRAI_US, MRAI_US], isMraiShared: true, wratePercent: 100 },
      new Prng(1),
    );
    engine.announce(1, { prepends: 0 }, 0);
    engine.withdraw(1, 1);
    engine.settle();
    expect(engine.counts).toEqual({ announcements: 0, withdrawals: 0 });
  });

  test("it ends where it ends without", () => {
    const graph = generateGraph(300, new Prng(6));
    const sources = [3, 90, 170].map((vertex) => ({ vertex, prepends: 0 }));
    const shared = { ...TIMING_SETS["rfc-4271"], isMraiShared: true };
    const engine = new PropagationEngine(graph, shared, new Prng(2));
    for (const source of sources) engine.announce(source.vertex, source, 0);
    engine.withdraw(90, engine.settle() + 1);
    engine.settle();
    const left = sources.filter(({ vertex }) => vertex !== 90);
    expect(sitesOf(engine, graph)).toEqual([...new CatchmentSolver(graph).solve(left).site]);
  });
});

describe("shares of ASes, drawn once", () => {
  const graph = generateGraph(400, new Prng(8));
  const sources = [17, 350].map((vertex) => ({ vertex, prepends: 0 }));
  const solved = new CatchmentSolver(graph).solve(sources);
  const before = [...solved.site];

  function stayingWith(gracefulPercent: number): number {
    const engine = new PropagationEngine(graph, { ...STEADY, gracefulPercent }, new Prng(4));
    engine.adopt(sources, new CatchmentSolver(graph).solve(sources));
    engine.announce(17, { prepends: 0, isGraceful: true }, 0);
    engine.settle();
    return sitesOf(engine, graph).filter((site) => site === 17).length;
  }

  test("who does not honour GRACEFUL_SHUTDOWN sees a route as any other", () => {
    const served = before.filter((site) => site === 17).length;
    expect(stayingWith(0)).toBe(served);
    const [all, half] = [stayingWith(100), stayingWith(50)];
    expect(all).toBeLessThan(half);
    expect(half).toBeLessThan(served);
  });

  test("who looks for the neighbour in the path before it sends says less", () => {
    // A full mesh of eight in which everybody tells everybody: K (K-1) announcements, or (K-1)^2.
    const counts = [0, 50, 100].map((ssldPercent) => {
      const engine = new PropagationEngine(
        buildShape("full mesh", 8),
        { ...STEADY, ssldPercent, hasPolicy: false },
        new Prng(4),
      );
      engine.announce(0, { prepends: 0 }, 0);
      engine.settle();
      return engine.counts.announcements;
    });
    expect([counts[0], counts[2]]).toEqual([56, 49]);
    expect(counts[1]).toBeGreaterThan(49);
    expect(counts[1]).toBeLessThan(56);
  });
});

/** The graph without the sessions that are down. */
function without(graph: AsGraph, isDown: ReadonlySet<number>): AsGraph {
  const builder = new GraphBuilder();
  for (const asn of graph.asn) builder.addVertex(asn);
  for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
    for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
      const neighbor = graph.neighbors[slot]!;
      if (neighbor < vertex || isDown.has(slot) || isDown.has(graph.reverse[slot]!)) continue;
      if (graph.relations[slot] === RELATION.customer) builder.addTransit(vertex, neighbor);
      else if (graph.relations[slot] === RELATION.provider) builder.addTransit(neighbor, vertex);
      else builder.addPeering(vertex, neighbor);
    }
  }
  return builder.build();
}

describe("sessions", () => {
  test("a client behind one session loses its route with it, and has it again one delay after it is back", () => {
    // 10 above 20, which is above 30.
    const { graph } = smallGraph("10>20", "20>30");
    const engine = new PropagationEngine(graph, STEADY, new Prng(1));
    engine.announce(0, { prepends: 0 }, 0);
    engine.settle();
    const slot = engine.slotBetween(1, 0)!;
    engine.closeSession(slot, 1_000_000);
    expect(engine.siteOf(1)).toBe(undefined);
    expect(engine.siteOf(2)).toBe(0);
    engine.advance(1_000_000 + DELAY_US);
    expect(engine.siteOf(2)).toBe(undefined);
    engine.openSession(slot, 2_000_000);
    engine.advance(2_000_000 + DELAY_US);
    expect(engine.siteOf(1)).toBe(0);
    engine.settle();
    expect(engine.siteOf(2)).toBe(0);
    expect(engine.lastArrivalUs).toBe(2_000_000 + 2 * DELAY_US);
  });

  test("who has the end of a session to close first tells others later, and only what comes of that", () => {
    const TEARDOWN_US = 700;
    const { graph } = smallGraph("10>20", "20>30");
    const options = { ...STEADY, teardownUs: [TEARDOWN_US, TEARDOWN_US] } as const;
    const engine = new PropagationEngine(graph, options, new Prng(1));
    engine.announce(0, { prepends: 0 }, 0);
    expect(engine.settle()).toBe(2 * DELAY_US);
    engine.closeSession(engine.slotBetween(1, 0)!, 1_000_000);
    // Its own choice is made at once.
    expect(engine.siteOf(1)).toBe(undefined);
    expect(engine.settle()).toBe(1_000_000 + TEARDOWN_US + DELAY_US);
    expect(engine.siteOf(2)).toBe(undefined);
    // A new session has nothing to wait for.
    engine.openSession(engine.slotBetween(1, 0)!, 2_000_000);
    expect(engine.settle()).toBe(2_000_000 + 2 * DELAY_US);
  });

  test("what is under way when a session falls never arrives, not in the next one either", () => {
    const { graph } = smallGraph("10>20");
    const engine = new PropagationEngine(graph, { ...STEADY, processingUs: [500, 500] }, new Prng(1));
    engine.announce(0, { prepends: 0 }, 0);
    const slot = engine.slotBetween(1, 0)!;
    engine.closeSession(slot, DELAY_US - 1);
    engine.withdraw(0, DELAY_US - 1);
    engine.openSession(slot, DELAY_US);
    engine.settle();
    expect(engine.siteOf(1)).toBe(undefined);
  });

  test("a timer that ran on the old session holds nothing back on the new one", () => {
    const { graph } = smallGraph("10>20");
    const engine = new PropagationEngine(graph, { delayUs: [1, 1], mraiUs: [MRAI_US, MRAI_US] }, new Prng(1));
    engine.announce(0, { prepends: 0 }, 0);
    engine.advance(10);
    engine.announce(0, { prepends: 1 }, 20);
    engine.openSession(engine.slotBetween(1, 0)!, 30);
    engine.advance(31);
    expect(engine.paths.length[engine.bestPath(1)]).toBe(2);
  });

  const SETS = Object.entries({
    ...TIMING_SETS,
    "rfc-4271, damping, processing": {
      ...TIMING_SETS["rfc-4271"],
      processingUs: [0, 200_000],
      damping: { ...DAMPING_SETS.juniper, percent: 60 },
      ssldPercent: 40,
    } as EngineOptions,
  }).map(([name, timing]) => ({ name, timing: timing as EngineOptions }));

  test.for(SETS)(
    "$name: after sites and sessions have come and gone, everybody ends where the solve of what is left says",
    ({ timing }) => {
      for (let seed = 0; seed < 12; seed++) {
        const prng = new Prng(seed).fork("sessions");
        const graph = generateGraph(prng.integer(100, 250), prng.fork("graph"));
        const engine = new PropagationEngine(graph, timing, prng.fork("engine"));
        const sites = [1, 3, 5, 7, 9].map((tenth) => Math.floor((graph.vertexCount * tenth) / 10));
        const up = new Map<number, Source>();
        const down = new Set<number>();
        let nowUs = 0;
        for (let step = 0; step < 60; step++) {
          if (prng.chance(1, 2)) {
            const vertex = sites[prng.integer(0, sites.length - 1)]!;
            if (up.delete(vertex)) engine.withdraw(vertex, nowUs);
            else {
              up.set(vertex, { vertex, prepends: step % 3 });
              engine.announce(vertex, up.get(vertex)!, nowUs);
            }
          } else {
            // Near the sites, where it matters.
            const site = sites[prng.integer(0, sites.length - 1)]!;
            const slot = prng.integer(graph.offsets[site]!, graph.offsets[site + 1]! - 1);
            const reverse = graph.reverse[slot]!;
            if (down.has(slot) || down.has(reverse)) {
              down.delete(slot);
              down.delete(reverse);
              engine.openSession(slot, nowUs);
            } else {
              // One end notices at once, the other later.
              engine.closeSession(slot, nowUs);
              engine.advance((nowUs += prng.integer(0, 3_000_000)));
              engine.closeSession(reverse, nowUs);
              down.add(slot);
            }
          }
          nowUs += prng.integer(0, prng.chance(1, 2) ? 100_000 : 20_000_000);
          engine.advance(nowUs);
        }
        engine.settle();
        const left = new CatchmentSolver(without(graph, down)).solve([...up.values()]);
        expect(sitesOf(engine, graph)).toEqual([...left.site]);
      }
    },
  );
});

test("a leak: a customer of two tells one what it has from the other, which prefers its customer", () => {
  // 30 is a customer of both, 40 of 10 (the site), 50 of 20.
  const { graph, at } = smallGraph("10=20", "10>30", "20>30", "10>40", "20>50");
  const [thirty, forty, fifty] = [at(30), at(40), at(50)];
  const engine = new PropagationEngine(graph, STEADY, new Prng(1));
  engine.announce(forty, { prepends: 0 }, 0);
  let nowUs = engine.settle();
  const wayOf = (vertex: number): number[] =>
    engine.paths.vertices(engine.bestPath(vertex)).map((hop) => graph.asn[hop]!);
  expect(wayOf(fifty)).toEqual([20, 10, 40]);
  engine.setLeaking(thirty, true, ++nowUs);
  nowUs = engine.settle();
  expect(wayOf(fifty)).toEqual([20, 30, 10, 40]);
  engine.setLeaking(thirty, false, ++nowUs);
  engine.settle();
  expect(wayOf(fifty)).toEqual([20, 10, 40]);
});
