/**
 * The health of all nodes of a gateway, as a state machine per node. Pure: it hears what was observed and answers
 * with the change that follows, if any; it owns no timer and sees no socket.
 *
 *                  M checks passed                         refused or reset once,
 *     unproven ----------------------> healthy ------------ or silent 3 times in a row, -----> ejected
 *        |                              |   ^               or E gateway errors in a row         |
 *        | N checks failed     N failed |   | M passed, begun after it went out                  |
 *        v                              v   |                                                    |
 *     unhealthy <-----------------------'   '------------------ (also from unhealthy) <----------'
 *
 * "Says it is draining" takes a node out from any state that serves, and M passed checks bring it back. An operator's
 * drain lies over all of it. Two rules keep a bad minute of the gateway's own from emptying the pool:
 * - What was observed across a stall of the gateway's own loop is no proof of a node's silence.
 * - At most `SILENT_SHARE_MAX_PERCENT` of the nodes (but always one) may be out for being silent at the same time:
 *   when a box freezes, everybody looks silent. Refused and reset connections prove a death and know no cap.
 * A third for errors: only so many nodes may be out for what they answer, and never the last healthy one. If all answer
 * with errors, the fault is behind them. What shows only over a while (shares of failures, times, a silence that grows) is
 * looked at by `sweep`, which somebody calls now and then.
 */
import { invariant } from "#core/assert.ts";
import type { NodeHealth } from "#core/wire/events.ts";
import { OutlierWindow } from "./outlier-window.ts";
import { ejectionMs, OUTLIERS_OFF, type OutlierOptions } from "./outliers.ts";
import { PhiAccrual } from "./phi-accrual.ts";
import type { HealthProfile } from "./profiles.ts";

/** Attempts in a row to which a node gave no answer of its own. Counted, not timed: at 100 requests/s a window never fills. */
const SILENT_STREAK = 3;
const SILENT_SHARE_MAX_PERCENT = 50;
/** Probes that fail come at longer and longer intervals, up to so many times the first. */
const PROBE_INTERVALS_MAX = 16;

type State =
  | { readonly is: "unproven"; passes: number; failures: number }
  | { readonly is: "healthy"; failures: number; silences: number; errors: number }
  | { readonly is: "unhealthy"; readonly sinceMs: number; readonly isSilent: boolean; passes: number }
  | {
      readonly is: "ejected";
      readonly sinceMs: number;
      readonly isSilent: boolean;
      /** For its answers; passed checks count from `untilMs` on. */
      readonly isOutlier: boolean;
      readonly untilMs: number;
      passes: number;
    }
  | { readonly is: "draining"; readonly sinceMs: number; passes: number; failures: number };

/** How an attempt ended, as far as it says something about the node. */
export type AttemptSign =
  /** The node answered, and not with a gateway error. */
  | "answered"
  /** The node answered 502, 503 or 504, or something that is no HTTP. */
  | "error"
  | "refused"
  | "reset"
  /** No answer within the attempt's time, or a hedge answered first. */
  | "silent";

/** What a check saw. */
export type CheckSign = "passed" | "draining" | "refused" | "reset" | "timeout" | "failed";

export interface HealthChange {
  readonly node: number;
  readonly from: NodeHealth;
  readonly to: NodeHealth;
  readonly reason: string;
  /** The node went out by its traffic: check it now, do not wait for the next turn. */
  readonly checkNow: boolean;
}

export class NodeHealthBoard {
  readonly #profile: HealthProfile;
  readonly #states: State[];
  readonly #isDrained: boolean[];
  readonly #silentMax: number;
  readonly #outliers: OutlierOptions;
  readonly #outlierMax: number;
  /** By node: how often it went out for its answers, and when last; a quiet time takes one off. */
  readonly #outlierTimes: number[];
  readonly #outlierMs: number[];
  readonly #window: OutlierWindow;
  /** By node; empty: silence is not weighed. */
  readonly #phis: readonly PhiAccrual[];
  /** By node: since when it owes an answer and has given none; of no meaning while nothing is in flight. */
  readonly #owesSinceMs: Float64Array;
  /** By node: when a request may be tried on it, and how many were in vain. */
  readonly #probeMs: Float64Array;
  readonly #probes: Uint32Array;
  #outlierCount = 0;
  #healthyCount = 0;
  #outCount = 0;
  #silentCount = 0;
  /** A node was healthy once: what is unproven from now on waits for its checks. */
  #isAnyProven = false;
  #stallEndedMs = -Infinity;

