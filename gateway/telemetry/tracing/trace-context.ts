/**
 * `traceparent` of W3C Trace Context (level 1 and 2, §3.2): which trace a request belongs to, who asked, and whether it is
 * recorded there. One that breaks a rule is as good as none: the trace begins here.
 */
export interface TraceContext {
  /** 32 hexadecimal digits in lower case, not all 0. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  readonly isSampled: boolean;
  /** Level 2: the right-most 7 bytes of the trace's id were drawn at random; whoever goes on with it says the same. */
  readonly isRandom: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);
const SAMPLED = 0x01;
const RANDOM = 0x02;
const SHARE_DIGITS = 13;
const SHARES = 16 ** SHARE_DIGITS;

/** Undefined: there is none, or none that may be gone on with. */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(text ?? "") ?? [];
  if (version === undefined || version === "ff" || traceId === NO_TRACE || spanId === NO_SPAN)
    return undefined;
  // Later versions may have more behind; version 0 may not.
  if (version === "00" && rest !== undefined) return undefined;
  const bits = Number.parseInt(flags!, 16);
  return {
    traceId: traceId!,
    spanId: spanId!,
    isSampled: (bits & SAMPLED) !== 0,
    isRandom: (bits & RANDOM) !== 0,
  };
}

export function formatTraceparent({ traceId, spanId, isSampled, isRandom }: TraceContext): string {
  const bits = (isSampled ? SAMPLED : 0) | (isRandom ? RANDOM : 0);
  return `00-${traceId}-${spanId}-0${bits}`;
}

/** Chosen by the trace's own id, so that everybody on its way chooses alike. `ratio`: from 0 to 1. */
export function isChosen(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-SHARE_DIGITS), 16) < ratio * SHARES;
}
