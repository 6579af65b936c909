/**
 * The closed forms against the engine: every count of ASes, nine pairs of MRAI and delay, AS numbers in and out of
 * order, any origin, and what happens at one moment served first in, first out and in orders that are drawn.
 */
import { Prng } from "#core/prng.ts";
import {
  LAWS,
  MESH_WITHOUT_MRAI,
  upLaw,
  type Down,
  type Law,
  type Mode,
  type Up,
} from "./convergence-laws.ts";
import { playShape, type ShapeTimes } from "./play-shape.ts";
import { buildShape, type Shape } from "./shapes.ts";
import { Equalities, type TruthRow } from "./truth-row.ts";

const MRAIS_US = [1_000_000, 5_000_000, 30_000_000] as const;
const DELAYS_US = [1_000, 10_000, 100_000] as const;
const TIMERS = MRAIS_US.flatMap((mraiUs) => DELAYS_US.map((delayUs) => ({ mraiUs, delayUs })));
const SOURCE = "closed forms, sim/truth/convergence-laws.ts; two other simulators agree";
const EVEN_RINGS = [4, 6, 8, 10, 12] as const;
const SSLD_MRAI_US = 30_000_000;
const SSLD_DELAY_US = 10_000;
/** A run that pays this much of an MRAI is no longer "a few delays". */
const ROUND_SHARE = 0.5;

/** `orders`: how many drawn orders of simultaneous events each case is repeated in, beside the natural one. */
export function exactRows(orders: number): TruthRow[] {
  return [
    ...LAWS.flatMap((law) => lawRows(law, orders)),
    meshWithoutMrai(orders),
    meshMessagesWithoutMrai(),
    ...evenRings(orders),
    ssldInAnyOrder(orders),
  ];
}

function lawRows(law: Law, orders: number): TruthRow[] {
  const downs = new Equalities("runs");
  const ups = new Equalities("runs");
  for (const count of law.counts) {
    const name = `${law.shape} of ${count}, ${law.mode}`;
    for (const timers of TIMERS) {
      for (let order = 0; order <= (law.isForAnyOrder ? orders : 0); order++) {
        const times = playInOrder(law.shape, law.mode, count, timers, order);
        const wanted = law.down(count, timers.mraiUs, timers.delayUs);
        downs.note(isSameDown(times, wanted), () => differing(name, wanted, times.down));
        const up = upLaw(law.shape, law.mode, count, timers.delayUs);
        ups.note(isSameUp(times.up, up), () => differing(name, up, times.up));
      }
    }
  }
  const symbol = law.shape === "full mesh" ? "K" : "n";
  const counts = `${symbol} = ${law.counts[0]} to ${law.counts.at(-1)}`;
  const order = law.isForAnyOrder ? "any order of events" : "events as they arose; no law in another order";
  return [
    downs.row(
      { quantity: `${law.shape}, ${law.mode}: withdrawal, ${counts}, ${order}`, source: SOURCE },
      `${law.downText}, and the counts`,
    ),
    ups.row(
      { quantity: `${law.shape}, ${law.mode}: announcement, ${counts}`, source: SOURCE },
      upText(law.shape),
    ),
  ];
}

interface Timers {
  readonly mraiUs: number;
  readonly delayUs: number;
}

/** Order 0 is the natural one: AS numbers and origin too. A line has its origin at an end. */
function playInOrder(shape: Shape, mode: Mode, count: number, timers: Timers, order: number): ShapeTimes {
  if (order === 0) return playShape({ graph: buildShape(shape, count), origin: 0, mode, ...timers });
  const prng = new Prng(order).fork(`${shape}/${mode}/${count}/${timers.mraiUs}/${timers.delayUs}`);
  const graph = buildShape(shape, count, prng);
  const origin = shape === "line" ? 0 : prng.integer(0, count - 1);
  return playShape({ graph, origin, mode, ...timers, orderSeed: prng.uint32() });
}

function isSameDown({ down, left }: ShapeTimes, wanted: Down): boolean {
  const { us, announcements, withdrawals } = wanted;
  return (
    left === 0 && down.us === us && down.announcements === announcements && down.withdrawals === withdrawals
  );
}

