/**
 * Closed forms of convergence on full meshes, rings and lines: how long an announcement and a withdrawal take, and how
 * many messages they cost. They hold to the microsecond for MRAI >= 2 delays, whatever the order of what happens at the
 * same moment, and so judge the engine without tolerance. Two simulators that share nothing with this engine or with
 * each other agreed on all of them before they stood here.
 *
 * K, n: ASes, the origin included. M: MRAI, the same at every session, without jitter. d: delay of every message.
 * Down ends with the arrival of the last message, up with the last change of a best path.
 */
import type { Shape } from "./shapes.ts";

export const MODES = ["plain", "WRATE", "SSLD", "WRATE + SSLD"] as const;
/** WRATE: withdrawals wait for the MRAI too. SSLD: no path is sent to an AS that is in it; it is told a withdrawal. */
export type Mode = (typeof MODES)[number];

export interface Down {
  readonly us: number;
  readonly announcements: number;
  readonly withdrawals: number;
}

export interface Up {
  readonly us: number;
  /** Undefined: not known in closed form. */
  readonly messages: number | undefined;
}

export interface Law {
  readonly shape: Shape;
  readonly mode: Mode;
  readonly counts: readonly number[];
  readonly downText: string;
  readonly down: (count: number, mraiUs: number, delayUs: number) => Down;
  /** False: it holds for events in the order in which they arose, neighbours by AS number; for no other it is a law. */
  readonly isForAnyOrder: boolean;
}

const MESH_COUNTS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12] as const;
/** Only for these is the ordered case without MRAI limits on withdrawals known. */
const MESH_SSLD_COUNTS = [4, 5, 6, 7, 8, 9, 10, 11] as const;
const RING_COUNTS = [3, 5, 7, 9, 11, 13] as const;
const LINE_COUNTS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12] as const;

const meshAnnouncements = (k: number): number => ((k - 2) * (k - 1) * (k + 1)) / 2;

export const LAWS: readonly Law[] = [
  {
    shape: "full mesh",
    mode: "plain",
    counts: MESH_COUNTS,
    downText: "(K-3) M + 3d",
    down: (k, m, d) => ({
      us: (k - 3) * m + 3 * d,
      announcements: meshAnnouncements(k),
      withdrawals: k * (k - 1),
    }),
    isForAnyOrder: true,
  },
  {
    shape: "full mesh",
    mode: "WRATE",
    counts: MESH_COUNTS,
    downText: "(K-2) M + 2d",
    down: (k, m, d) => ({
      us: (k - 2) * m + 2 * d,
      announcements: meshAnnouncements(k),
      withdrawals: k * (k - 1),
    }),
    isForAnyOrder: true,
  },
  {
    shape: "full mesh",
    mode: "WRATE + SSLD",
    counts: MESH_COUNTS,
    downText: "(K-3) M + 2d",
    down: (k, m, d) => ({
      us: (k - 3) * m + 2 * d,
      announcements: ((k - 2) * (k - 1) * (2 * k - 3)) / 6 - (k - 2),
      withdrawals: (k - 1) ** 2,
    }),
    isForAnyOrder: true,
  },
  {
    shape: "full mesh",
    mode: "SSLD",
    counts: MESH_SSLD_COUNTS,
    downText: "3d",
    down: (k, _, d) => ({ us: 3 * d, announcements: (k - 1) * (k - 2), withdrawals: k * (k - 1) }),
    isForAnyOrder: false,
  },
  {
    shape: "ring",
    mode: "plain",
    counts: RING_COUNTS,
    downText: "n d",
    down: (n, _, d) => ({ us: n * d, announcements: 2 * n - 2, withdrawals: 4 * n - 6 }),
    isForAnyOrder: true,
  },
  {
    shape: "ring",
    mode: "WRATE",
    counts: RING_COUNTS,
    downText: "2M + max(2, n-3) d; n = 3: M + 2d",
    down: (n, m, d) => ({
      us: n === 3 ? m + 2 * d : 2 * m + Math.max(2, n - 3) * d,
      announcements: 2 * n - 2,
      withdrawals: 4 * n - 6,
    }),
    isForAnyOrder: true,
  },
  {
    shape: "ring",
    mode: "SSLD",
    counts: RING_COUNTS,
    downText: "(n-1) d",
    down: (n, _, d) => ({ us: (n - 1) * d, announcements: n - 3, withdrawals: 2 * n - 2 }),
    isForAnyOrder: true,
  },
  {
    shape: "ring",
    mode: "WRATE + SSLD",
    counts: RING_COUNTS,
    downText: "M + (n-2) d; n = 3: 2d",
    down: (n, m, d) => ({
      us: n === 3 ? 2 * d : m + (n - 2) * d,
      announcements: n - 3,
      withdrawals: 2 * n - 2,
    }),
    isForAnyOrder: true,
  },
  ...(["plain", "WRATE"] as const).map((mode): Law => ({
    shape: "line",
    mode,
    counts: LINE_COUNTS,
    downText: "n d",
    down: (n, _, d) => ({ us: n * d, announcements: 0, withdrawals: 2 * (n - 1) }),
    isForAnyOrder: true,
  })),
  ...(["SSLD", "WRATE + SSLD"] as const).map((mode): Law => ({
    shape: "line",
    mode,
    counts: LINE_COUNTS,
    downText: "(n-1) d",
    down: (n, _, d) => ({ us: (n - 1) * d, announcements: 0, withdrawals: n - 1 }),
    isForAnyOrder: true,
  })),
];

/** An announcement on an idle shape: in time the distance to the farthest AS. */
export function upLaw(shape: Shape, mode: Mode, count: number, delayUs: number): Up {
  const isCareful = mode.endsWith("SSLD");
  switch (shape) {
    case "full mesh":
      return { us: delayUs, messages: isCareful ? (count - 1) ** 2 : count * (count - 1) };
    case "ring":
      return { us: Math.floor(count / 2) * delayUs, messages: isCareful ? undefined : 2 * count };
    case "line":
      return { us: (count - 1) * delayUs, messages: undefined };
  }
}

/** Messages of a full mesh of 3 to 7 without any MRAI, events in the order in which they arose. */
export const MESH_WITHOUT_MRAI = [
  { count: 3, messages: 10 },
  { count: 4, messages: 48 },
  { count: 5, messages: 220 },
  { count: 6, messages: 780 },
  { count: 7, messages: 2_562 },
] as const;
