/** A world with a settled start: its first announcements are everywhere at once, later changes take their time. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { Catchments } from "#sim/anycast/catchments.ts";
import { defaultWorld } from "#sim/topology/default-world.ts";
import type { World } from "#sim/topology/world.ts";

const SECOND_US = 1_000_000;
const WORLD: World = { ...defaultWorld(), hasSettledStart: true };
const ALL = WORLD.sites.map(({ site }) => site);

function reached(catchments: Catchments): Record<string, string | null> {
  return Object.fromEntries(WORLD.vantages.map(({ vantage }) => [vantage, catchments.reached(vantage)]));
}

/** The same sites announced in a world that plays its start. */
function played(sites: readonly string[]): Record<string, string | null> {
  const catchments = new Catchments(defaultWorld(), new Prng(1));
  for (const site of sites) catchments.announce(site, false, 0);
  catchments.advance(100 * SECOND_US);
  return reached(catchments);
}

test("each announcement of the start is everywhere at once, and where it would have ended", () => {
  const catchments = new Catchments(WORLD, new Prng(1));
  for (const [index, site] of ALL.entries()) {
    catchments.announce(site, false, index);
    const moves = catchments.advance(index);
    expect(moves.every(({ atUs }) => atUs === index)).toBe(true);
    expect(reached(catchments)).toEqual(played(ALL.slice(0, index + 1)));
    expect(catchments.nextDueUs()).toBe(Infinity);
  }
});

test("after the start a withdrawal is played, from the state that was solved, and so is the return", () => {
  const catchments = new Catchments(WORLD, new Prng(1));
  for (const site of ALL) catchments.announce(site, false, 0);
  const before = reached(catchments);
  catchments.advance(0);
  catchments.withdraw("ny1", SECOND_US);
  expect(reached(catchments)).toEqual(before);
  const [first] = catchments.advance(100 * SECOND_US);
  expect(first!.atUs).toBeGreaterThan(SECOND_US);
  expect(reached(catchments)).toEqual(played(ALL.filter((site) => site !== "ny1")));
  catchments.announce("ny1", false, 200 * SECOND_US);
  catchments.advance(300 * SECOND_US);
  expect(reached(catchments)).toEqual(before);
});

test("the start ends with the first that leaves, and the others' announcements are news from then on", () => {
  const catchments = new Catchments(WORLD, new Prng(1));
  catchments.announce("la1", false, 0);
  catchments.announce("ny1", false, 0);
  catchments.withdraw("ny1", 10);
  catchments.announce("ams1", false, 20);
  catchments.advance(20);
  expect(catchments.reached("amsterdam")).toBe("ny1");
  catchments.advance(100 * SECOND_US);
  expect(reached(catchments)).toEqual(played(["la1", "ams1"]));
});

test("a site that comes half a minute after the first is news", () => {
  const catchments = new Catchments(WORLD, new Prng(1));
  catchments.announce("la1", false, 0);
  catchments.announce("ams1", false, 31 * SECOND_US);
  expect(catchments.reached("amsterdam")).toBe("la1");
  catchments.advance(100 * SECOND_US);
  expect(catchments.reached("amsterdam")).toBe("ams1");
});

test("a site that drains at the start is the last choice, as ever", () => {
  const catchments = new Catchments(WORLD, new Prng(1));
  catchments.announce("la1", false, 0);
  catchments.announce("ny1", true, 1);
  catchments.advance(100 * SECOND_US);
  expect(catchments.reached("new-york")).toBe("la1");
});

test("two vantages in one AS both move", () => {
  const [newYork] = WORLD.vantages.filter(({ vantage }) => vantage === "new-york");
  const twice: World = {
    ...WORLD,
    vantages: [...WORLD.vantages, { ...newYork!, vantage: "brooklyn" }],
    rttUs: () => 1,
  };
  const catchments = new Catchments(twice, new Prng(1));
  for (const site of ALL) catchments.announce(site, false, 0);
  catchments.advance(0);
  catchments.withdraw("ny1", SECOND_US);
  const moves = catchments.advance(100 * SECOND_US);
  const last = (vantage: string): string | null => moves.findLast((move) => move.vantage === vantage)!.to;
  expect(last("brooklyn")).toBe("la1");
  expect(last("new-york")).toBe("la1");
});
