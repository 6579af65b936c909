/**
 * `Server-Timing` (W3C): where the time to the head of an answer went, for whoever may know. Names of nodes and times of a
 * fleet are nobody's business by default; who asks does so with `x-server-timing: 1`.
 */
import type { ServerTiming } from "../config/tracing.ts";
import { valueOf } from "../forward/fields.ts";

const ASKING = "x-server-timing";

export interface TimingAsker {
  readonly fields: readonly string[];
  /** The peer is among `trustedProxies`. */
  readonly isFromTrusted: boolean;
}

export function isTimingWanted(mode: ServerTiming, { fields, isFromTrusted }: TimingAsker): boolean {
  if (mode === "off") return false;
  if (mode === "always") return true;
  if (mode === "on-trusted-request" && !isFromTrusted) return false;
  return valueOf(fields, ASKING) === "1";
}

/** Milliseconds. */
export interface TimedAnswer {
  /** From the request's head to the answer's. */
  readonly totalMs: number;
  /** Of that in the line of `admission.activeMax`; undefined: there is none. */
  readonly waitMs: number | undefined;
  readonly attempts: number;
  /** The one that answered, and how long its attempt took; undefined: nobody did. */
  readonly node?: { readonly id: string; readonly tookMs: number };
}

export function timingText({ attempts, node, totalMs, waitMs }: TimedAnswer): string {
  const ownMs = totalMs - (waitMs ?? 0) - (node?.tookMs ?? 0);
  return [
    `gateway;dur=${toTenths(ownMs)}`,
    ...(waitMs === undefined ? [] : [`wait;dur=${toTenths(waitMs)}`]),
    ...(node === undefined ? [] : [`node;desc="${node.id}";dur=${toTenths(node.tookMs)}`]),
    `attempts;desc="${attempts}"`,
  ].join(", ");
}

function toTenths(ms: number): string {
  return Math.max(0, ms).toFixed(1);
}