  /** `siteOf`: nodes of one site are compared by their times. */
  constructor(
    nodeCount: number,
    profile: HealthProfile,
    outliers: OutlierOptions = OUTLIERS_OFF,
    siteOf: (node: number) => number = () => 0,
  ) {
    this.#profile = profile;
    this.#window = new OutlierWindow(nodeCount, outliers, siteOf);
    const { silencePhi, silenceDeviationMinMs } = outliers;
    this.#phis =
      silencePhi === 0 ? [] : Array.from({ length: nodeCount }, () => new PhiAccrual(silenceDeviationMinMs));
    this.#owesSinceMs = new Float64Array(nodeCount);
    this.#probeMs = new Float64Array(nodeCount).fill(Infinity);
    this.#probes = new Uint32Array(nodeCount);
    this.#outliers = outliers;
    this.#outlierMax = Math.max(1, Math.floor((nodeCount * outliers.shareMaxPercent) / 100));
    this.#outlierTimes = Array.from({ length: nodeCount }, () => 0);
    this.#outlierMs = Array.from({ length: nodeCount }, () => -Infinity);
    this.#states = Array.from({ length: nodeCount }, () => ({ is: "unproven", passes: 0, failures: 0 }));
    this.#isDrained = Array.from({ length: nodeCount }, () => false);
    this.#silentMax = Math.max(1, Math.floor((nodeCount * SILENT_SHARE_MAX_PERCENT) / 100));
  }

  /** Takes over what another board knew: `from[node]` is the node's number there, undefined: it is new. */
  adopt(other: NodeHealthBoard, from: readonly (number | undefined)[]): void {
    for (const [node, number] of from.entries()) {
      if (number === undefined) continue;
      this.#become(node, { ...other.#state(number) });
      this.#isDrained[node] = other.#isDrained[number]!;
      this.#outlierTimes[node] = other.#outlierTimes[number]!;
      this.#outlierMs[node] = other.#outlierMs[number]!;
    }
    this.#isAnyProven ||= other.#isAnyProven;
    this.#stallEndedMs = other.#stallEndedMs;
  }

  /** As people and events are told. */
  health(node: number): NodeHealth {
    const state = this.#state(node);
    const serves = state.is === "healthy" || state.is === "unproven";
    return serves && this.#isDrained[node] ? "draining" : state.is;
  }

  /** Its last check passed, and more will settle whether it may serve. */
  isBeingProven(node: number): boolean {
    const state = this.#state(node);
    return state.is === "unproven" && state.passes > 0;
  }