function isSameUp(got: Up, wanted: Up): boolean {
  return got.us === wanted.us && (wanted.messages === undefined || got.messages === wanted.messages);
}

function differing(name: string, wanted: object, got: object): string {
  return `first difference at ${name}: wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`;
}

function upText(shape: Shape): string {
  return {
    "full mesh": "d, and the count",
    ring: "floor(n/2) d, and the count without SSLD",
    line: "(n-1) d",
  }[shape];
}

function meshWithoutMrai(orders: number): TruthRow {
  const equalities = new Equalities("runs");
  for (const { count } of MESH_WITHOUT_MRAI.slice(0, -1)) {
    for (const delayUs of DELAYS_US) {
      for (let order = 0; order <= orders; order++) {
        const { down } = playInOrder("full mesh", "plain", count, { mraiUs: 0, delayUs }, order);
        equalities.note(
          down.us === count * delayUs,
          () => `K = ${count}: ${down.us} µs at a delay of ${delayUs}`,
        );
      }
    }
  }
  return equalities.row(
    {
      quantity: "full mesh without MRAI: withdrawal, K = 3 to 6, any order of events",
      source: SOURCE,
    },
    "K d",
  );
}

function meshMessagesWithoutMrai(): TruthRow {
  const equalities = new Equalities("counts");
  for (const { count, messages } of MESH_WITHOUT_MRAI) {
    const timers = { mraiUs: 0, delayUs: SSLD_DELAY_US };
    const { down } = playInOrder("full mesh", "plain", count, timers, 0);
    const got = down.announcements + down.withdrawals;
    equalities.note(got === messages, () => `K = ${count}: ${messages} wanted, ${got} counted`);
  }
  return equalities.row(
    {
      quantity: "full mesh without MRAI: messages, K = 3 to 7, events as they arose; no law in another order",
      source: SOURCE,
    },
    MESH_WITHOUT_MRAI.map(({ messages }) => messages).join(", "),
  );
}

/** The far node of an even ring loses both sides at once: which it notices first decides how much is said. */
function evenRings(orders: number): TruthRow[] {
  const times = new Equalities("runs");
  const counts = new Equalities("runs");
  for (const count of EVEN_RINGS) {
    for (const timers of TIMERS) {
      for (let order = 0; order <= orders; order++) {
        const { down } = playInOrder("ring", "plain", count, timers, order);
        const messages = down.announcements + down.withdrawals;
        times.note(down.us === count * timers.delayUs, () => `n = ${count}: ${down.us} µs`);
        counts.note(
          messages === 6 * count - 8 || messages === 4 * count - 6,
          () => `n = ${count}: ${messages}`,
        );
      }
    }
  }
  const source = SOURCE;
  return [
    times.row({ quantity: "even ring, plain: withdrawal, n = 4 to 12, any order of events", source }, "n d"),
    counts.row(
      { quantity: "even ring, plain: messages, n = 4 to 12; the order of events decides which", source },
      "6n - 8 or 4n - 6",
    ),
  ];
}

/** Shown, not judged: with events in another order than they arose, some meshes pay a whole MRAI. */
function ssldInAnyOrder(orders: number): TruthRow {
  let runs = 0;
  let paying = 0;
  let longestUs = 0;
  for (let count = 4; count <= 8; count++) {
    for (let order = 1; order <= orders * 3; order++) {
      const timers = { mraiUs: SSLD_MRAI_US, delayUs: SSLD_DELAY_US };
      const { down } = playInOrder("full mesh", "SSLD", count, timers, order);
      runs += 1;
      if (down.us > ROUND_SHARE * SSLD_MRAI_US) paying += 1;
      longestUs = Math.max(longestUs, down.us);
    }
  }
  return {
    quantity: "full mesh, SSLD: withdrawal in a drawn order of events, M = 30 s, d = 0.01 s",
    expected: "no law: 3d to whole MRAIs",
    got: `longest ${(longestUs / 1e6).toFixed(2)} s; ${paying} of ${runs} runs paid an MRAI`,
    source: SOURCE,
    kind: "exact",
    verdict: "no law",
  };
}
