/**
 * The golden scenario in virtual time: repeatable to the byte, lossless with rescue, and on the bare network no worse
 * than predicted, in every way to fail.
 */
import { expect, test } from "vitest";
import { BFD_DEFAULTS } from "#core/detection.ts";
import { SITES } from "#core/geography/cities.ts";
import { FAULT_HOWS } from "#core/wire/faults.ts";
import { goldenWorld } from "#sim/world/golden-world.ts";
import { predictFault } from "#sim/world/predict.ts";
import { runScenario } from "#sim/world/run-scenario.ts";
import type { ScenarioSummary, ScenarioTest } from "#sim/world/scenario.ts";

const WORLD = goldenWorld();
const MODES = ["anycast", "anycast-only"] as const;
const CASES = MODES.flatMap((mode) => FAULT_HOWS.map((how) => ({ mode, how })));
/** A hop to the node and back, in ms. */
const HOPS_MS = 0.1;

function testNamed(summary: ScenarioSummary, label: ScenarioTest["label"]): ScenarioTest {
  return summary.tests.find((candidate) => candidate.label === label)!;
}

function newYork(summary: ScenarioSummary, label: ScenarioTest["label"]): string {
  const row = testNamed(summary, label).rows.find(({ vantage }) => vantage === "new-york")!;
  return `${row.site} ${row.ttfbMs?.toFixed(1)}`;
}

test.each(CASES)("$mode, $how: the same journal twice, and whichever order the nodes start in", (options) => {
  const first = runScenario({ ...options, rate: 100, seed: 3 });
  expect(runScenario({ ...options, rate: 100, seed: 3 }).hash).toBe(first.hash);
  for (const shuffleStart of [1, 2]) {
    const shuffled = runScenario({ ...options, rate: 100, seed: 3, shuffleStart });
    expect(shuffled.lines).toEqual(first.lines);
    expect(shuffled.hash).toBe(first.hash);
  }
  expect(runScenario({ ...options, rate: 100, seed: 4 }).hash).not.toBe(first.hash);
});

test.each(FAULT_HOWS)(
  "with rescue nothing is lost when New York fails by %s, and the story is the golden one",
  (how) => {
    const { summary } = runScenario({ how });
    expect(summary.requests).toBeGreaterThan(5000);
    expect(summary).toMatchObject({ failedGet: 0, duplicated: 0, resets: 0 });
    expect(summary.moves).toEqual([{ vantage: "new-york", from: "ny1", to: "la1" }]);
    expect(newYork(summary, "before")).toBe("ny1 34.1");
    expect(newYork(summary, "during")).toBe("la1 231.2");
    expect(newYork(summary, "after")).toBe("ny1 34.1");
    for (const label of ["before", "next", "during", "after"] as const) {
      for (const row of testNamed(summary, label).rows) {
        expect(row).toMatchObject({ isOk: true });
        if (row.vantage === "new-york") continue;
        const home = WORLD.home.get(row.vantage)!;
        expect(row.site).toBe(home);
        expect(row.ttfbMs).toBeCloseTo(WORLD.coldTtfbMs(row.vantage, home) + HOPS_MS, 6);
      }
    }
  },
);

test("every site, in every way, with rescue: no GET is lost and no POST is done twice", () => {
  for (const { site } of SITES) {
    for (const how of FAULT_HOWS) {
      const { summary } = runScenario({ target: site, how, seed: 17, rate: 100 });
      const { failedGet, duplicated } = summary;
      expect({ site, how, failedGet, duplicated }).toEqual({ site, how, failedGet: 0, duplicated: 0 });
    }
  }
});

test("killing one node of two moves nobody and fails no GET", () => {
  for (const how of FAULT_HOWS) {
    const { summary } = runScenario({ target: "ny1-1", how });
    expect(summary).toMatchObject({ failedGet: 0, duplicated: 0, moves: [], detectedMs: null });
  }
});

test("the moves of a run are those predicted", () => {
  for (const { site } of SITES) {
    const options = { target: site, how: "kill", mode: "anycast", rate: 100, seed: 5 } as const;
    const { moves } = predictFault({ ...options, holdTimeS: 9, bfd: BFD_DEFAULTS, nodesPerSite: 2 });
    const played = runScenario(options).summary.moves.toSorted((a, b) => (a.vantage < b.vantage ? -1 : 1));
    expect(played).toEqual([...moves].sort((a, b) => (a.vantage < b.vantage ? -1 : 1)));
  }
});

test("on the bare network the loss lies within what was predicted, for sites and for nodes, over seeds", () => {
  for (const target of ["ny1", "ams1", "ny1-2"]) {
    for (const how of FAULT_HOWS) {
      for (const [seed, bfd] of [
        [1, BFD_DEFAULTS],
        [2, BFD_DEFAULTS],
        [1, null],
        [2, null],
      ] as const) {
        const options = { target, how, mode: "anycast-only", rate: 500 } as const;
        const asked = { ...options, holdTimeS: 9, bfd: bfd ?? undefined, nodesPerSite: 2 };
        const { lossMin, lossMax } = predictFault(asked);
        const { summary } = runScenario({ ...options, seed, bfd });
        const lost = summary.failedGet + summary.failedPost;
        const isWithin = lost >= Math.floor(lossMin) && lost <= Math.ceil(lossMax);
        expect({ target, how, seed, bfd, lost, lossMin, lossMax, isWithin }).toEqual({
          target,
          how,
          seed,
          bfd,
          lost,
          lossMin,
          lossMax,
          isWithin: true,
        });
        expect(summary.duplicated).toBe(0);
      }
    }
  }
});

