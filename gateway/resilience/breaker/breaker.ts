/**
 * A circuit breaker: what fails again and again is not asked for a while, then asked a little, then as before (Nygard,
 * "Release It!", 2007). Two ways to trip:
 *
 *   consecutive   so many failures in a row; `timeoutMs` after the last of them a few calls may try, the first success
 *                 closes and the first failure opens again
 *   rate          of the last calls too many failed, or too many were slow (two shares, each with its own limit); after
 *                 `waitDurationInOpenMs` so many calls may try, and their shares decide (the rules of Resilience4j's
 *                 count-based window)
 *
 *     closed --trips--> open --time is over, at the next call--> half_open --good--> closed
 *                         ^                                          '--bad--> open
 *
 * Pure: time is an argument, a decision comes back. A call belongs to the state that admitted it: results that come after
 * that state has ended say nothing about the present one. A call that hangs counts as slow when it has become slow, not
 * when it ends. An operator may hold the breaker open or closed; only `reset` ends that.
 */
import { CallWindow } from "./call-window.ts";

export const BREAKER_STATES = ["closed", "open", "half_open"] as const;

export type BreakerState = (typeof BREAKER_STATES)[number];

export type BreakerOptions =
  | {
      readonly mode: "consecutive";
      readonly failureThreshold: number;
      readonly timeoutMs: number;
      readonly permittedCallsInHalfOpen: number;
    }
  | {
      readonly mode: "rate";
      /** Percent. */
      readonly failureRateThreshold: number;
      readonly slowCallRateThreshold: number;
      readonly slowCallDurationMs: number;
      readonly minimumCalls: number;
      readonly slidingWindowSize: number;
      readonly waitDurationInOpenMs: number;
      readonly permittedCallsInHalfOpen: number;
    };

/** A call that was let through. To be handed to exactly one of `succeeded`, `failed`, `abandoned`. */
export interface BreakerCall {
  /** Number of the state that admitted it. */
  readonly epoch: number;
  readonly startedMs: number;
  /** Its entry in that state's window, once it has been counted as slow. */
  entry: number | undefined;
}

export interface BreakerChange {
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly reason: string;
}

type State =
  | { readonly is: "closed"; failuresInRow: number; lastFailureMs: number }
  | { readonly is: "open"; readonly untilMs: number }
  | { readonly is: "half_open"; permits: number };

export class CircuitBreaker {
  readonly name: string;
  readonly #options: BreakerOptions;
  readonly #onChange: (change: BreakerChange) => void;
  readonly #closedWindow: CallWindow;
  readonly #trialWindow: CallWindow;
  #state: State = { is: "closed", failuresInRow: 0, lastFailureMs: 0 };
  #epoch = 0;
  #held: "open" | "closed" | undefined;
  readonly #entered: Record<BreakerState, number> = { closed: 0, open: 0, half_open: 0 };

  constructor(
    name: string,
    options: BreakerOptions,
    onChange: (change: BreakerChange) => void = () => undefined,
  ) {
    this.name = name;
    this.#options = options;
    this.#onChange = onChange;
    this.#closedWindow = new CallWindow(options.mode === "rate" ? options.slidingWindowSize : 1);
    this.#trialWindow = new CallWindow(options.permittedCallsInHalfOpen);
  }

  get state(): BreakerState {
    return this.#held ?? this.#state.is;
  }

  /** How often it has come into this state. */
  entered(state: BreakerState): number {
    return this.#entered[state];
  }

  /** What the present state has counted. */
  get counts(): { readonly calls: number; readonly failed: number; readonly slow: number } {
    if (this.#options.mode === "consecutive" && this.#state.is === "closed") {
      const { failuresInRow } = this.#state;
      return { calls: failuresInRow, failed: failuresInRow, slow: 0 };
    }
    const { calls, failed, slow } = this.#state.is === "half_open" ? this.#trialWindow : this.#closedWindow;
    return { calls, failed, slow };
  }

  /** Infinity when no call is ever slow. */
  get slowAfterMs(): number {
    return this.#options.mode === "rate" ? this.#options.slowCallDurationMs : Infinity;
  }

