/**
 * The gateway's clock, held in the hand: the simulator's event loop with one actor, so that events come in order of time, and
 * of their making where times are equal. Turns of the loop (`soon`) come at the same moment, behind everything due then.
 */
import type { Timer } from "#core/host/clock.ts";
import type { GatewayClock } from "#gateway/gateway-clock.ts";
import { EventLoop } from "#sim/world/event-loop.ts";

const ACTOR = 0;
const US_PER_MS = 1_000;

export class VirtualClock implements GatewayClock {
  readonly #loop = new EventLoop(1);

  /** Events that ran. */
  get steps(): number {
    return this.#loop.count;
  }

  nowMs(): number {
    return this.#loop.nowMs;
  }

  after(ms: number, fn: () => void): Timer {
    return this.#loop.after(ACTOR, Math.max(0, Math.round(ms * US_PER_MS)), fn);
  }

  soon<T>(fn: (argument: T) => void, argument: T): void {
    this.after(0, () => fn(argument));
  }

  at(atMs: number, fn: () => void): Timer {
    return this.after(atMs - this.nowMs(), fn);
  }

  /** Everything up to `untilMs`; then it is `untilMs`. */
  runUntil(untilMs: number): void {
    this.#loop.run(Math.round(untilMs * US_PER_MS));
  }
}