test("silence is noticed by BFD within its window, at the router of every node", () => {
  const seen: number[] = [];
  for (const how of ["hang", "isolate", "bgp-cut"] as const) {
    for (let seed = 1; seed <= 8; seed++) {
      const { journal, summary } = runScenario({ how, mode: "anycast-only", rate: 20, seed });
      seen.push(summary.detectedMs!);
      const during = journal.filter(({ atNs }) => atNs >= summary.faultNs && atNs < summary.reviveNs);
      const alarms = during.filter((event) => event.kind === "bfd.session" && event.state === "down");
      expect(alarms).toHaveLength(2);
      expect(alarms.map((event) => event.kind === "bfd.session" && event.detectMs)).toEqual([300, 300]);
      expect(during.find(({ kind }) => kind === "site.withdrawn")).toMatchObject({
        reason: expect.stringMatching(/^ny1-[12]: BFD down: nothing heard for 300 ms$/),
      });
    }
  }
  // The second node of the site decides.
  expect(Math.min(...seen)).toBeGreaterThan(200 - 1);
  expect(Math.max(...seen)).toBeLessThan(300 + 1);
  expect(Math.max(...seen) - Math.min(...seen)).toBeGreaterThan(20);
});

test("BFD raises no alarm when a node is killed or leaves: the session has ended before", () => {
  for (const how of ["kill", "shutdown"] as const) {
    const { journal } = runScenario({ how, rate: 20 });
    const states = journal.flatMap((event) =>
      event.kind === "bfd.session" && event.node === "ny1-1" ? [`${event.state} ${event.detectMs}`] : [],
    );
    expect(states).toEqual(["up null", "down null", "up null"]);
  }
});

test("without BFD silence is noticed when the hold timer runs out: between 2/3 of it and all of it, seldom at one end only", () => {
  const seen: number[] = [];
  for (let seed = 1; seed <= 12; seed++) {
    const { detectedMs } = runScenario({
      how: "hang",
      mode: "anycast-only",
      rate: 20,
      seed,
      bfd: null,
    }).summary;
    seen.push(detectedMs!);
  }
  // The second node of the site decides; a hop of 50 µs lies between it and its router.
  expect(Math.min(...seen)).toBeGreaterThan(6000 - 1);
  expect(Math.max(...seen)).toBeLessThan(9000 + 1);
  expect(Math.max(...seen) - Math.min(...seen)).toBeGreaterThan(500);
});

test("the gateway takes a killed node out at once and a silent one within a quarter of a second", () => {
  expect(runScenario({ how: "kill" }).summary.ejectedMs).toBeLessThan(20);
  expect(runScenario({ how: "hang" }).summary.ejectedMs).toBeLessThan(350);
  expect(runScenario({ how: "bgp-cut" }).summary.ejectedMs).toBeNull();
});

test("a node that comes back announces only after it is ready", () => {
  for (const how of FAULT_HOWS) {
    const { journal, summary } = runScenario({ how });
    const back = journal.filter(({ atNs }) => atNs >= summary.reviveNs);
    for (const node of ["ny1-1", "ny1-2"]) {
      const announced = back.find((event) => event.kind === "bgp.announced" && event.node === node);
      expect(announced).toMatchObject({ isGracefulShutdown: false });
      const states = journal.flatMap((event) =>
        event.kind === "node.serving" && event.node === node && event.atNs <= announced!.atNs
          ? [event.state]
          : [],
      );
      expect(states.at(-1)).toBe("ready");
    }
  }
});

test("a shutdown asks others to take over, serves until its traffic has gone, then withdraws", () => {
  // With rescue the gateway stops asking at the first check that says "draining", and the node may be quiet, and gone,
  // before BGP has moved anybody: nothing is lost, but the order is the bare network's.
  const { journal, summary } = runScenario({ how: "shutdown", mode: "anycast-only" });
  const story = journal
    .filter(({ atNs }) => atNs >= summary.faultNs && atNs < summary.reviveNs)
    .flatMap((event) => {
      if (event.kind === "site.announced") return [event.isGracefulShutdown ? "graceful" : "announced"];
      if (event.kind === "vantage.moved") return [`${event.vantage} to ${event.to}`];
      return event.kind === "site.withdrawn" ? ["withdrawn"] : [];
    });
  expect(story).toEqual(["graceful", "new-york to la1", "withdrawn"]);
  const drains = journal.flatMap((event) => (event.kind === "drain.finished" ? [event] : []));
  expect(drains).toHaveLength(2);
  for (const { waitedMs, requestsOpen } of drains) {
    expect(requestsOpen).toBe(0);
    expect(waitedMs).toBeGreaterThanOrEqual(500);
    expect(waitedMs).toBeLessThan(5000);
  }
});

test("every line of the journal is an event with a time, a source and a kind, and times are whole nanoseconds", () => {
  const { lines } = runScenario({ rate: 50 });
  for (const line of lines) {
    const event: unknown = JSON.parse(line);
    expect(event).toMatchObject({ source: expect.any(String), kind: expect.any(String) });
    expect(Number.isSafeInteger((event as { atNs: number }).atNs)).toBe(true);
  }
});

test("options out of range are refused by name", () => {
  expect(() => runScenario({ rate: 0 })).toThrow(/rate 0 is no whole number between 1 and 10000/);
  expect(() => runScenario({ holdTimeS: 2 })).toThrow(/holdTimeS 2/);
  expect(() => runScenario({ bfd: { intervalMs: 0, multiplier: 3 } })).toThrow(/bfd\.intervalMs 0/);
  expect(() => runScenario({ seed: 1.5 })).toThrow(/seed 1\.5/);
  expect(() => runScenario({ nodesPerSite: 0 })).toThrow(/nodesPerSite 0/);
  expect(() => runScenario({ target: "ny9" })).toThrow(/no site or node "ny9"/);
});
