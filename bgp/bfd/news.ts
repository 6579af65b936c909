/**
 * What of a session's changes is news to others, and what they mean for the protocol that asked for BFD (RFC 5882 §3.2):
 * a session that went down from up is an alarm, unless one side was switched off.
 */
import type { BfdChange } from "./session.ts";

export interface BfdNews {
  readonly state: "up" | "down" | "admin-down";
  readonly reason: string;
  /** Silence that was found, in whole ms; null: it was not silence. */
  readonly detectMs: number | null;
  /** The path is gone: whoever relies on it should act. */
  readonly isAlarm: boolean;
}

/** Undefined: nobody else need know, such as the steps of a handshake. */
export function bfdNews({ from, to, cause, reason, silentMs }: BfdChange): BfdNews | undefined {
  if (to === "up") return { state: "up", reason, detectMs: null, isAlarm: false };
  if (from !== "up") return undefined;
  return {
    state: to === "admin-down" || cause === "neighbor-admin" ? "admin-down" : "down",
    reason,
    detectMs: silentMs === null ? null : Math.round(silentMs),
    isAlarm: cause === "expired" || cause === "neighbor-down",
  };
}
