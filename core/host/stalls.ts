/**
 * Notices that this process, or the whole box, stood still. A timer that should fire every `PERIOD_MS` and comes
 * later than `STALL_MS` past its due time proves that nothing ran here for that long. A measurement that spans such a
 * stall says more about the box than about the product, so the stall is an event and makes a run void.
 */
import { after, nowMs, type Timer } from "./clock.ts";

const PERIOD_MS = 20;

/** Calls `onStall(durationMs, endedAtMs)` for every stall longer than `stallMs`. The timer keeps no process alive. */
export function watchStalls(
  stallMs: number,
  onStall: (durationMs: number, endedAtMs: number) => void,
): Timer {
  let timer: Timer;
  let dueMs = 0;
  arm();
  return { cancel: () => timer.cancel() };

  function arm(): void {
    dueMs = nowMs() + PERIOD_MS;
    timer = after(PERIOD_MS, tick, { unref: true });
  }

  function tick(): void {
    const atMs = nowMs();
    if (atMs - dueMs > stallMs) onStall(atMs - dueMs, atMs);
    arm();
  }
}
