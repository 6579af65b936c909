/**
 * What a recording's server tells the page. All of it is GET, and nothing changes anything: each viewer has a moment of
 * his own.
 *
 *   GET /api/v1/stream                              server-sent event `replay`: ReplayOpening, then beats
 *   GET /api/v1/replay/frame?at=US                  ReplayFrame
 *   GET /api/v1/replay/stream?at=US&speed=FACTOR    server-sent events `frame`: ReplayFrame; FACTOR below 0 plays backwards
 */

export const REPLAY_SCHEMA = "anycastle.replay/v1";

export interface ReplayPlace {
  readonly name: string;
  /** Name of the town, for people; null: not told. */
  readonly city: string | null;
  readonly as: number;
  /** Degrees, WGS 84; null: on no map. */
  readonly latitude: number | null;
  readonly longitude: number | null;
}

/** By what becomes of their packets at one moment: how many of the ASes whose route changes in the recording. */
export interface ReplayFates {
  /** They arrive at a site that serves. */
  readonly right: number;
  /** They arrive at a site that is gone. */
  readonly wrong: number;
  /** An AS on the way has no route. */
  readonly lost: number;
  /** They go in a circle. */
  readonly looping: number;
}

export type ReplayMoment =
  /** Something was done to the service; `what` as it was recorded. */
  | { readonly atUs: number; readonly sort: "act"; readonly what: string }
  | {
      readonly atUs: number;
      readonly sort: "moved";
      readonly vantage: string;
      readonly from: string | null;
      readonly to: string | null;
    }
  /** So many percent of the ASes whose route changes have their last site. */
  | { readonly atUs: number; readonly sort: "settled"; readonly percent: number };

export interface ReplayOpening {
  readonly schema: typeof REPLAY_SCHEMA;
  readonly version: string;
  readonly title: string;
  readonly graph: string;
  readonly ases: number;
  readonly timing: string;
  readonly seed: number;
  readonly run: number;
  /** Of the last event. */
  readonly endUs: number;
  /** ASes whose route changes at least once. */
  readonly affected: number;
  readonly sites: readonly ReplayPlace[];
  readonly vantages: readonly ReplayPlace[];
  readonly curve: readonly (ReplayFates & { readonly atUs: number })[];
  /** By time. */
  readonly moments: readonly ReplayMoment[];
  /** What the model does not know. */
  readonly modelLimits: string;
}

export interface ReplayFrame {
  readonly atUs: number;
  /** In the order of the opening. */
  readonly sites: readonly ReplaySite[];
  /** For each vantage of the opening: name of the site that its route leads to, or null. */
  readonly vantages: readonly (string | null)[];
  /** ASes without a route. */
  readonly routeless: number;
  readonly fates: ReplayFates;
  /** Best paths that have changed so far, and messages that have arrived. */
  readonly changes: number;
  readonly messages: number;
}

export interface ReplaySite {
  readonly isAnnounced: boolean;
  readonly isServing: boolean;
  /** ASes whose route leads to it. */
  readonly routes: number;
}
