/**
 * How long a withdrawal takes by MRAI, where an AS takes its messages one after the other: short timers drown it in
 * messages, long ones make it wait, and between them lies a minimum (Griffin and Premore, "An Experimental Analysis of BGP
 * Convergence Time", ICNP 2001). A full mesh of ten, processing U[0, 1] s, timers jittered by 0.75 to 1 (RFC 4271 §10).
 */
import { Prng } from "#core/prng.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import { buildShape } from "./shapes.ts";
import { bandRow, Equalities, type TruthRow } from "./truth-row.ts";

const ASES = 10;
const MRAIS_S = [0, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30] as const;
const SEEDS = 8;
const SECOND_US = 1_000_000;
const DELAY_US = 10_000;
const JITTER_MIN = 0.75;
const QUIET_US = 60 * SECOND_US;
/** From here on more time buys no fewer messages, and costs in proportion. */
const PLATEAU_S = 10;
const SOURCE = "Griffin and Premore, ICNP 2001: an optimum, linear growth beyond it";

interface CurvePoint {
  readonly mraiS: number;
  /** Means over the seeds. */
  readonly seconds: number;
  readonly messages: number;
}

export function mraiCurve(): CurvePoint[] {
  return MRAIS_S.map((mraiS) => {
    let seconds = 0;
    let messages = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const run = playDown(mraiS, seed);
      seconds += run.seconds / SEEDS;
      messages += run.messages / SEEDS;
    }
    return { mraiS, seconds, messages };
  });
}

function playDown(mraiS: number, seed: number): { readonly seconds: number; readonly messages: number } {
  const mraiUs = mraiS * SECOND_US;
  const engine = new PropagationEngine(
    buildShape("full mesh", ASES),
    {
      delayUs: [DELAY_US, DELAY_US],
      mraiUs: [JITTER_MIN * mraiUs, mraiUs],
      isMraiJittered: true,
      processingUs: [0, SECOND_US],
      hasPolicy: false,
    },
    new Prng(seed).fork("truth/mrai-curve"),
  );
  engine.announce(0, { prepends: 0 }, 0);
  const downUs = engine.settle() + QUIET_US;
  const said = engine.counts.announcements + engine.counts.withdrawals;
  engine.withdraw(0, downUs);
  engine.settle();
  return {
    seconds: (engine.lastArrivalUs - downUs) / SECOND_US,
    messages: engine.counts.announcements + engine.counts.withdrawals - said,
  };
}

export function mraiCurveRows(): TruthRow[] {
  const curve = mraiCurve();
  const least = curve.reduce((best, point) => (point.seconds < best.seconds ? point : best));
  const told = curve.map(({ mraiS, seconds }) => `${mraiS}: ${seconds.toFixed(0)}`).join(", ");
  const beyond = curve.filter(({ mraiS }) => mraiS >= PLATEAU_S);
  const growth = new Equalities("steps");
  for (const [index, point] of beyond.slice(1).entries()) {
    const before = beyond[index]!;
    growth.note(point.seconds > before.seconds, () => `${point.mraiS} s is no slower than ${before.mraiS} s`);
    growth.note(
      point.messages < 1.25 * before.messages && point.messages > 0.75 * before.messages,
      () => `messages at ${point.mraiS} s: ${point.messages.toFixed(0)} after ${before.messages.toFixed(0)}`,
    );
  }
  return [
    bandRow(
      {
        quantity: "MRAI at which a full mesh of 10 converges fastest, processing 0 to 1 s a message",
        source: SOURCE,
        kind: "independent",
      },
      { min: 4, max: 10, unit: " s", digits: 0 },
      { value: least.mraiS, spread: `(mean s by MRAI, ${SEEDS} runs each: ${told})` },
    ),
    growth.row(
      { quantity: "the same from 10 s on: longer takes longer, and messages stay as many", source: SOURCE },
      "each step",
    ),
  ];
}
