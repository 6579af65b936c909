/**
 * Named sets of timers for a whole Internet. A set is frozen under its name: results quote the name, and a better model
 * gets a new one.
 */
import type { EngineOptions } from "./engine.ts";

const SECOND_US = 1_000_000;
/** RFC 4271 §10: 30 s for external peers, jittered by a factor of 0.75 to 1. */
const MRAI_US = [22_500_000, 30_000_000] as const;

export const TIMING_SETS = {
  /**
   * Half of the ASes have an MRAI (vendors differ: FRR 0, IOS 30 s), 15 % of those for withdrawals too, messages take
   * 10 ms and 2 s more on average. Fitted by trial to the RIS beacon of 2 February 2011 (withdrawal seen by 90 % of the
   * observers after about two minutes, four times as many updates as for the announcement; labs.ripe.net, "The Shape of
   * a BGP Update"). It does not match how fast that announcement spread.
   */
  "fitted-2011": {
    delayUs: [10_000, 60 * SECOND_US],
    delayMeanUs: 2 * SECOND_US,
    mraiUs: MRAI_US,
    isMraiJittered: true,
    mraiPercent: 50,
    wratePercent: 15,
  },
  /** Every AS has the MRAI of RFC 4271, only for announcements; messages take 25 to 70 ms. */
  "rfc-4271": { delayUs: [25_000, 70_000], mraiUs: MRAI_US, isMraiJittered: true },
  /** No MRAI at all, as FRR comes; messages take 25 to 70 ms. */
  "no-mrai": { delayUs: [25_000, 70_000], mraiUs: [0, 0] },
} as const satisfies Readonly<Record<string, EngineOptions>>;

export type TimingName = keyof typeof TIMING_SETS;
export const TIMING_NAMES = Object.keys(TIMING_SETS) as TimingName[];
