/** Route-flap damping: penalties, windows and what the AS does meanwhile, to the microsecond. */
import { describe, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { DAMPING_SETS, penaltyMax, RouteDamper, reuseAfterUs } from "#sim/propagation/damping.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import { smallGraph } from "../small-graph.ts";

const MIN_US = 60_000_000;
const DELAY_US = 10_000;
const SLOT = 0;
const PATH = 7;
const OTHER_PATH = 8;

/** Withdrawn and announced again so often, all at one moment. */
function flapped(times: number, set: keyof typeof DAMPING_SETS): RouteDamper {
  const damper = new RouteDamper(1, DAMPING_SETS[set]);
  let used = damper.hear(SLOT, 0, PATH, 0);
  for (let flap = 0; flap < times; flap++) {
    used = damper.hear(SLOT, used, 0, 0);
    used = damper.hear(SLOT, used, PATH, 0);
  }
  return damper;
}

test.for([
  [2_500, 26.1],
  [3_000, 30],
  [4_000, 36.2],
  [6_000, 45],
  [12_000, 60],
] as const)("a penalty of %i decays to 750 in %f minutes", ([penalty, minutes]) => {
  expect(reuseAfterUs(penalty, DAMPING_SETS.cisco) / MIN_US).toBeCloseTo(minutes, 1);
});

test("the ceiling is what an hour of decay leaves at the reuse threshold", () => {
  expect(penaltyMax(DAMPING_SETS.cisco)).toBe(12_000);
  expect(flapped(50, "cisco").reuseUs(SLOT, 0)).toBe(60 * MIN_US);
});

describe("quick flaps until a route is suppressed", () => {
  // 2000 is not above 2000; a withdrawal and an announcement count 2000 at Juniper's.
  test.for([
    ["cisco", 3],
    ["juniper", 2],
    ["rfc-7196", 7],
  ] as const)("%s: %i", ([set, flaps]) => {
    expect(flapped(flaps - 1, set).isSuppressed(SLOT)).toBe(false);
    expect(flapped(flaps, set).isSuppressed(SLOT)).toBe(true);
  });
});

test("another path counts 500 and does not begin at zero", () => {
  const damper = flapped(2, "cisco");
  expect(damper.hear(SLOT, PATH, OTHER_PATH, 0)).toBe(0);
  expect(damper.reuseUs(SLOT, 0)).toBe(reuseAfterUs(2_500, DAMPING_SETS.cisco));
});

test("penalties decay between flaps", () => {
  const damper = flapped(1, "cisco");
  damper.hear(SLOT, PATH, 0, 15 * MIN_US);
  damper.hear(SLOT, 0, PATH, 15 * MIN_US);
  damper.hear(SLOT, PATH, 0, 30 * MIN_US);
  // 1000 halved twice, 1000 halved once, 1000.
  expect(damper.isSuppressed(SLOT)).toBe(false);
  expect(damper.reuseUs(SLOT, 30 * MIN_US) - 30 * MIN_US).toBe(reuseAfterUs(1_750, DAMPING_SETS.cisco));
});

test("a session that is lost is no flap", () => {
  const damper = new RouteDamper(1, DAMPING_SETS.juniper);
  for (let reset = 0; reset < 10; reset++) {
    expect(damper.hear(SLOT, 0, PATH, 0)).toBe(PATH);
    damper.forget(SLOT);
  }
  expect(damper.isSuppressed(SLOT)).toBe(false);
});

/** 1 is the site, 2 its provider, 3 a customer of 2. Everybody damps. */
function flapOnALine(flaps: number) {
  const { graph, at } = smallGraph("2>1", "2>3");
  const [site, provider, client] = [at(1), at(2), at(3)];
  const bestUs: number[] = [];
  const engine: PropagationEngine = new PropagationEngine(
    graph,
    {
      delayUs: [DELAY_US, DELAY_US],
      mraiUs: [0, 0],
      damping: { ...DAMPING_SETS.cisco, percent: 100 },
    },
    new Prng(1),
    { onBestChange: (vertex, atUs) => void (vertex === client && bestUs.push(atUs)) },
  );
  engine.announce(site, { prepends: 0 }, 0);
  let nowUs = engine.settle();
  for (let flap = 0; flap < flaps; flap++) {
    engine.withdraw(site, ++nowUs);
    nowUs += DELAY_US;
    engine.advance(nowUs);
    engine.announce(site, { prepends: 0 }, ++nowUs);
    nowUs += DELAY_US;
    engine.advance(nowUs);
  }
  const isReached = engine.siteOf(provider) === site;
  engine.settle();
  return { isReached, afterUs: engine.lastArrivalUs - nowUs, endsAt: engine.siteOf(client), site };
}

test("two flaps pass; after the third the site is unreachable for about half an hour, and then comes back", () => {
  expect(flapOnALine(2)).toMatchObject({ isReached: true });
  const { isReached, afterUs, endsAt, site } = flapOnALine(3);
  expect(isReached).toBe(false);
  expect(endsAt).toBe(site);
  expect(afterUs / MIN_US).toBeCloseTo(30, 1);
});

test("who does not damp is not held up: no percent of the ASes", () => {
  const { graph, at } = smallGraph("2>1");
  const [site, provider] = [at(1), at(2)];
  const damping = { ...DAMPING_SETS.cisco, percent: 0 };
  const engine = new PropagationEngine(graph, { delayUs: [1, 1], mraiUs: [0, 0], damping }, new Prng(1));
  for (let flap = 0; flap < 20; flap++) {
    engine.announce(site, { prepends: 0 }, 4 * flap);
    engine.advance(4 * flap + 2);
    engine.withdraw(site, 4 * flap + 2);
    engine.advance(4 * flap + 4);
  }
  engine.announce(site, { prepends: 0 }, 100);
  expect(engine.settle()).toBe(101);
  expect(engine.siteOf(provider)).toBe(site);
});
