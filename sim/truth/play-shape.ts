/** An origin announces to an idle network, and when all is quiet and every timer has run out, withdraws. */
import { Prng } from "#core/prng.ts";
import { PropagationEngine } from "#sim/propagation/engine.ts";
import type { AsGraph } from "#sim/topology/as-graph.ts";
import type { Down, Mode, Up } from "./convergence-laws.ts";

export interface ShapeRun {
  readonly graph: AsGraph;
  readonly origin: number;
  readonly mraiUs: number;
  readonly delayUs: number;
  readonly mode: Mode;
  /** Events of one moment in an order drawn from this seed; undefined: in the order in which they arose. */
  readonly orderSeed?: number;
}

export interface ShapeTimes {
  readonly up: Up;
  readonly down: Down;
  /** ASes that still have a route at the end. */
  readonly left: number;
}

export function playShape({ graph, origin, mraiUs, delayUs, mode, orderSeed }: ShapeRun): ShapeTimes {
  let bestUs = 0;
  const engine = new PropagationEngine(
    graph,
    {
      delayUs: [delayUs, delayUs],
      mraiUs: [mraiUs, mraiUs],
      hasPolicy: false,
      wratePercent: mode.startsWith("WRATE") ? 100 : 0,
      ssldPercent: mode.endsWith("SSLD") ? 100 : 0,
      isOrderShuffled: orderSeed !== undefined,
    },
    new Prng(orderSeed ?? 0),
    { onBestChange: (_, atUs) => void (bestUs = atUs) },
  );
  engine.announce(origin, { prepends: 0 }, 0);
  const quietUs = engine.settle() + mraiUs + 1;
  const upUs = bestUs;
  const { announcements: upAnnouncements, withdrawals: upWithdrawals } = engine.counts;
  engine.withdraw(origin, quietUs);
  engine.settle();
  const { announcements, withdrawals } = engine.counts;
  return {
    up: { us: upUs, messages: upAnnouncements + upWithdrawals },
    down: {
      us: engine.lastArrivalUs - quietUs,
      announcements: announcements - upAnnouncements,
      withdrawals: withdrawals - upWithdrawals,
    },
    left: [...graph.asn.keys()].filter((vertex) => engine.siteOf(vertex) !== undefined).length,
  };
}
