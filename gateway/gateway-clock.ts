/** Time and timers as the gateway's drivers take them, so that a test can hold the clock still. */
import { after, nowMs, type Timer } from "#core/host/clock.ts";

export interface GatewayClock {
  /** Monotonic milliseconds with fraction. */
  nowMs(): number;
  /** Runs `fn` once, not before `ms` from now, whole milliseconds. */
  after(ms: number, fn: () => void): Timer;
}

export const HOST_CLOCK: GatewayClock = { nowMs, after };
