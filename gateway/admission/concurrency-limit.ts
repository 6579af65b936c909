/**
 * How many requests may wait for a response head at the same time: a number that follows what the nodes can carry. One algorithm a
 * file, all of them pure. They see how long nodes take to a response head, never how long somebody stood in line nor emulated
 * distance: those are not the nodes' doing.
 */
export interface ConcurrencyLimit {
  /** Whole number from 1. */
  readonly limit: number;
  /** For people: `measuring` while fewer are let in for a moment, to see what a node takes without a queue. */
  readonly phase: "following" | "measuring";
  /** What answers take while nobody waits at the nodes, as far as is known. */
  readonly floorMs?: number | undefined;
  sample(sample: HeadSample, nowMs: number): void;
}

export interface HeadSample {
  /** From asking a node to the head of its answer; of a lost one, until it was given up. */
  readonly tookMs: number;
  /** Requests without a head when this one began, itself among them. */
  readonly active: number;
  /** No answer came in time. */
  readonly isLost: boolean;
}

export const LIMIT_ALGORITHMS = ["off", "gradient", "aimd"] as const;
export type LimitAlgorithm = (typeof LIMIT_ALGORITHMS)[number];

/** What the algorithms that follow have in common. */
export interface AdaptiveBounds {
  /** Of requests without a head, here and below. */
  readonly activeMin: number;
  readonly activeInitial: number;
  readonly activeMax: number;
  /** Samples are judged together: those of so long at least, and so many at least. */
  readonly windowMs: number;
  readonly samplesMin: number;
}
