/** The Internet on a clock of its own: what the feed says, in which order, and when it says that all is quiet. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import type { CatchmentFeedLine } from "#core/wire/catchment.ts";
import type { VantageMove } from "#sim/anycast/catchments.ts";
import { Internet } from "#sim/anycast/internet.ts";
import { defaultWorld } from "#sim/topology/default-world.ts";
import type { World } from "#sim/topology/world.ts";
import { VirtualClock } from "../virtual-clock.ts";

const WORLD = defaultWorld();
const QUIET_MS = 5_000;

type RoutesLine = Extract<CatchmentFeedLine, { type: "routes" }>;

class Bench {
  readonly clock = new VirtualClock();
  readonly lines: CatchmentFeedLine[] = [];
  readonly moves: (VantageMove & { readonly revision: number })[] = [];
  readonly settled: { readonly revision: number; readonly durationMs: number }[] = [];
  /** What was told, in order: `ny1 withdrawn`, `moved`, `settled`. */
  readonly told: string[] = [];
  readonly internet: Internet;

  constructor(seed = 1, world: World = WORLD) {
    this.internet = new Internet(world, new Prng(seed), this.clock, {
      publish: (lines) => this.lines.push(...lines),
      moved: (move, revision) => {
        this.told.push("moved");
        this.moves.push({ ...move, revision });
      },
      settled: (revision, durationMs) => {
        this.told.push("settled");
        this.settled.push({ revision, durationMs });
      },
    });
  }

  /** News that the router's word was, if it was any. */
  set(site: string, nodes: readonly string[]): string | undefined {
    let said: string | undefined;
    const announcement = nodes.length === 0 ? undefined : { isGraceful: false, nodes };
    this.internet.set(site, announcement, (news) => {
      said = news;
      this.told.push(`${site} ${news}`);
    });
    return said;
  }

  announceAll(): void {
    for (const { site } of WORLD.sites) this.internet.set(site, { isGraceful: false, nodes: [`${site}-1`] });
    this.clock.advance(QUIET_MS);
  }

  forget(): void {
    this.lines.length = 0;
    this.moves.length = 0;
    this.settled.length = 0;
  }

  routesOf(vantage: string): RoutesLine[] {
    return this.lines.filter(
      (line): line is RoutesLine => line.type === "routes" && line.vantage === vantage,
    );
  }
}

test("at first nobody announces: every vantage is unreachable, and there is nowhere to look", () => {
  const { internet } = new Bench();
  const state = internet.board.state();
  expect(state[0]).toMatchObject({ type: "hello", sites: WORLD.sites.map(({ site }) => site) });
  expect(state.at(-1)).toEqual({ type: "synced", revision: 1 });
  const routes = state.filter((line): line is RoutesLine => line.type === "routes");
  expect(routes).toHaveLength(14);
  expect(routes.every(({ sites, isUnreachable }) => sites.length === 0 && isUnreachable === true)).toBe(true);
});

test("a vantage whose AS has no route for a moment is flagged, and still told where rescue may look", () => {
  const bench = new Bench();
  bench.announceAll();
  bench.forget();
  expect(bench.set("ny1", [])).toBe("withdrawn");
  bench.clock.advance(QUIET_MS);
  const told = bench.routesOf("new-york").map(({ sites, isUnreachable }) => ({
    first: sites[0]?.site,
    isUnreachable: isUnreachable === true,
  }));
  expect(told).toEqual([
    // Until here its packets went to ny1 still, as they did before: nothing to tell.
    { first: "la1", isUnreachable: true },
    { first: "la1", isUnreachable: false },
  ]);
  expect(bench.moves.map(({ vantage, from, to }) => [vantage, from, to])).toEqual([
    ["new-york", "ny1", null],
    ["new-york", null, "la1"],
  ]);
});

test("revisions only grow; a move's event bears the revision of the line that told it", () => {
  const bench = new Bench(4);
  bench.announceAll();
  const revisions = bench.lines.flatMap((line) => ("revision" in line ? [line.revision] : []));
  expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
  expect(revisions[0]).toBe(2);
  for (const move of bench.moves) {
    const line = bench.routesOf(move.vantage).find(({ revision }) => revision === move.revision);
    expect({ move, isTold: line !== undefined }).toEqual({ move, isTold: true });
  }
});

test("only a change is news: the same announcement again is none, other nodes change the feed, not the network", () => {
  const bench = new Bench();
  bench.announceAll();
  bench.forget();
  expect(bench.set("ny1", ["ny1-1"])).toBeUndefined();
  expect(bench.lines).toEqual([]);
  expect(bench.set("ny1", ["ny1-1", "ny1-2"])).toBeUndefined();
  expect(bench.lines).toMatchObject([{ type: "announced", site: "ny1", nodes: ["ny1-1", "ny1-2"] }]);
  bench.clock.advance(QUIET_MS);
  expect(bench.moves).toEqual([]);
  expect(bench.settled).toEqual([]);
});

test("a word of a router is told before what follows from it, also where all follows at once", () => {
  const bench = new Bench(1, { ...WORLD, hasSettledStart: true });
  bench.set("ny1", ["ny1-1"]);
  expect(bench.told.slice(0, 2)).toEqual(["ny1 announced", "moved"]);
  expect(bench.told.at(-1)).toBe("settled");
});

test("all is quiet is told once for each disturbance, with the time its last message took", () => {
  const bench = new Bench();
  bench.announceAll();
  expect(bench.settled).toHaveLength(1);
  bench.forget();
  bench.internet.set("ny1", undefined);
  bench.clock.advance(QUIET_MS);
  expect(bench.settled).toHaveLength(1);
  const { durationMs } = bench.settled[0]!;
  expect(durationMs).toBeGreaterThan(0);
  expect(durationMs).toBeLessThan(2000);
});

test("a process that wakes late carries out what was due at the times at which it was due", () => {
  const prompt = new Bench(9);
  const late = new Bench(9);
  for (const bench of [prompt, late]) bench.announceAll();
  for (const bench of [prompt, late]) {
    bench.forget();
    bench.internet.set("ams1", undefined);
  }
  prompt.clock.advance(QUIET_MS);
  late.clock.stall(700);
  late.clock.advance(QUIET_MS);
  expect(late.moves.map(({ vantage, to, atUs }) => [vantage, to, atUs])).toEqual(
    prompt.moves.map(({ vantage, to, atUs }) => [vantage, to, atUs]),
  );
});
