/**
 * How long two speakers of this project take to notice that the other one has gone silent, played with their real state
 * machines on a virtual clock: the windows that operators compute with (hold timer; RFC 5880 §6.8.4) are tested on
 * what actually runs, not on the formula again. Nothing is lost and nothing takes time on the way, until nothing arrives.
 */
import { invariant } from "#core/assert.ts";
import type { Prng } from "#core/prng.ts";
import { decodeBfd } from "#bgp/bfd/packet.ts";
import { BfdSession } from "#bgp/bfd/session.ts";
import { BgpSession, type SessionConfig } from "#bgp/session.ts";

const LOCAL_AS = 64_496;
const REMOTE_AS = 64_497;
/** BFD sessions are up and at their agreed intervals by then: each side slows to a packet a second at most until it is up. */
const BFD_SETTLED_MS = 10_000;
const STEPS_MAX = 1_000_000;

/** From the failure `failedMs` after the session came up until the hold timer ends it, in ms. */
export function holdTimerDetectionMs(holdTimeS: number, failedMs: number): number {
  const local = new BgpSession(configOf(LOCAL_AS, holdTimeS), "passive");
  const remote = new BgpSession(configOf(REMOTE_AS, holdTimeS), "active");
  const sessions = [local, remote] as const;
  remote.start();
  for (const session of sessions) session.transportUp(0);
  let isDown = deliver(sessions, 0, false);
  for (let step = 0; step < STEPS_MAX && !isDown; step++) {
    const nowMs = Math.min(...sessions.map((session) => session.nextDeadlineMs() ?? Infinity));
    const isSilent = nowMs > failedMs;
    for (const session of sessions) session.tick(nowMs);
    isDown = deliver(sessions, nowMs, isSilent);
    if (isDown) return nowMs - failedMs;
  }
  throw new Error("the hold timer never ran out");
}

function configOf(localAs: number, holdTimeS: number): SessionConfig {
  return { localAs, bgpId: localAs, holdTimeS, connectRetryMs: 1_000_000_000, refusePeer: () => undefined };
}

/** Hands over what both have sent until neither has anything more to say; whether the local one lost its session. */
function deliver(sessions: readonly [BgpSession, BgpSession], nowMs: number, isSilent: boolean): boolean {
  let isDown = false;
  for (let isBusy = true; isBusy;) {
    isBusy = false;
    for (const [index, session] of sessions.entries()) {
      for (const action of session.takeActions()) {
        if (action.do === "down" && index === 0) isDown = true;
        if (action.do !== "send" || (isSilent && index === 1)) continue;
        sessions[1 - index]!.receive(action.bytes, nowMs);
        isBusy = true;
      }
    }
  }
  return isDown;
}

export interface BfdCase {
  readonly multiplier: number;
  readonly intervalMs: number;
}

/** From the failure, `failedMs` after the sessions have settled, until the local one counts the other as down, in ms. */
export function bfdDetectionMs({ multiplier, intervalMs }: BfdCase, failedMs: number, prng: Prng): number {
  const timers = {
    desiredMinTxMs: intervalMs,
    requiredMinRxMs: intervalMs,
    detectMultiplier: multiplier,
  };
  const draw = (min: number, max: number): number => prng.integer(min, max);
  const local = new BfdSession(1, timers, draw);
  const remote = new BfdSession(2, timers, draw);
  local.enable(0);
  remote.enable(0);
  const endMs = BFD_SETTLED_MS + failedMs;
  let detectedMs = exchange(local, remote, 0, false);
  for (let step = 0; step < STEPS_MAX && detectedMs === undefined; step++) {
    const nowMs = Math.min(local.nextDeadlineMs() ?? Infinity, remote.nextDeadlineMs() ?? Infinity);
    for (const session of [local, remote]) {
      session.transmit(nowMs);
      session.judge(nowMs);
    }
    detectedMs = exchange(local, remote, nowMs, nowMs > endMs);
  }
  invariant(detectedMs !== undefined, "BFD never noticed the silence");
  return detectedMs - endMs;
}

/** As `deliver`, for BFD; when the local session expired, if it did. */
function exchange(
  local: BfdSession,
  remote: BfdSession,
  nowMs: number,
  isSilent: boolean,
): number | undefined {
  let expiredMs: number | undefined;
  for (let isBusy = true; isBusy;) {
    isBusy = false;
    for (const [from, to] of [
      [local, remote],
      [remote, local],
    ] as const) {
      for (const action of from.takeActions()) {
        if (action.do === "changed") {
          if (from === local && action.change.cause === "expired") expiredMs = nowMs;
          continue;
        }
        if (isSilent && from === remote) continue;
        const decoded = decodeBfd(action.bytes);
        invariant(decoded.ok, "a BFD session sent what cannot be read");
        to.receive(decoded.packet, nowMs);
        isBusy = true;
      }
    }
  }
  return expiredMs;
}

/** A checker that withdraws a service: every `intervalMs`, and every `fastMs` once a check has failed. */
export interface CheckLoop {
  readonly intervalMs: number;
  readonly fastMs: number;
  readonly failuresToFall: number;
  /** How long a check takes that fails: 0 when refused, the timeout in a black hole. */
  readonly failingCheckMs: number;
}

/** From the failure, `failedMs` after a check that passed at once, until the withdrawal. A pause begins when a check ends. */
export function checkLoopDetectionMs(loop: CheckLoop, failedMs: number): number {
  let atMs = Math.ceil(failedMs / loop.intervalMs) * loop.intervalMs;
  for (let failures = 1; ; failures++) {
    atMs += loop.failingCheckMs;
    if (failures === loop.failuresToFall) return atMs - failedMs;
    atMs += loop.fastMs;
  }
}