  /** Whether `admit` would let a call through; changes nothing. */
  wouldAdmit(nowMs: number): boolean {
    if (this.#held !== undefined) return this.#held === "closed";
    switch (this.#state.is) {
      case "closed":
        return true;
      case "open":
        return nowMs >= this.#state.untilMs;
      case "half_open":
        return this.#state.permits > 0;
    }
  }

  /** Undefined: rejected. */
  admit(nowMs: number): BreakerCall | undefined {
    if (!this.wouldAdmit(nowMs)) return undefined;
    if (this.#held === undefined) {
      if (this.#state.is === "open") this.#tryAgain();
      if (this.#state.is === "half_open") this.#state.permits -= 1;
    }
    return { epoch: this.#epoch, startedMs: nowMs, entry: undefined };
  }

  /** ms until it may let something through again; 0: it may now, or when a call that is being tried has ended. */
  retryAfterMs(nowMs: number): number {
    return this.#state.is === "open" ? Math.max(0, this.#state.untilMs - nowMs) : 0;
  }

  /** The call is still under way and has become slow. Nothing the second time. */
  slow(call: BreakerCall, nowMs: number): void {
    if (!this.#isOfPresentState(call) || call.entry !== undefined) return;
    if (nowMs - call.startedMs < this.slowAfterMs) return;
    call.entry = this.#window.enter(false, true);
    this.#judge(nowMs);
  }

  succeeded(call: BreakerCall, nowMs: number): void {
    if (!this.#isOfPresentState(call)) return;
    if (this.#state.is === "closed") this.#state.failuresInRow = 0;
    this.#enter(call, false, nowMs);
  }

  failed(call: BreakerCall, nowMs: number): void {
    if (!this.#isOfPresentState(call)) return;
    if (this.#state.is === "closed") {
      this.#state.failuresInRow += 1;
      this.#state.lastFailureMs = nowMs;
    }
    this.#enter(call, true, nowMs);
  }

  /** It ended without saying anything about who was called: its client left, or another answer was taken. */
  abandoned(call: BreakerCall): void {
    if (!this.#isOfPresentState(call) || call.entry !== undefined) return;
    if (this.#state.is === "half_open") this.#state.permits += 1;
  }

  /** By an operator; `reset` ends it. */
  hold(as: "open" | "closed"): void {
    const from = this.state;
    this.#held = as;
    this.#tell(from, `held ${as} by the operator`);
  }

  /** As at the start: closed, nothing counted. */
  reset(): void {
    const from = this.state;
    this.#held = undefined;
    this.#become({ is: "closed", failuresInRow: 0, lastFailureMs: 0 });
    this.#tell(from, "reset by the operator");
  }

  #isOfPresentState({ epoch }: BreakerCall): boolean {
    return epoch === this.#epoch && this.#held === undefined;
  }

  get #window(): CallWindow {
    return this.#state.is === "half_open" ? this.#trialWindow : this.#closedWindow;
  }

  #enter(call: BreakerCall, isFailed: boolean, nowMs: number): void {
    if (call.entry === undefined) {
      this.#window.enter(isFailed, nowMs - call.startedMs >= this.slowAfterMs);
      return this.#judge(nowMs);
    }
    if (isFailed) this.#window.fail(call.entry);
    this.#judge(nowMs);
  }

  #judge(nowMs: number): void {
    const options = this.#options;
    if (options.mode === "consecutive") this.#judgeRow(options, nowMs);
    else this.#judgeShares(options, nowMs);
  }

  #judgeRow(options: BreakerOptions & { mode: "consecutive" }, nowMs: number): void {
    const state = this.#state;
    if (state.is === "half_open") {
      if (this.#trialWindow.failed > 0) this.#open(nowMs + options.timeoutMs, "a trial call failed");
      else this.#close("a trial call succeeded");
    } else if (state.is === "closed" && state.failuresInRow >= options.failureThreshold) {
      this.#open(state.lastFailureMs + options.timeoutMs, `${state.failuresInRow} failures in a row`);
    }
  }

  #judgeShares(options: BreakerOptions & { mode: "rate" }, nowMs: number): void {
    const window = this.#window;
    const needed = this.#state.is === "half_open" ? options.permittedCallsInHalfOpen : neededCalls(options);
    if (this.#state.is === "open" || window.calls < needed) return;
    const why = window.isShareAtLeast("failed", options.failureRateThreshold)
      ? `${window.failed} of ${window.calls} calls failed`
      : window.isShareAtLeast("slow", options.slowCallRateThreshold)
        ? `${window.slow} of ${window.calls} calls were slow`
        : undefined;
    if (why !== undefined) this.#open(nowMs + options.waitDurationInOpenMs, why);
    else if (this.#state.is === "half_open") this.#close(`${window.calls} trial calls were good enough`);
  }

  #open(untilMs: number, reason: string): void {
    const from = this.state;
    this.#become({ is: "open", untilMs });
    this.#tell(from, reason);
  }

  #close(reason: string): void {
    const from = this.state;
    this.#become({ is: "closed", failuresInRow: 0, lastFailureMs: 0 });
    this.#tell(from, reason);
  }

  #tryAgain(): void {
    this.#become({ is: "half_open", permits: this.#options.permittedCallsInHalfOpen });
    this.#tell("open", "its time is over");
  }

  #become(state: State): void {
    this.#state = state;
    this.#epoch += 1;
    this.#closedWindow.clear();
    this.#trialWindow.clear();
  }

  #tell(from: BreakerState, reason: string): void {
    const to = this.state;
    if (from === to) return;
    this.#entered[to] += 1;
    this.#onChange({ from, to, reason });
  }
}

/** A window smaller than the least number of calls would never be judged (Resilience4j takes the smaller one too). */
function neededCalls({ minimumCalls, slidingWindowSize }: BreakerOptions & { mode: "rate" }): number {
  return Math.min(minimumCalls, slidingWindowSize);
}
