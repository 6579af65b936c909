/** Windows between a silent failure and its detection, the failure at moments all over one period. */
import { Prng } from "#core/prng.ts";
import {
  bfdDetectionMs,
  checkLoopDetectionMs,
  holdTimerDetectionMs,
  type BfdCase,
  type CheckLoop,
} from "./silent-failures.ts";
import { Equalities, type TruthRow } from "./truth-row.ts";

const HOLD_TIMES_S = [9, 90, 180, 240] as const;
/** Failures spread over one keepalive interval, or one interval of checks. */
const MOMENTS = 120;
const BFD_CASES: readonly BfdCase[] = [
  { multiplier: 3, intervalMs: 50 },
  { multiplier: 3, intervalMs: 100 },
  { multiplier: 3, intervalMs: 300 },
  { multiplier: 3, intervalMs: 750 },
  { multiplier: 3, intervalMs: 1_000 },
  { multiplier: 5, intervalMs: 3_000 },
];
/** Times are whole µs in exact arithmetic; virtual ms are floating point. */
const MS_ERROR = 1e-6;

const EXABGP = { intervalMs: 5_000, fastMs: 1_000, failuresToFall: 3 } as const;
const CHECKERS: readonly {
  readonly name: string;
  readonly source: string;
  readonly loop: CheckLoop;
}[] = [
  {
    name: "exabgp healthcheck, defaults, connection refused",
    source: "exabgp healthcheck.py: interval 5, fast 1, fall 3, timeout 5",
    loop: { ...EXABGP, failingCheckMs: 0 },
  },
  {
    name: "exabgp healthcheck, defaults, black hole",
    source: "exabgp healthcheck.py: interval 5, fast 1, fall 3, timeout 5",
    loop: { ...EXABGP, failingCheckMs: 5_000 },
  },
  {
    name: "anycast-healthchecker, defaults, connection refused",
    source: "anycast-healthchecker README: interval 10, fail 2",
    loop: { intervalMs: 10_000, fastMs: 10_000, failuresToFall: 2, failingCheckMs: 0 },
  },
];

export function detectionRows(): TruthRow[] {
  return [
    ...HOLD_TIMES_S.map(holdRow),
    ...BFD_CASES.map(bfdRow),
    ...CHECKERS.map(({ name, source, loop }) => checkerRow(name, source, loop)),
  ];
}

/** The hold timer runs from the last KEEPALIVE: what is known of the failure's moment is known of the detection. */
function holdRow(holdTimeS: number): TruthRow {
  const holdMs = holdTimeS * 1_000;
  const keepaliveMs = holdMs / 3;
  const equalities = new Equalities("failures");
  for (let moment = 0; moment < MOMENTS; moment++) {
    const sinceKeepaliveMs = Math.round((moment * keepaliveMs) / MOMENTS);
    const gotMs = holdTimerDetectionMs(holdTimeS, keepaliveMs + sinceKeepaliveMs);
    const wantedMs = holdMs - sinceKeepaliveMs;
    equalities.note(gotMs === wantedMs, () => `${gotMs} ms, ${sinceKeepaliveMs} ms after a KEEPALIVE`);
  }
  return equalities.row(
    {
      quantity: `hold timer ${holdTimeS} s, KEEPALIVE every third: detection of silence`,
      source: "RFC 4271 §6.5, §10; our state machine (bgp/session.ts)",
    },
    `(${(holdMs - keepaliveMs) / 1_000}, ${holdTimeS}] s: H less the time since the last KEEPALIVE`,
  );
}

function bfdRow(bfd: BfdCase): TruthRow {
  const { multiplier, intervalMs } = bfd;
  const [openMs, maxMs] = [(multiplier - 1) * intervalMs, multiplier * intervalMs];
  const windows = new Equalities("failures");
  const prng = new Prng(multiplier * intervalMs);
  for (let moment = 0; moment < MOMENTS; moment++) {
    const gotMs = bfdDetectionMs(bfd, (moment * intervalMs) / MOMENTS, prng);
    const isInside = gotMs > openMs - MS_ERROR && gotMs <= maxMs + MS_ERROR;
    windows.note(isInside, () => `${gotMs.toFixed(3)} ms`);
  }
  return windows.row(
    {
      quantity: `BFD ${multiplier} x ${intervalMs} ms: detection of silence`,
      source: "RFC 5880 §6.8.4; our state machine (bgp/bfd/session.ts)",
    },
    `(${openMs}, ${maxMs}] ms`,
  );
}

/** A failure just after a check is noticed last, one just before a check first. */
function checkerRow(name: string, source: string, loop: CheckLoop): TruthRow {
  const { intervalMs, fastMs, failuresToFall, failingCheckMs } = loop;
  const minMs = failuresToFall * failingCheckMs + (failuresToFall - 1) * fastMs;
  const equalities = new Equalities("failures");
  for (let moment = 0; moment < MOMENTS; moment++) {
    const beforeCheckMs = Math.round((moment * intervalMs) / MOMENTS);
    const gotMs = checkLoopDetectionMs(loop, intervalMs - beforeCheckMs);
    equalities.note(gotMs === minMs + beforeCheckMs, () => `${gotMs} ms, ${beforeCheckMs} ms before a check`);
  }
  return equalities.row(
    { quantity: `${name}: detection`, source },
    `${minMs / 1_000} to ${(minMs + intervalMs) / 1_000} s: U(0, I) + n c + (n-1) F`,
  );
}
