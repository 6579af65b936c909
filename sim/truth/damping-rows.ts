/**
 * Route-flap damping: how long a penalty holds a route back, and how many quick flaps it takes. Whole µs; the moment of
 * reuse is checked against the exponential itself, not against the logarithm that computed it.
 */
import { Prng } from "#core/prng.ts";
import {
  DAMPING_NAMES,
  DAMPING_SETS,
  penaltyMax,
  reuseAfterUs,
  type DampingName,
} from "#sim/propagation/damping.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import { GraphBuilder } from "#sim/topology/as-graph.ts";
import { Equalities, type TruthRow } from "./truth-row.ts";

const US_PER_MIN = 60_000_000;
/** Penalty, and the minutes to 750 with a half-life of 15. */
const WINDOWS = [
  [2_500, 26.1],
  [3_000, 30],
  [4_000, 36.2],
  [6_000, 45],
  [12_000, 60],
] as const;
/** How many withdrawals in quick succession it takes, each followed by an announcement. */
const FLAPS: Readonly<Record<DampingName, number>> = { cisco: 3, juniper: 2, "rfc-7196": 7 };
const FLAPS_TRIED = 10;
const DELAY_US = 1_000;
const SOURCE = "RFC 2439; Cisco IOS, Junos and RFC 7196 values";

export function dampingRows(): TruthRow[] {
  return [windowRow(), flapsRow()];
}

function windowRow(): TruthRow {
  const equalities = new Equalities("penalties");
  const set = DAMPING_SETS.cisco;
  const ratePerUs = Math.LN2 / (set.halfLifeMin * US_PER_MIN);
  for (const [penalty, minutes] of WINDOWS) {
    const us = reuseAfterUs(penalty, set);
    const decayed = (afterUs: number): number => penalty * Math.exp(-ratePerUs * afterUs);
    const isFirst = decayed(us) <= set.reuse * (1 + Number.EPSILON * 8) && decayed(us - 1) > set.reuse;
    const isTold = (us / US_PER_MIN).toFixed(1) === minutes.toFixed(1);
    equalities.note(isFirst && isTold, () => `${penalty}: ${us} µs`);
  }
  equalities.note(penaltyMax(set) === 12_000, () => `the ceiling is ${penaltyMax(set)}`);
  return equalities.row(
    { quantity: "damping: minutes until a penalty has decayed to 750, half-life 15 min", source: SOURCE },
    WINDOWS.map(([penalty, minutes]) => `${penalty}: ${minutes.toFixed(1)}`).join(", "),
  );
}

function flapsRow(): TruthRow {
  const equalities = new Equalities("sets");
  for (const name of DAMPING_NAMES) {
    const got = flapsUntilSuppressed(name);
    equalities.note(got === FLAPS[name], () => `${name}: ${got}`);
  }
  return equalities.row(
    { quantity: "damping: quick flaps until a route is held back, played", source: SOURCE },
    DAMPING_NAMES.map((name) => `${name} ${FLAPS[name]}`).join(", "),
  );
}

/** A site below a provider that damps. */
function flapsUntilSuppressed(name: DampingName): number {
  const builder = new GraphBuilder();
  const provider = builder.addVertex(1);
  const site = builder.addVertex(2);
  builder.addTransit(provider, site);
  const damping = { ...DAMPING_SETS[name], percent: 100 };
  const options = { delayUs: [DELAY_US, DELAY_US], mraiUs: [0, 0], damping } as const;
  const engine = new PropagationEngine(builder.build(), options, new Prng(1));
  let nowUs = 0;
  const announce = (): void => {
    engine.announce(site, { prepends: 0 }, nowUs);
    engine.advance((nowUs += DELAY_US));
  };
  announce();
  for (let flap = 1; flap <= FLAPS_TRIED; flap++) {
    engine.withdraw(site, nowUs);
    engine.advance((nowUs += DELAY_US));
    announce();
    if (engine.siteOf(provider) === undefined) return flap;
  }
  return Infinity;
}