  /** May take new requests. While nothing is proven anywhere, unproven nodes may (a cold start is not an outage). */
  isEligible(node: number): boolean {
    if (this.#isDrained[node]) return false;
    const is = this.#states[node]!.is;
    return is === "healthy" || (is === "unproven" && !this.#isAnyProven);
  }

  /** Alive as far as known, but not to be asked unless nobody else can: tried before nodes that are out. */
  isReluctant(node: number): boolean {
    const health = this.health(node);
    return health === "unproven" || health === "draining";
  }

  /** The gateway itself stood still until `endedMs`: what began before that proves no silence. */
  noteStall(endedMs: number): void {
    this.#stallEndedMs = endedMs;
  }

  /** An attempt begins; `inFlight`: how many run at the node already. */
  asked(node: number, inFlight: number, nowMs: number): void {
    if (inFlight === 0) this.#owesSinceMs[node] = nowMs;
  }

  /** `startedMs` is when the node was really asked. */
  attempt(node: number, sign: AttemptSign, startedMs: number, nowMs: number): HealthChange | undefined {
    const state = this.#state(node);
    this.#count(node, sign, startedMs, nowMs);
    switch (sign) {
      case "answered":
        if (state.is === "healthy") state.silences = state.errors = 0;
        return this.#probeAnswered(node, state, startedMs);
      case "error":
        return state.is === "healthy" ? this.#answeredError(node, state, nowMs) : undefined;
      case "refused":
      case "reset":
        if (state.is === "ejected" || state.is === "unhealthy") return undefined;
        return this.#enter(node, ejected(nowMs), sign, true);
      case "silent": {
        if (state.is !== "healthy" || startedMs < this.#stallEndedMs) return undefined;
        state.silences += 1;
        if (state.silences < SILENT_STREAK || this.#silentCount >= this.#silentMax) return undefined;
        const next: State = { ...ejected(nowMs), isSilent: true };
        return this.#enter(node, next, `silent ${state.silences} times in a row`, true);
      }
      default:
        return undefined;
    }
  }

  check(node: number, sign: CheckSign, startedMs: number, nowMs: number): HealthChange | undefined {
    if (sign === "passed") return this.#checkPassed(node, startedMs, nowMs);
    if (sign === "draining") return this.#checkSaidDraining(node, startedMs, nowMs);
    // A check that spans the gateway's own stall timed out here, not there.
    if (sign === "timeout" && startedMs < this.#stallEndedMs) return undefined;
    return this.#checkFailed(node, sign, nowMs);
  }

  /**
   * What shows only over a while: shares of failures and times at the end of an interval, silences now. `inFlight` of a node:
   * attempts that run there.
   */
  sweep(inFlight: (node: number) => number, nowMs: number): HealthChange[] {
    const changes: HealthChange[] = [];
    for (const { node, reason } of this.#window.judge(nowMs)) {
      if (this.#state(node).is !== "healthy") continue;
      const change = this.#ejectOutlier(node, reason, nowMs);
      if (change !== undefined) changes.push(change);
    }
    for (let node = 0; node < this.#phis.length; node++) {
      const change = inFlight(node) > 0 ? this.#weighSilence(node, nowMs) : undefined;
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }

  get isAnyOut(): boolean {
    return this.#outCount > 0;
  }

  /** It is out, its time is over, and a request of somebody's may try it: one at a time. */
  isProbeDue(node: number, nowMs: number): boolean {
    return this.#probeMs[node]! <= nowMs && !this.#isDrained[node];
  }

  /** A request tries it. Should it never be heard of again, the next one may come all the same. */
  probed(node: number, nowMs: number): void {
    const { probeIntervalMs } = this.#outliers;
    this.#probes[node]! += 1;
    this.#probeMs[node] = nowMs + probeIntervalMs * Math.min(PROBE_INTERVALS_MAX, this.#probes[node]!);
  }

  /** By order of an operator, until `undrain`. */
  drain(node: number): HealthChange | undefined {
    if (this.#isDrained[node]) return undefined;
    const from = this.health(node);
    this.#isDrained[node] = true;
    return this.#change(node, from, "drained by the operator", false);
  }

  undrain(node: number): HealthChange | undefined {
    if (!this.#isDrained[node]) return undefined;
    const from = this.health(node);
    this.#isDrained[node] = false;
    return this.#change(node, from, "drain ended by the operator", false);
  }

  #answeredError(
    node: number,
    state: State & { readonly is: "healthy" },
    nowMs: number,
  ): HealthChange | undefined {
    state.silences = 0;
    state.errors += 1;
    const { consecutiveErrors } = this.#outliers;
    if (consecutiveErrors === 0 || state.errors < consecutiveErrors) return undefined;
    return this.#ejectOutlier(node, `${state.errors} gateway errors in a row`, nowMs);
  }

  #ejectOutlier(node: number, reason: string, nowMs: number): HealthChange | undefined {
    if (this.#outlierCount >= this.#outlierMax || this.#healthyCount <= 1) return undefined;
    const times = 1 + this.#timesOut(node, nowMs);
    this.#outlierTimes[node] = times;
    this.#outlierMs[node] = nowMs;
    const untilMs = nowMs + ejectionMs(times, this.#outliers);
    const next: State = { ...ejected(nowMs), isOutlier: true, untilMs };
    return this.#enter(node, next, reason, false);
  }

  /** For what is judged over a while. Across a stall of the gateway's own nobody was silent. */
  #count(node: number, sign: AttemptSign, startedMs: number, nowMs: number): void {
    if (sign === "answered" || sign === "error") {
      this.#owesSinceMs[node] = nowMs;
      this.#phis[node]?.answered(nowMs - startedMs);
    }
    if (sign === "answered") this.#window.answered(node, nowMs - startedMs);
    else if (sign !== "silent" || startedMs >= this.#stallEndedMs) this.#window.failed(node);
  }

  #weighSilence(node: number, nowMs: number): HealthChange | undefined {
    if (this.#state(node).is !== "healthy" || this.#silentCount >= this.#silentMax) return undefined;
    const silentMs = nowMs - Math.max(this.#owesSinceMs[node]!, this.#stallEndedMs);
    const phi = this.#phis[node]!.phi(silentMs);
    if (phi < this.#outliers.silencePhi) return undefined;
    const next: State = { ...ejected(nowMs), isSilent: true };
    return this.#enter(node, next, `silent for ${silentMs.toFixed(0)} ms, phi ${phi.toFixed(1)}`, true);
  }

  /** Whatever asked it, if it was asked since it went out. */
  #probeAnswered(node: number, state: State, startedMs: number): HealthChange | undefined {
    if (this.#outliers.probeIntervalMs === 0) return undefined;
    if (!isOut(state)) return undefined;
    if (startedMs < (state.is === "ejected" ? state.untilMs : state.sinceMs)) return undefined;
    return this.#enter(node, healthy(), "a probe was answered", false);
  }

  /** How often it went out for its answers lately. */
  #timesOut(node: number, nowMs: number): number {
    const quiet = Math.floor((nowMs - this.#outlierMs[node]!) / this.#outliers.ejectionMaxMs);
    return Math.max(0, this.#outlierTimes[node]! - quiet);
  }

  #checkPassed(node: number, startedMs: number, nowMs: number): HealthChange | undefined {
    const state = this.#state(node);
    if (state.is === "healthy") {
      state.failures = 0;
      return undefined;
    }
    if (state.is === "unproven") state.failures = 0;
    // An answer to a question older than the ejection proves nothing: the node may have died after it.
    else if (startedMs < state.sinceMs) return undefined;
    if (state.is === "ejected" && nowMs < state.untilMs && !this.#outliers.isEndedByChecks) return undefined;
    state.passes += 1;
    if (state.passes < this.#profile.healthyThreshold) return undefined;
    return this.#enter(node, healthy(), `${state.passes} checks passed`, false);
  }

  #checkSaidDraining(node: number, startedMs: number, nowMs: number): HealthChange | undefined {
    const state = this.#state(node);
    if (state.is === "draining") {
      state.passes = 0;
      state.failures = 0;
      return undefined;
    }
    if ((state.is === "ejected" || state.is === "unhealthy") && startedMs < state.sinceMs) return undefined;
    return this.#enter(
      node,
      { is: "draining", sinceMs: nowMs, passes: 0, failures: 0 },
      "says it is draining",
      false,
    );
  }

  #checkFailed(node: number, sign: CheckSign, nowMs: number): HealthChange | undefined {
    const state = this.#state(node);
    if (state.is === "ejected" || state.is === "unhealthy") {
      state.passes = 0;
      return undefined;
    }
    if (state.is !== "healthy") state.passes = 0;
    state.failures += 1;
    if (state.failures < this.#profile.unhealthyThreshold) return undefined;
    const isSilent = sign === "timeout";
    if (isSilent && this.#silentCount >= this.#silentMax) return undefined;
    const next: State = { is: "unhealthy", sinceMs: nowMs, isSilent, passes: 0 };
    return this.#enter(node, next, `${state.failures} checks failed, last: ${sign}`, false);
  }

  #enter(node: number, next: State, reason: string, checkNow: boolean): HealthChange | undefined {
    const from = this.health(node);
    this.#become(node, next);
    return this.#change(node, from, reason, checkNow);
  }

  #become(node: number, next: State): void {
    const last = this.#state(node);
    this.#silentCount += isOutSilent(next) - isOutSilent(last);
    this.#outlierCount += isOutlier(next) - isOutlier(last);
    this.#healthyCount += Number(next.is === "healthy") - Number(last.is === "healthy");
    this.#outCount += Number(isOut(next)) - Number(isOut(last));
    this.#planProbe(node, next);
    if (next.is === "healthy") this.#isAnyProven = true;
    this.#states[node] = next;
  }

  #planProbe(node: number, next: State): void {
    const { probeIntervalMs } = this.#outliers;
    this.#probes[node] = 0;
    this.#probeMs[node] = Infinity;
    if (!isOut(next)) return;
    this.#phis[node]?.reset();
    const untilMs = next.is === "ejected" ? next.untilMs : 0;
    if (probeIntervalMs > 0) this.#probeMs[node] = Math.max(next.sinceMs + probeIntervalMs, untilMs);
  }

  #change(node: number, from: NodeHealth, reason: string, checkNow: boolean): HealthChange | undefined {
    const to = this.health(node);
    return from === to ? undefined : { node, from, to, reason, checkNow };
  }

  #state(node: number): State {
    const state = this.#states[node];
    invariant(state !== undefined, `there is no node ${node}`);
    return state;
  }
}

function isOut(state: State): state is State & { readonly is: "ejected" | "unhealthy" } {
  return state.is === "ejected" || state.is === "unhealthy";
}

function isOutSilent(state: State): number {
  return isOut(state) && state.isSilent ? 1 : 0;
}

function isOutlier(state: State): number {
  return state.is === "ejected" && state.isOutlier ? 1 : 0;
}

function healthy(): State & { readonly is: "healthy" } {
  return { is: "healthy", failures: 0, silences: 0, errors: 0 };
}

/** For nothing it said; a passed check may bring it back at any time. */
function ejected(nowMs: number): State & { readonly is: "ejected" } {
  return { is: "ejected", sinceMs: nowMs, isSilent: false, isOutlier: false, untilMs: nowMs, passes: 0 };
}
