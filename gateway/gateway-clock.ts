/** Time and timers as the gateway's drivers take them, so that a test can hold the clock still. */
import { after, nowMs, type Timer } from "#core/host/clock.ts";

export interface GatewayClock {
  /** Monotonic milliseconds with fraction. */
  nowMs(): number;
  /** Runs `fn` once, not before `ms` from now, whole milliseconds. */
  after(ms: number, fn: () => void): Timer;
  /** Runs `fn` in the next turn of the loop, behind whatever has already arrived. */
  soon<T>(fn: (argument: T) => void, argument: T): void;
}

export const HOST_CLOCK: GatewayClock = {
  nowMs,
  after,
  soon: (fn, argument) => void setImmediate(fn, argument),
};
